"""A comparison on folds with its effects: training fresh repeats, ledger, MLflow."""

import json

from sweeps.analysis import context, extra_fits
from sweeps.analysis.choices import Claim
from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.folds import comparison, wording
from sweeps.analysis.folds.comparison import Comparison, ComparisonSettings
from sweeps.analysis.folds.page import page
from sweeps.definition.identity import plan_of
from sweeps.definition.region import fixed_rope
from sweeps.retraining.recorded_fits import dataset_of
from tracking.ledger.ledger import Ledger
from tracking.records import Purpose, ReportRecord
from trainer.errors import UsageError


def compare(
    where: AnalysisContext,
    name: str,
    *,
    repeats: int | None = None,
    rope: float | None = None,
    claim: Claim = "new-data",
) -> Comparison:
    """Train each architecture's winner on fresh repeats and compare the winners.

    Args:
        where: the home, the workers and MLflow.
        name: the name of a finished sweep.
        repeats: number of repeats of each winner, at least 2; if None, 5 or the recorded number, if that is
            higher.
        rope: half the width of the region of practical equivalence; the one that was fixed when the sweep
            began if None.
        claim: the claim that the answer makes.

    Raises:
        UsageError: if something is missing or wrong; fits that were trained before the error stay recorded.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    comparison.check(ComparisonSettings(repeats=2 if repeats is None else repeats, rope=rope or 0.0))
    context.check_option(where)
    with where.turn() as mine:
        record, entry = extra_fits.read_finished(where.home.path, name)
        uri = context.tracking_uri_of(where, entry)
        if not record.winners:
            raise UsageError(f"no architecture of {name!r} has a complete trial: there is nothing to compare")
        if repeats is None:
            repeats = max(ComparisonSettings().repeats, comparison.recorded_repeats(record))
        chosen = fixed_rope(entry, record.metric) if rope is None else rope
        asked = ComparisonSettings(repeats=repeats, rope=chosen, claim=claim)
        wanted = comparison.further_fits(record, plan_of(entry), repeats)
        with Ledger.open(where.home.path, mine) as ledger:
            context.train(where, ledger, entry, Purpose.COMPARISON, wanted)
            data = dataset_of(where.home.path, entry)
            found = comparison.compare(ledger.sweep(name), data, asked)
            report = ReportRecord(content=json.dumps(wording.to_json(found)), page=page(found))
            ledger.add_report(name, Purpose.COMPARISON, report)
            context.write_view(where, uri, entry, ledger.sweep(name))
    return found
