"""A variance analysis of a finished sweep, with its effects: training, ledger, MLflow."""

import json

from sweeps.analysis import context, extra_fits, variance_components
from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.extra_fits import ExtraFits
from sweeps.analysis.variance_components import Variances
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.records import Purpose, ReportRecord, SweepRecord


def variance(
    where: AnalysisContext, name: str, *, architecture: str | None = None, rows: int = 16
) -> Variances:
    """Measure how much of the variance of a trial's score comes from each source.

    Args:
        where: the home, the workers and MLflow.
        name: the name of a finished sweep.
        architecture: take the best trial of this architecture; the best of all architectures if None.
        rows: number of rows of the design, at least 4; each row takes 6 fits, or 7 if the trial is
            augmented.

    Raises:
        UsageError: if something is missing or wrong; fits that were trained before the error stay recorded.
        WorkersFailed: if a fit cannot be run; run again to go on.
    """
    context.check_option(where)
    with where.turn() as mine:
        record, entry, wanted = variance_fits(where, name, architecture, rows)
        uri = context.tracking_uri_of(where, entry)
        trial = wanted.trial
        with Ledger.open(where.home.path, mine) as ledger:
            context.train(where, ledger, entry, Purpose.VARIANCE, [wanted])
            fits = ledger.further_fits(name, Purpose.VARIANCE)[trial.architecture, trial.number]
            found = variance_components.variances(record, trial, fits, rows)
            report = ReportRecord(content=json.dumps(variance_components.to_json(found)), page="")
            ledger.add_report(name, f"{Purpose.VARIANCE}-{trial.architecture}", report)
            context.write_view(where, uri, entry, ledger.sweep(name))
    return found


def variance_fits(
    where: AnalysisContext, name: str, architecture: str | None, rows: int
) -> tuple[SweepRecord, SweepEntry, ExtraFits]:
    """Return a sweep and the design's fits; train nothing.

    Raises:
        UsageError: if something is missing or wrong.
    """
    record, entry = extra_fits.read_finished(where.home.path, name)
    trial = variance_components.chosen(record, architecture)
    plan, planned = extra_fits.planned(entry, trial.architecture)
    return record, entry, variance_components.further_fits(plan, planned, trial, rows)
