"""``refold``, but for what trains: fits are a closed formula. ``python -m tests.formula_command VERB ...``.

Starting TensorFlow is most of what a small sweep takes. What the command line does around the training is
the same with the formula. Of the environment, ``SECONDS`` is what a fit takes; ``PREDICTIONS`` asks for
predictions of the dataset's images, from which ``verify`` derives scores, where the formula has two made-up
classes; ``PROCESSES`` asks for training processes that are real ones, to be killed; ``EMPTY_DATABASE`` names
an MLflow database to copy where a new one is needed: making one takes seconds too.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer.runtime import interruption

if __name__ == "__main__":
    interruption.install()  # as ``refold`` does: before the imports

# isort: split

from tests.closed_formula import FormulaProcess
from tests.labelled_trainer import CHANCE, labelled
from trainer.fits.results import Epoch, FitRun
from trainer.process import training_process
from trainer.process.jobs import Job
from trainer.runtime.determinism import CPU, Device
from trainer.runtime.python_process import module_command


class TimedFormula(FormulaProcess):
    """Takes the place of a ``TrainingProcess``."""

    def __init__(self, log: Path, device: Device = CPU) -> None:
        assert device == CPU
        super().__init__(log, float(os.environ.get("SECONDS", "0.2")))

    def run(self, job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
        """Return the formula's run, with predictions of the images that the fit holds out if asked for."""
        run = super().run(job, on_epoch)
        return labelled(job, run, CHANCE) if "PREDICTIONS" in os.environ else run


def _copy_database(_mlflow: Any, path: Path, _artifacts: Path) -> None:
    """Take the place of MLflow's own creation, which is not what a sweep's tests are about."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(os.environ["EMPTY_DATABASE"], path)


def main() -> None:
    """Run the command."""
    if "PROCESSES" in os.environ:
        vars(training_process)["module_command"] = lambda _module: module_command("tests.formula_training")
    else:
        training_process.TrainingProcess = TimedFormula  # type: ignore[misc, assignment]
    from sweeps.cli.main import main as refold  # who imports it from now on has the formula
    from sweeps.cluster import worker_tasks
    from tracking.mlflow import store

    if "EMPTY_DATABASE" in os.environ:
        store._create_sqlite = _copy_database  # type: ignore[assignment]
    assert vars(worker_tasks)["TrainingProcess"] is training_process.TrainingProcess
    refold()


if __name__ == "__main__":
    main()
