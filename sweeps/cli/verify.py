"""``refold verify``: proves a record by training fits again."""

from typing import TYPE_CHECKING, Any

from sweeps.cli.options import Arguments, Verbs, json_option, tracking_option, trust_option, workers_option
from sweeps.cli.output import print_json, put, say
from trainer.quantities import counted

if TYPE_CHECKING:
    from sweeps.verification.report import Report

#: So many differences are shown, causes before effects: the first ones say what the others follow from.
LISTED = 10


def add_verbs(verbs: Verbs) -> None:
    """Add ``verify``."""
    added = verbs.add(verify, "verify digits --trial resnet/3")
    added.add_argument("sweep", help="name of the sweep, or the id of one of its runs in MLflow")
    added.add_argument(
        "--all", action="store_true", help="train every fit again (default: a sample of the fits)"
    )
    added.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="train all fits of this trial again")
    added.add_argument("--fold", type=int, help="train only fits of this fold again")
    workers_option(added)
    trust_option(added)
    tracking_option(added)
    json_option(added)


def verify(options: Arguments) -> int:
    """Train recorded fits again and compare every digest."""
    from sweeps.api import record

    report = record.verify(
        options.sweep,
        options.home,
        everything=options.all,
        trial=options.trial,
        fold=options.fold,
        workers=options.workers,
        tracking_uri=options.tracking_uri,
        say=say,
        trust_code=options.trust_code,
    )
    if options.json:
        print_json(verification_json(report))
    else:
        put(*verification_lines(report))
    return 1 if report.differences else 0


def verification_lines(report: "Report") -> list[str]:
    """Return the lines that show what a verification found."""
    kind = "the same kind of machine" if report.same_kind else "another kind of machine"
    promise = "identical bytes are promised" if report.same_kind else "no promise of identical bytes"
    lines = [f"recorded on {kind}: {promise}"]
    lines += [report.not_sealed] if report.not_sealed else []
    if report.differences:
        first, *others = map(str, report.differences[:LISTED])
        more = len(report.differences) - LISTED
        lines += [f"MISMATCH  {first}", *(f"          {other}" for other in others)]
        lines += [f"and {more} more after these; --json lists them"] if more > 0 else []
        if not report.trained:
            lines.append("nothing was trained again: the first difference was found before that")
    else:
        lines.append(
            f"MATCH  {report.sweep}: {counted(report.proposed, 'trial')} proposed again, {report.trained} of "
            f"{counted(report.recorded, 'fit')} trained again, every digest equal"
        )
        if report.trained < report.recorded:
            lines.append("--all trains every fit again")
    return [*lines, *(f"note: {note}" for note in report.notes)]


def verification_json(report: "Report") -> dict[str, Any]:
    """Return what a verification found as one JSON object."""
    return {
        "sweep": report.sweep,
        "match": not report.differences,
        "same_machine_kind": report.same_kind,
        "trials_proposed": report.proposed,
        "fits_trained": report.trained,
        "fits_recorded": report.recorded,
        "not_sealed": report.not_sealed,
        "notes": list(report.notes),
        "differences": [{"where": d.where, "subject": d.subject, "what": d.what} for d in report.differences],
    }
