"""``refold compare``: on the exam where the sweep has one, else on the folds of the search."""

from collections.abc import Sequence

from sweeps.analysis.choices import Claim, On
from sweeps.analysis.context import AnalysisContext, check_option
from sweeps.analysis.exam import comparison as of_exam
from sweeps.analysis.exam import experiment as on_exam
from sweeps.analysis.exam.report import ExamReport
from sweeps.analysis.folds import comparison as of_folds
from sweeps.analysis.folds import experiment as on_folds
from sweeps.analysis.folds.report import ComparisonReport
from sweeps.definition.exam import NO_EXAM
from sweeps.definition.region import check_rope
from tracking.ledger.ledger import Ledger
from trainer.errors import UsageError


def compare(  # noqa: PLR0913 - as many as the command line's
    where: AnalysisContext,
    name: str,
    *,
    on: On | None = None,
    refits: int | None = None,
    architectures: Sequence[str] | None = None,
    repeats: int | None = None,
    claim: Claim | None = None,
    rope: float | None = None,
) -> ExamReport | ComparisonReport:
    """Compare the winners of a finished sweep; see ``exam.experiment`` and ``folds.experiment``.

    Args:
        where: the home, the workers and MLflow.
        name: the sweep's name.
        on: the images; if None, the exam of a sweep that has one, else the folds.
        refits: of the exam: number of refits of each winner.
        architectures: of the exam: those whose winners are compared.
        repeats: of the folds: number of fresh repeats of each winner.
        claim: of the folds: the claim of the answer.
        rope: half the width of the region of practical equivalence; the fixed one if None.

    Raises:
        UsageError: if something is missing or wrong, or an option belongs to the other kind of comparison.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    _check(where, refits, repeats, rope)
    chosen = on or _default(where, name)
    for_folds = {"--repeats": repeats, "--claim": claim}
    for_exam = {"--refits": refits, "--architectures": architectures}
    refused = [option for option, value in (for_folds if chosen == "exam" else for_exam).items() if value]
    if refused:
        raise UsageError(_other_kind(name, refused[0], chosen, asked=on is not None))
    if chosen == "exam":
        found = on_exam.compare(where, name, refits=refits, architectures=architectures, rope=rope)
        return ExamReport(found)
    if on is None:
        where.say(f"{NO_EXAM}, so its folds are used (--on folds), on which it was chosen")
    return ComparisonReport(
        on_folds.compare(where, name, repeats=repeats, rope=rope, claim=claim or "new-data")
    )


def _check(where: AnalysisContext, refits: int | None, repeats: int | None, rope: float | None) -> None:
    """Check what can be checked before anything is read."""
    if refits is not None:
        of_exam.check(of_exam.ExamSettings(refits=refits))
    if repeats is not None:
        of_folds.check(of_folds.ComparisonSettings(repeats=repeats))
    if rope is not None:
        check_rope(rope)
    check_option(where)


def _default(where: AnalysisContext, name: str) -> On:
    with Ledger.read(where.home.path) as ledger:
        return "exam" if ledger.sweep(name).dataset.exam is not None else "folds"


def _other_kind(name: str, option: str, chosen: On, *, asked: bool) -> str:
    other = "folds" if chosen == "exam" else "exam"
    if asked:
        return f"{option} belongs to --on {other}, not to --on {chosen}"
    had = "has an exam" if chosen == "exam" else "has no exam"
    instead = f"add --on {other}" if chosen == "exam" else "leave it out"
    return f"{option} belongs to a comparison on {other}, but the sweep {name!r} {had}: {instead}"
