"""A comparison on an exam with its effects: opening the exam, training refits, ledger, MLflow."""

import json
import time
from collections.abc import Sequence

from sweeps.analysis import context, extra_fits
from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.exam import comparison, wording
from sweeps.analysis.exam.comparison import USUAL_REFITS, ExamComparison, ExamSettings, exam_of
from sweeps.analysis.exam.page import page
from sweeps.analysis.exam.refits import further_fits, key_of, recorded_refits, winners_of
from sweeps.definition.exam import exam_images
from sweeps.definition.identity import plan_of
from sweeps.definition.plan import Plan
from sweeps.definition.region import check_rope, fixed_rope, present_rope
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.records import ExamRecord, Opening, Purpose, ReportRecord, SweepRecord, TrialRecord
from trainer.datasets import Dataset, store
from trainer.errors import UsageError
from trainer.escaping import for_shell

#: What a comparison's openings of an exam are recorded for.
OPENED_FOR = "compare"


def compare(
    where: AnalysisContext,
    name: str,
    *,
    refits: int | None = None,
    architectures: Sequence[str] | None = None,
    rope: float | None = None,
) -> ExamComparison:
    """Refit each architecture's winner several times, and judge the winners on the sweep's exam.

    Args:
        where: the home, the workers and MLflow.
        name: the name of a finished sweep with an exam.
        refits: number of refits of each winner, at least 3; if None, 5 or the recorded number, if that is
            higher.
        architectures: those whose winners are compared; all of the sweep if None.
        rope: half the width of the region of practical equivalence; the one that was fixed when the sweep
            began if None.

    Raises:
        UsageError: if something is missing or wrong; fits that were trained before the error stay recorded.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    comparison.check(ExamSettings(refits=USUAL_REFITS if refits is None else refits))
    if rope is not None:
        check_rope(rope)
    context.check_option(where)
    with where.turn() as mine:
        record, entry = extra_fits.read_finished(where.home.path, name)
        uri = context.tracking_uri_of(where, entry)
        data, told = _exam(where, entry)
        winners = winners_of(record, architectures)
        fixed = fixed_rope(entry, record.metric)
        chosen = fixed if rope is None else rope
        asked = _settings(record, winners, refits, architectures, chosen)
        if rope is None:
            _say_of_region(where, entry, fixed)
        plan = plan_of(entry)
        wanted = further_fits(record, plan, told.fingerprint, asked.refits, winners)
        store(data, where.home.path / "datasets")
        with Ledger.open(where.home.path, mine) as ledger:
            # Before anything is trained: what is about to be seen of the exam cannot be unseen.
            opening = lambda: _open(ledger, record, plan, told, winners)  # noqa: E731
            context.train(where, ledger, entry, Purpose.EXAM, wanted, before=opening)
            exam = exam_of(entry, told, data, record.metric, ledger.openings(told.fingerprint))
            found = comparison.compare(ledger.sweep(name), exam, asked)
            report = ReportRecord(content=json.dumps(wording.to_json(found)), page=page(found))
            ledger.add_report(name, Purpose.EXAM, report)
            context.write_view(where, uri, entry, ledger.sweep(name))
    return found


def _exam(where: AnalysisContext, entry: SweepEntry) -> tuple[Dataset, ExamRecord]:
    found = exam_images(where.home.path, entry) if entry.dataset.exam is not None else None
    if found is None:
        raise UsageError(
            f"the sweep {entry.name!r} has no exam: no images were set aside before its search. 'refold "
            f"compare {for_shell(entry.name)} --on folds' compares on the images of the search; for an exam "
            "run the sweep under another name with exam = 0.2 under [dataset]"
        )
    return found


def _settings(
    record: SweepRecord,
    winners: Sequence[TrialRecord],
    refits: int | None,
    architectures: Sequence[str] | None,
    rope: float,
) -> ExamSettings:
    if refits is None:
        refits = max(USUAL_REFITS, min(len(recorded_refits(record, winner)) for winner in winners))
    return ExamSettings(
        refits=refits,
        rope=rope,
        architectures=None if architectures is None else tuple(architectures),
        looks=_looks(record, refits),
    )


def _looks(record: SweepRecord, refits: int) -> tuple[int, ...]:
    """Return with how many refits the answer was looked at before, if with fewer."""
    report = record.reports.get(Purpose.EXAM)
    if report is None:
        return ()
    before = json.loads(report.content)
    return tuple(sorted({each for each in (*before["looks"], before["refits"]) if each < refits}))


def _say_of_region(where: AnalysisContext, entry: SweepEntry, fixed: float) -> None:
    present = present_rope(entry)
    if present is not None and present != fixed:
        where.say(
            f"the sweep file says rope = {present:g} now, but {fixed:g} was fixed when the sweep "
            f"began and is used; --rope {present:g} uses the other one, and the answer says so"
        )


def _open(
    ledger: Ledger, record: SweepRecord, plan: Plan, exam: ExamRecord, winners: Sequence[TrialRecord]
) -> None:
    now = time.time()
    for winner in winners:
        model = key_of(winner, record.seed, plan.platform)
        ledger.add_opening(
            Opening(exam=exam.fingerprint, sweep=record.name, purpose=OPENED_FOR, model=model, at=now)
        )
