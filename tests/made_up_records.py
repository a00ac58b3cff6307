"""Records of made-up sweeps, whose curves and counts follow from closed formulas."""

import hashlib
import math
from dataclasses import replace

from tracking.records import DatasetRecord, FoldRecord, SweepRecord, TrialRecord, TrialState
from trainer.fits.environment import Environment
from trainer.fits.results import Epoch, FitResult, FitRun, Timing
from trainer.fits.seeds import Seeds
from trainer.fits.specs import FitSpec, Stopping
from trainer.metrics.confusion import Confusion, macro_f1

BEGIN = 1_790_000_000.0
CLASSES = tuple("0123456789")
States = dict[tuple[str, int], tuple[TrialState, int]]


def _hex(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _confusion(shift: int, classes: int) -> Confusion:
    """Every class has 36 images; a few of them are taken for the next class."""
    rows = []
    for true in range(classes):
        missed = (true + shift) % 4
        row = [0] * classes
        row[true], row[(true + 1) % classes] = 36 - missed, missed
        rows.append(tuple(row))
    return tuple(rows)


def make_fold(
    architecture: str = "baseline",
    number: int = 0,
    fold: int = 0,
    *,
    folds: int = 3,
    repeat: int = 0,
    epochs: int = 4,
    classes: int = 10,
    failed: bool = False,
) -> FoldRecord:
    """A fit whose curves and counts follow from its place by closed formulas."""
    place = (architecture, number, repeat, fold)
    spec = FitSpec(
        dataset=_hex("digits"),
        architecture=architecture,
        architecture_digest=_hex(architecture),
        hyperparameters=(("batch_size", 32), ("learning_rate", 1e-3 * (number + 1)), ("optimizer", "adam")),
        folds=folds,
        repeat=repeat,
        fold=fold,
        seeds=Seeds.of_fit(1, trial=number, repeat=repeat, fold=fold),
        epochs=epochs,
        stopping=Stopping(),
    )
    curve = tuple(
        Epoch(
            loss=math.nan if failed and epoch == epochs else 2.0 * math.exp(-epoch / 4),
            accuracy=1 - 0.8 * math.exp(-epoch / 3),
            stop_loss=2.1 * math.exp(-epoch / 5) + 0.01 * fold,
            stop_accuracy=1 - 0.85 * math.exp(-epoch / 3),
            stop_f1=1 - 0.9 * math.exp(-epoch / 3) - 0.01 * fold - 0.002 * abs(epoch - epochs + 1),
            weights_sha256=_hex(*place, epoch),
        )
        for epoch in range(1, epochs + 1)
    )
    confusion = _confusion(number + fold + len(architecture), classes)
    result = FitResult(
        key=spec.key,
        state="failed" if failed else "complete",
        reason="the loss became NaN in epoch 4" if failed else None,
        initial_weights_sha256=_hex(*place, "initial"),
        epochs=curve,
        best_epoch=0 if failed else max(epochs - 1, 1),
        weights_sha256="" if failed else _hex(*place, "weights"),
        probabilities_sha256="" if failed else _hex(*place, "probabilities"),
        confusion=() if failed else confusion,
        f1=None if failed else macro_f1(confusion),
    )
    start = BEGIN + 100.0 * number + 10.0 * (repeat * folds + fold)
    timing = Timing(
        started_at=start,
        ended_at=start + 9.5,
        epoch_seconds=tuple(9.0 / epochs for _ in range(epochs)),
        host="here",
        worker="w1",
    )
    return FoldRecord(
        spec=spec,
        run=FitRun(
            result=result, timing=timing, environment=Environment(packages={}, cpu={"model name": "one"})
        ),
    )


def make_trial(
    architecture: str = "baseline",
    number: int = 0,
    state: TrialState = "complete",
    done: int | None = None,
    *,
    folds: int = 3,
    epochs: int = 4,
    classes: int = 10,
) -> TrialRecord:
    """A trial with ``done`` fits, by default as many as its state means."""
    count = folds if done is None else done
    fits = tuple(
        make_fold(
            architecture,
            number,
            fold,
            folds=folds,
            epochs=epochs,
            classes=classes,
            failed=state == "failed" and fold == count - 1,
        )
        for fold in range(count)
    )
    return TrialRecord(
        architecture=architecture,
        number=number,
        state=state,
        hyperparameters={"batch_size": 32, "learning_rate": 1e-3 * (number + 1), "optimizer": "adam"},
        seed=1000 + number,
        proposed_at=BEGIN + 100.0 * number,
        folds=fits,
    )


def begun_alike(trial: TrialRecord) -> TrialRecord:
    """The same trial, of a network that gives its layers seeds of its own."""
    results = [replace(fold.run.result, initial_weights_sha256=_hex("own")) for fold in trial.folds]
    folds = zip(trial.folds, results, strict=True)
    return replace(
        trial, folds=tuple(replace(fold, run=replace(fold.run, result=result)) for fold, result in folds)
    )


def make_sweep(
    states: States | None = None,
    *,
    name: str = "digits",
    created_at: float = BEGIN - 5,
    folds: int = 3,
    epochs: int = 4,
) -> SweepRecord:
    """A sweep of two architectures with two trials each; by default all are complete."""
    places = [(architecture, number) for number in range(2) for architecture in ("baseline", "resnet")]
    given: States = dict.fromkeys(places, ("complete", folds)) if states is None else states
    trials = tuple(
        make_trial(architecture, number, state, done, folds=folds, epochs=epochs)
        for (architecture, number), (state, done) in sorted(given.items(), key=lambda item: item[0][1])
    )
    toml = f'name = "{name}"\nseed = 1\ntrials = 2\n[cv]\nfolds = {folds}\n[architectures.baseline]\n'
    return SweepRecord(
        name=name,
        key=_hex(name),
        seed=1,
        toml=toml + "[architectures.resnet]\nlearning_rate = { low = 1e-4, high = 1e-2, log = true }\n",
        dataset=DatasetRecord(
            name="digits",
            fingerprint=_hex("digits"),
            samples=1797,
            classes=CLASSES,
            input_shape=(8, 8, 1),
            pixel_max=16.0,
        ),
        architectures=("baseline", "resnet"),
        trials_per_architecture=2,
        fits_per_trial=folds,
        created_at=created_at,
        environment=Environment(python="3.11", packages={"keras": "3.15.1"}),
        trials=trials,
    )
