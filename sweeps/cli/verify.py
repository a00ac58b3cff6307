"""``refold verify``: the record proven by training again."""

from sweeps.cli import tables
from sweeps.cli.options import Arguments, Verbs, json_option, tracking_option, workers_option
from sweeps.cli.output import err, out, print_json


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
    from sweeps.api import record

    report = record.verify(
        options.sweep,
        options.home,
        everything=options.all,
        trial=options.trial,
        fold=options.fold,
        workers=options.workers,
        tracking_uri=options.tracking_uri,
        say=err.print,
    )
    if options.json:
        print_json(tables.verification_json(report))
    else:
        for line in tables.verification_lines(report):
            out.print(line, markup=False)
    return 1 if report.differences else 0
