"""Trials and epochs for a number of hours, from a timed training step of each architecture."""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeps.definition.prepare import Prepared
from sweeps.diagnostics.rehearsal import rehearse, tasks
from trainer.errors import UsageError
from trainer.fits.recipe import BATCH_SIZE
from trainer.process.preflight import STEPS
from trainer.process.preflight_messages import StepPassed

#: Share of the epochs that early stopping and pruning leave to be trained, as recorded benchmarks have it.
TRAINED = 0.5

#: Epochs of a fit, and trials of an architecture, from the most to the fewest that are proposed.
EPOCHS, MOST_TRIALS, FEWEST_TRIALS = (30, 20, 12, 8), 40, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What fits into a number of hours.

    Attributes:
        hours: that number.
        epochs: of a fit, at most.
        trials: of each architecture.
        seconds: of an epoch of each architecture, measured here.
        too_slow: architectures for which not even the fewest trials fit.
    """

    hours: float
    epochs: int
    trials: int
    seconds: Mapping[str, float]
    too_slow: tuple[str, ...]


def budget(prepared: Prepared, *, hours: float, workers: int) -> Budget:
    """Return trials and epochs for a number of hours.

    Args:
        prepared: a sweep with the architectures to time.
        hours: above 0.
        workers: number of processes that train side by side.

    Raises:
        UsageError: if no architecture can be trained on these images.
    """
    plan, images = prepared.plan, len(prepared.dataset.labels)
    training = images * (1 - 1 / plan.cv.folds)
    steps = rehearse(prepared).steps
    seconds = {}
    for task in tasks(prepared):
        outcome = steps.get(task.name)
        if isinstance(outcome, StepPassed):
            timed = min(images, STEPS * BATCH_SIZE.of(task.hyperparameters), 512)
            seconds[task.name] = outcome.seconds * training / timed
    if not seconds:
        first = next(iter(steps.values()), None)
        raise UsageError(f"no architecture can be trained on these images: {getattr(first, 'error', first)}")
    return fitting(seconds, hours=hours, workers=workers, folds=plan.cv.folds)


def fitting(seconds: Mapping[str, float], *, hours: float, workers: int, folds: int) -> Budget:
    """Return trials and epochs that fit into a number of hours.

    >>> fitting({"lenet": 1.0, "vgg": 3.0}, hours=1.0, workers=2, folds=5).trials
    24
    >>> fitting({"lenet": 1.0, "vgg": 3000.0}, hours=1.0, workers=2, folds=5).too_slow
    ('vgg',)

    Args:
        seconds: of an epoch of each architecture.
        hours: above 0.
        workers: number of processes that train side by side.
        folds: of the cross-validation.
    """
    there = dict(seconds)
    while True:
        for epochs in EPOCHS:
            one = sum(there.values()) * folds * epochs * TRAINED
            trials = int(hours * 3600 * workers // one)
            if trials >= FEWEST_TRIALS:
                break
        if trials >= FEWEST_TRIALS or len(there) == 1:
            left = tuple(name for name in seconds if name not in there)
            count = min(MOST_TRIALS, max(FEWEST_TRIALS, trials))
            return Budget(hours=hours, epochs=epochs, trials=count, seconds=seconds, too_slow=left)
        del there[max(there, key=lambda name: there[name])]
