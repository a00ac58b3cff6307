"""``refold``, but for what trains: fits are a closed formula. ``python -m tests.formula_command VERB ...``.

Starting TensorFlow is most of what a small sweep takes. What the command line does around the training is the
same with the formula; it knows two classes. ``SECONDS`` in the environment is what a fit takes.
"""

import os
from pathlib import Path

from tests.closed_formula import FormulaProcess
from trainer.process import training_process
from trainer.runtime.determinism import CPU, Device


class TimedFormula(FormulaProcess):
    """Takes the place of a ``TrainingProcess``."""

    def __init__(self, log: Path, device: Device = CPU) -> None:
        assert device == CPU
        super().__init__(log, float(os.environ.get("SECONDS", "0.2")))


def main() -> None:
    """Run the command."""
    training_process.TrainingProcess = TimedFormula  # type: ignore[misc, assignment]
    from sweeps.cli.main import main as refold  # who imports it from now on has the formula
    from sweeps.cluster import worker_tasks

    assert vars(worker_tasks)["TrainingProcess"] is TimedFormula
    refold()


if __name__ == "__main__":
    main()
