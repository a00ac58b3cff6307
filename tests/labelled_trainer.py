"""A trainer that stands in for TensorFlow where predictions matter: it reads the labels, then errs."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.prepare import prepare
from sweeps.definition.spec import CrossValidation, Prune, SweepSpec
from sweeps.definition.sweep_file import sweep_text
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import InlineWorkers, run_of, starter
from tracking.ledger.ledger import Ledger
from trainer.datasets import DatasetSource, open_stored
from trainer.fits.results import FitResult, FitRun
from trainer.fits.seeds import derive
from trainer.fits.split import Split
from trainer.metrics.confusion import confusion_matrix, macro_f1
from trainer.metrics.metric import MACRO_F1
from trainer.process.jobs import Job

IMAGES, CLASSES, FOLDS = 120, 3, 3

#: Numbers of weights.
WEIGHTS = {"lenet": 60_000, "baseline": 400_000}

#: How often a prediction is right where the architecture does not matter.
CHANCE = 0.8


class LabelledWorkers(InlineWorkers):
    """Trains by looking: each architecture is right with a chance of its own.

    Args:
        chances: by architecture; 1.0 never errs.
        fails: (architecture, repeat, fold) of a fit that fails; the fold of refit ``repeat`` is None.
        interrupt_after: Ctrl-C is pressed when so many fits have ended.
    """

    def __init__(
        self,
        chances: dict[str, float],
        *,
        fails: tuple[str, int, int | None] | None = None,
        interrupt_after: int | None = None,
    ) -> None:
        super().__init__(2)
        self._chances, self._fails, self._interrupt_after = chances, fails, interrupt_after

    def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
        """See ``Workers``."""
        if len(self.trained) == self._interrupt_after:
            raise KeyboardInterrupt
        return [(job, self._labelled(job)) for job, _ in super().finished(timeout)]

    def _labelled(self, job: Job) -> FitRun:
        spec = job.spec
        values = tuple((name, value) for name, value in spec.hyperparameters if name != "dropout")
        run = run_of(replace(spec, hyperparameters=values))  # without dropout none fails
        if (spec.architecture, spec.repeat, spec.fold) == self._fails:
            reason = "training diverged: made up"
            failed = FitResult(key=spec.key, state="failed", reason=reason)
            return replace(run, result=failed, timing=replace(run.timing, epoch_seconds=()))
        return labelled(
            job, replace(run, result=replace(run.result, key=spec.key)), self._chances[spec.architecture]
        )


class CollapsedWorkers(LabelledWorkers):
    """Trains as the others do, but one architecture comes to predict the first class for every image."""

    def __init__(self, chances: dict[str, float], collapsed: str) -> None:
        super().__init__(chances)
        self._collapsed = collapsed

    def _labelled(self, job: Job) -> FitRun:
        run = super()._labelled(job)
        if job.spec.architecture != self._collapsed:
            return run
        (first, *others) = run.result.confusion
        confusion = tuple((sum(row), *(0 for _ in others)) for row in (first, *others))
        nothing = bytes(len(run.result.predictions))
        return replace(
            run,
            result=replace(run.result, confusion=confusion, predictions=nothing, f1=macro_f1(confusion)),
        )


def labelled(job: Job, run: FitRun, chance: float) -> FitRun:
    """Return the formula's run with predictions that are right with a chance; what it did not end stays.

    Args:
        job: the fit; its dataset's labels are read, and its probabilities are written if it asks for them.
        run: the formula's.
        chance: of each prediction to be right, in [0, 1].
    """
    spec = job.spec
    if run.result.state == "failed":
        return run
    data = open_stored(Path(job.dataset))
    labels = np.asarray(data.labels)
    classes = int(labels.max()) + 1
    parts = Split.of_fit(spec, data).parts(spec)
    result = replace(run.result, parts_sha256=parts.digest)
    if result.state == "pruned":
        return replace(run, result=result)
    held_out = labels[parts.held_out]
    if spec.exam is not None:
        assert job.exam is not None
        held_out = np.asarray(open_stored(Path(job.exam)).labels)
        result = replace(result, parameters=WEIGHTS.get(spec.architecture, 1000))
        run = replace(run, timing=replace(run.timing, exam_seconds=0.001 * len(held_out)))
    rng = np.random.default_rng(derive(spec.seeds.order, spec.architecture))
    predicted = np.where(rng.random(len(held_out)) >= chance, (held_out + 1) % classes, held_out)
    confusion = confusion_matrix(held_out, predicted, classes=classes)
    probabilities = np.where(np.eye(classes, dtype=bool)[predicted], 0.75, 0.125).astype("<f4")
    if job.held_out is not None:
        np.save(job.held_out, probabilities)
    scored = replace(
        result,
        probabilities_sha256=hashlib.sha256(probabilities.tobytes()).hexdigest(),
        predictions=predicted.astype("<u2").tobytes(),
        confidences=probabilities.max(axis=1).tobytes(),
        confusion=confusion,
        f1=macro_f1(confusion),
        metric=None if spec.metric == MACRO_F1 else spec.metric.score(held_out, probabilities),
        probabilities=b"" if spec.metric.counts else probabilities.tobytes(),
    )
    return replace(run, result=scored)


def sweep(folder: Path, *names: str, trials: int = 2) -> SweepSpec:
    """A sweep of built-in architectures over a made-up dataset in ``folder``."""
    rng = np.random.default_rng(1)
    np.savez(
        folder / "data.npz",
        images=rng.integers(0, 255, (IMAGES, 8, 8), dtype=np.uint8),
        labels=np.arange(IMAGES) % CLASSES,
        test_images=rng.integers(0, 255, (30, 8, 8), dtype=np.uint8),
        test_labels=np.arange(30) % CLASSES,
    )
    return SweepSpec(
        name="made",
        trials=trials,
        dataset=DatasetSource(source="data.npz"),
        cv=CrossValidation(folds=FOLDS, epochs=5),
        prune=Prune(enabled=False),
        architectures=tuple(ArchitectureChoice(name=name) for name in names),
        folder=folder,
    )


def sweep_of_table(folder: Path, *names: str, trials: int = 2) -> SweepSpec:
    """The same over a table of image files in 40 groups, with folds."""
    rng = np.random.default_rng(1)
    rows = ["path,label,group,fold"]
    for number in range(IMAGES):
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / f"{number}.png")
        group = number // CLASSES
        rows.append(f"{number}.png,{number % CLASSES},p{group},{group % FOLDS}")
    (folder / "table.csv").write_text("\n".join(rows), encoding="utf-8")
    return replace(sweep(folder, *names, trials=trials), dataset=DatasetSource(source="table.csv", exam=0))


def record_sweep(folder: Path, workers: LabelledWorkers, *names: str, **more: Any) -> Path:
    """Run the sweep; return its home."""
    return record(sweep(folder, *names, **more), workers)


def record(made: SweepSpec, workers: LabelledWorkers) -> Path:
    """Run a sweep; return its home, which is in the sweep's folder."""
    home = made.folder / "home"
    with Ledger.open(home) as ledger:
        run_sweep(
            prepare(made, sweep_text(made)),
            home,
            ledger,
            start_workers=starter(workers),
            workers=2,
            progress=Silent(),
        )
    return home
