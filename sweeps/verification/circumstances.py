"""The circumstances of fits: what explains that a fit was stopped, and what training it again says of that.

A stopped fit has no bits to compare, but its record has to say what was lacking, where, and for how long it
was tried. A fit that was trained has a time for each epoch.
"""

from collections.abc import Collection, Iterator, Sequence

from sweeps.definition.identity import Difference
from sweeps.verification.asked_fits import AskedFit
from trainer.fits.results import FitResult, FitRun, StopCause
from trainer.process.jobs import is_stop, minutes_of
from trainer.quantities import counted, duration

#: A fit that was stopped for time and needs less than this share of its limit now was not too slow then.
PLAUSIBLE = 0.1

#: Clocks are set while fits run: so much of a limit may be missing from the recorded times.
CLOCK = 0.02


def circumstance_differences(asked: Sequence[AskedFit]) -> list[Difference]:
    """Check that each stopped fit has what explains it, and each trained one a time for each epoch."""
    found = []
    for fit in asked:
        if fit.fold is not None:
            parts = _of_stopped(fit.fold.run) if fit.stopped else _of_trained(fit.fold.run)
            found += [Difference(subject=subject, where=fit.where, what=what) for subject, what in parts]
    return found


def _of_trained(run: FitRun) -> Iterator[tuple[str, str]]:
    times, epochs = len(run.timing.epoch_seconds), len(run.result.epochs)
    if times != epochs:
        yield "times of epochs", f"{times} recorded for {counted(epochs, 'epoch')}"
    if run.result.state == "failed" and is_stop(run.result.reason or ""):
        yield "cause of the stop", "nothing recorded, and its reason says that it was stopped"


def _of_stopped(run: FitRun) -> Iterator[tuple[str, str]]:
    result, reason = run.result, run.result.reason or ""
    if result != FitResult(key=result.key, state="failed", reason=result.reason):
        yield "result", f"it was stopped for lack of {run.stopped_for}, and its record has more than a reason"
    if not is_stop(reason):
        yield "reason", f"it was stopped for lack of {run.stopped_for}, and its reason is {reason!r}"
    if not run.timing.host:
        yield "host", "nothing recorded of the machine that stopped it"
    if run.stopped_for == StopCause.TIME:
        minutes = minutes_of(reason)
        if minutes is None:
            yield "limit", f"its reason names no limit of time: {reason!r}"
        elif run.timing.seconds < 60 * minutes * (1 - CLOCK):
            tried = duration(max(0.0, run.timing.seconds))
            yield "time", f"stopped after {minutes:g} min, and its times are {tried} apart"


def limit_notes(asked: Sequence[AskedFit], minutes: float | None) -> list[str]:
    """Return a line for each stopped fit whose limit is not the sweep file's: it may change between runs.

    Args:
        asked: the sweep's fits.
        minutes: the limit in the recorded text of the sweep file; None for none.
    """
    now = "no limit" if minutes is None else f"a limit of {minutes:g} min"
    found = []
    for fit in asked:
        if fit.fold is not None and fit.fold.run.stopped_for == StopCause.TIME:
            then = minutes_of(fit.fold.run.result.reason or "")
            if then != minutes:
                found.append(
                    f"{fit.where}: it was stopped after {then or 0:g} min, and the sweep file has {now} now"
                )
    return found


def stopped_again(
    fit: AskedFit, again: FitRun, changed: Collection[str]
) -> tuple[list[Difference], list[str]]:
    """Judge what training a stopped fit again gave; return differences, and lines that explain.

    Args:
        fit: the fit, which is recorded as stopped.
        again: the same fit trained again, without a limit.
        changed: the keys of fits whose checksum does not match.
    """
    assert fit.fold is not None  # noqa: S101 - it is recorded
    then, now = fit.fold.run, again.result.state
    if again.stopped_for is not None:
        return [], [f"{fit.where}: stopped for lack of {then.stopped_for} then, of {again.stopped_for} here"]
    took = f"trained again it is {now} after {duration(again.timing.seconds)}"
    if fit.key in changed:
        what = f"failed recorded ({then.result.reason}), {took}; the record was changed after it was written"
        return [Difference(subject="state", where=fit.where, what=what)], []
    limit = 60 * (minutes_of(then.result.reason or "") or 0.0)
    if then.stopped_for == StopCause.TIME and again.timing.seconds < PLAUSIBLE * limit:
        what = f"failed recorded, stopped after {duration(limit)}; {took}: the limit does not explain it"
        return [Difference(subject="state", where=fit.where, what=what)], []
    return [], [f"{fit.where}: stopped for lack of {then.stopped_for} then; {took}"]
