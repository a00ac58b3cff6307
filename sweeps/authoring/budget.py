"""Trials and epochs for a number of hours, from a timed training step of each architecture."""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeps.definition.prepare import Prepared
from sweeps.diagnostics.rehearsal import rehearse, tasks
from trainer.errors import UsageError
from trainer.process.preflight import STEPS
from trainer.process.preflight_messages import StepPassed
from trainer.recipe.table import BATCH_SIZE

#: Share of the epochs that early stopping and pruning leave to be trained, as recorded benchmarks have it.
TRAINED = 0.5

#: Seconds from the command to the first epoch: Python, TensorFlow and MLflow start. A guess.
START = 10.0

#: Seconds that a fit takes besides its epochs: weights are drawn, scores are recorded. A guess: on a busy
#: machine 0.2 to 1.5 were measured, with the tracing that some fits do.
OF_FIT = 0.15

#: Epochs of a fit, and trials of an architecture, from the most to the fewest that are proposed.
EPOCHS, MOST_TRIALS, FEWEST_TRIALS = (30, 20, 12, 8), 40, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What fits into a number of hours.

    Attributes:
        hours: that number.
        epochs: of a fit, at most.
        trials: of each architecture.
        expected: hours that the sweep will take, more than ``hours`` if nothing smaller makes sense.
        seconds: of an epoch of each architecture, measured here.
        too_slow: architectures for which not even the fewest trials fit.
    """

    hours: float
    epochs: int
    trials: int
    expected: float
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
    seconds, tracing = {}, {}
    for task in tasks(prepared):
        outcome = steps.get(task.name)
        if isinstance(outcome, StepPassed):
            timed = min(images, STEPS * BATCH_SIZE.of(task.hyperparameters), 512)
            seconds[task.name] = outcome.seconds * training / timed
            tracing[task.name] = outcome.tracing
    if not seconds:
        first = next(iter(steps.values()), None)
        raise UsageError(f"no architecture can be trained on these images: {getattr(first, 'error', first)}")
    return fitting(seconds, tracing, hours=hours, workers=workers, folds=plan.cv.folds)


def fitting(
    seconds: Mapping[str, float], tracing: Mapping[str, float], *, hours: float, workers: int, folds: int
) -> Budget:
    """Return trials and epochs that fit into a number of hours.

    >>> fitting({"lenet": 1.0, "vgg": 3.0}, {}, hours=1.0, workers=2, folds=5).trials
    23
    >>> fitting({"lenet": 1.0, "vgg": 3000.0}, {}, hours=1.0, workers=2, folds=5).too_slow
    ('vgg',)

    Args:
        seconds: of an epoch of each architecture.
        tracing: seconds that each trial of an architecture takes to build and trace its network.
        hours: above 0.
        workers: number of processes that train side by side.
        folds: of the cross-validation.
    """
    there = dict(seconds)
    while True:
        for epochs in EPOCHS:
            one = sum(_of_trial(there[name], tracing.get(name, 0.0), folds, epochs) for name in there)
            trials = int((hours * 3600 - START) * workers // one)
            if trials >= FEWEST_TRIALS:
                break
        if trials >= FEWEST_TRIALS or len(there) == 1:
            count = min(MOST_TRIALS, max(FEWEST_TRIALS, trials))
            return Budget(
                hours=hours,
                epochs=epochs,
                trials=count,
                expected=(START + count * one / workers) / 3600,
                seconds=seconds,
                too_slow=tuple(name for name in seconds if name not in there),
            )
        del there[max(there, key=lambda name: there[name])]


def _of_trial(epoch: float, tracing: float, folds: int, epochs: int) -> float:
    """Return the seconds of one worker that a trial takes."""
    return tracing + folds * (OF_FIT + epoch * epochs * TRAINED)
