"""A recorded sweep with an architecture of the user's own, trained by a formula: its text is only carried."""

from dataclasses import replace
from pathlib import Path

from sweeps.definition.plan import PlannedArchitecture
from sweeps.definition.prepare import Prepared, prepare
from sweeps.definition.sweep_file import sweep_text
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import starter
from tests.labelled_trainer import LabelledWorkers, sweep
from tracking.ledger.ledger import Ledger
from trainer.process.jobs import Job
from trainer.user_code import UserSource

#: The architecture is called ``mine`` and is in this file.
FILE = "my_models.py"

CHANCES = {"lenet": 0.7, "mine": 0.9}


def code(mark: Path) -> str:
    """Return the text of an architecture that writes a file when it is imported."""
    return (
        f"open({str(mark)!r}, 'w').close()\n"
        "import keras\n"
        "def Net(hyperparameters, input_shape, classes):\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),\n"
        "                             keras.layers.Dense(classes, activation='softmax')])\n"
    )


class Carriers(LabelledWorkers):
    """Trains by looking, and remembers which code it was sent."""

    def __init__(self) -> None:
        super().__init__(CHANCES)
        self.sent: dict[str, UserSource | None] = {}

    def submit(self, job: Job, worker: str) -> None:
        """See ``Workers``."""
        self.sent[job.spec.architecture] = job.source
        super().submit(job, worker)


def with_own(folder: Path, more: str = "") -> Prepared:
    """Return a sweep of LeNet and of the user's architecture, whose file is written into ``folder``."""
    text = code(folder / "imported") + more
    (folder / FILE).write_text(text)
    source = UserSource(spec=f"{FILE}:Net", files=((FILE, text),))
    asked = sweep(folder, "lenet")
    made = prepare(asked, f'{sweep_text(asked)}\n[architectures.mine]\nsource = "{source.spec}"\n')
    (lenet,) = made.plan.architectures
    own = PlannedArchitecture(name="mine", digest=source.digest, space=lenet.space, source=source)
    return replace(made, plan=replace(made.plan, architectures=(lenet, own)))


def record(folder: Path, more: str = "") -> Path:
    """Run that sweep; return its home, which nobody has claimed. ``folder/imported`` shows that code ran."""
    home = folder / "home"
    with Ledger.open(home) as ledger:
        run_sweep(
            with_own(folder, more),
            home,
            ledger,
            start_workers=starter(Carriers()),
            workers=2,
            progress=Silent(),
        )
    return home
