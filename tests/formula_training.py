"""A training process whose fits are a closed formula: a real process, to be killed, that starts quickly.

``SECONDS`` in the environment is what a fit takes.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.closed_formula import run_of
from trainer.fits.results import Epoch, FitRun
from trainer.process import training_process
from trainer.process.jobs import Job
from trainer.runtime import determinism


def _run(job: Job, on_epoch: Callable[[int, Epoch, float], None]) -> FitRun:
    """Take the place of ``trainer.process.jobs.run``."""
    assert Path(job.dataset, "images.npy").exists()
    run = run_of(job.spec)
    for number, epoch in enumerate(run.result.epochs, start=1):
        time.sleep(float(os.environ.get("SECONDS", "0.2")) / len(run.result.epochs))
        on_epoch(number, epoch, 1.0)
    return run


def main() -> None:
    """Serve fits from standard input, as ``trainer.process.training_process`` does."""
    vars(determinism)["prepare"] = lambda: None  # TensorFlow is not needed
    vars(training_process)["run"] = _run
    training_process.main()


if __name__ == "__main__":
    main()
