"""``refold score``: any metric of recorded trials."""

from sweeps.cli.options import Arguments, Verbs, json_option, trust_option, workers_option
from sweeps.cli.output import print_json, put, put_table, say
from trainer.quantities import counted


def add_verbs(verbs: Verbs) -> None:
    """Add ``score``."""
    added = verbs.add(score, "score digits --metric neg_log_loss")
    added.add_argument("sweep", help="name of the sweep")
    added.add_argument(
        "--metric", required=True, help="scikit-learn's name of a scorer, or f1:CLASS, recall:CLASS, …"
    )
    added.add_argument(
        "--trial", metavar="ARCHITECTURE/NUMBER", help="score this trial (default: each architecture's best)"
    )
    added.add_argument("--all", action="store_true", help="score all complete trials")
    workers_option(added)
    trust_option(added)
    json_option(added)


def score(options: Arguments) -> int:
    """Score recorded trials by another metric."""
    from sweeps.api import scoring

    found = scoring.score(
        options.sweep,
        options.metric,
        options.home,
        trial=options.trial,
        every=options.all,
        workers=options.workers,
        say=say,
        trust_code=options.trust_code,
    )
    if options.json:
        print_json(found.to_json())
        return 0
    put_table(found.table())
    if found.trained:
        put("", f"{counted(found.trained, 'fit')} trained again, every digest equal")
    return 0
