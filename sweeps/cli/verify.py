"""``refold verify``: the record proven by training again."""

from sweeps.cli import tables
from sweeps.cli.options import Arguments, Verbs, json_option, tracking_option, workers_option
from sweeps.cli.output import err, out, print_json
from sweeps.home import Home


def add_verbs(verbs: Verbs) -> None:
    """Add ``verify``."""
    added = verbs.add(verify, "verify digits --trial resnet/3")
    added.add_argument("sweep", help="name of the sweep, or the id of one of its runs in MLflow")
    added.add_argument("--all", action="store_true", help="every fit (default: a sample of them)")
    added.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="all fits of one trial")
    added.add_argument("--fold", type=int, help="this fold only")
    workers_option(added)
    tracking_option(added)
    json_option(added)


def verify(options: Arguments) -> int:
    """Train again from the record and compare every digest."""
    from sweeps import api
    from sweeps.verification import verify

    home = Home.chosen(options.home)
    name, architecture, trial = api.named(home, options.sweep, options.trial, options.tracking_uri)
    wanted = verify.FitSelection(
        everything=options.all, architecture=architecture, trial=trial, fold=options.fold
    )
    report = api.verify(home, name, wanted, workers=options.workers, say=err.print)
    if options.json:
        print_json(tables.verification_json(report))
    else:
        for line in tables.verification_lines(report):
            out.print(line, markup=False)
    return 1 if report.differences else 0
