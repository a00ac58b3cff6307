"""The Python interface to any metric of recorded trials: ``refold.score``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.analysis.best_trial import find_trial
from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord, TrialRecord
from trainer.errors import UsageError
from trainer.metrics.metric import Metric
from trainer.metrics.table import metric_called, recorded_name

if TYPE_CHECKING:
    from sweeps.analysis.scoring import Scored


def score(  # noqa: PLR0913 - as many as the command line's
    name: str,
    metric: str,
    home: Path | str | None = None,
    *,
    trial: str | None = None,
    every: bool = False,
    workers: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
    trust_code: bool = False,
) -> "Scored":
    """Score recorded trials by any metric.

    Metrics of counts come from the record. If a metric needs probabilities that the record does not keep, the
    trials' fits are trained again, on this machine, and proven by the digests of their record.

    Args:
        name: the sweep's name.
        metric: its name, as ``[cv] metric`` in a sweep file has it.
        home: the folder that holds its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        trial: a trial's name like ``"resnet/3"``; None for the best one of each architecture.
        every: whether to score all complete trials.
        workers: number of processes that train side by side; one per core if None.
        say: told before fits are trained again.
        trust_code: let the record's own code run, even if the home is somebody else's.

    Raises:
        UsageError: if there is no such sweep, trial or metric, or fits cannot be repeated here.
        Mismatch: if a fit trained again is not the recorded one.
        WorkersFailed: if a fit cannot be run.
    """
    from sweeps.analysis.scoring import scored
    from sweeps.cluster.coordinator import local_workers
    from sweeps.diagnostics.machine import worker_count
    from sweeps.retraining.out_of_fold import HeldOutSource
    from trainer.datasets import stored_at

    place, count = Home.chosen(None if home is None else str(home)), worker_count(workers)
    with Ledger.read(place.path) as ledger:
        record, entry = ledger.sweep(name), ledger.entry(name)
    assert entry is not None  # noqa: S101 - the sweep is there
    source = HeldOutSource(
        home=place.path,
        entry=entry,
        stored=stored_at(place.path / "datasets", record.dataset.fingerprint),
        start_workers=lambda log: local_workers(count, log),
        trust_code=trust_code,
    )
    return scored(source, record, metric_of(record, metric), _chosen(record, trial, every=every), say)


def metric_of(record: SweepRecord, name: str) -> Metric:
    """Return a metric for a recorded sweep's classes.

    Raises:
        UsageError: if there is no such metric or class.
    """
    try:
        return metric_called(recorded_name(name, record.dataset.classes))
    except ValueError as error:
        raise UsageError(f"the metric {name!r}: {error}") from None


def _chosen(record: SweepRecord, trial: str | None, *, every: bool) -> tuple[TrialRecord, ...]:
    if trial is None:
        found = record.ranking if every else record.winners
        if not found:
            raise UsageError(
                f"no trial of the sweep {record.name!r} is complete yet: run it to its end first"
            )
        return found
    if every:
        raise UsageError(f"one trial ({trial}) or all of them: not both")
    one = find_trial(record, trial)
    if one.state != "complete":
        raise UsageError(f"the trial {trial!r} is {one.state}: only a complete one has a score")
    return (one,)
