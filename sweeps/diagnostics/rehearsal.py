"""Has a training process try one step of each architecture, for ``refold doctor``."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sweeps.definition.plan import PlannedArchitecture
from sweeps.definition.prepare import Prepared, complete_space
from trainer.architectures import BUILT_IN, middle, source_digest
from trainer.datasets import Dataset, store
from trainer.fits.environment import Environment
from trainer.process.preflight_messages import (
    PreflightRequest,
    StepAnswer,
    StepFailed,
    StepPassed,
    StepRequest,
)
from trainer.runtime.determinism import training_environment
from trainer.runtime.output import last_line
from trainer.runtime.python_process import module_command

#: Images that a step is tried on: two batches of the usual sizes.
IMAGES = 512


@dataclass(slots=True)
class Rehearsal:
    """What training processes said.

    Attributes:
        process: what one found itself to be; None if none could be started.
        steps: what became of each architecture, by its name.
        peak: the most bytes that one of them held.
        died: how the last one ended, if too early.
    """

    process: Environment | None = None
    steps: dict[str, StepPassed | StepFailed] = field(default_factory=dict)
    peak: int = 0
    died: str = ""


def rehearse(prepared: Prepared | None) -> Rehearsal:
    """Try a training step of each architecture of a sweep, or of the baseline on made-up images."""
    dataset = made_up() if prepared is None else few(prepared.dataset)
    with tempfile.TemporaryDirectory(prefix="refold-doctor-") as folder:
        return ask(str(store(dataset, Path(folder))), tasks(prepared))


def tasks(prepared: Prepared | None) -> list[StepRequest]:
    """Return what to try: each architecture in the middle of its ranges."""
    if prepared is None:
        space = complete_space("baseline", BUILT_IN["baseline"].space, {})
        return [_task(PlannedArchitecture(name="baseline", digest=source_digest("baseline"), space=space))]
    return [_task(planned) for planned in prepared.plan.architectures]


def _task(planned: PlannedArchitecture) -> StepRequest:
    return StepRequest(
        name=planned.name,
        source=planned.source,
        digest=planned.digest,
        hyperparameters=middle(planned.space),
    )


def few(dataset: Dataset) -> Dataset:
    """Return a dataset of the same kind that is quickly written to disk."""
    return replace(dataset, images=dataset.images[:IMAGES], labels=dataset.labels[:IMAGES])


def made_up() -> Dataset:
    """Return images of noise, the smallest that every built-in architecture takes."""
    noise = np.random.Philox(key=0).random_raw(IMAGES * 64).astype(np.uint8).reshape(IMAGES, 8, 8, 1)
    classes = tuple(map(str, range(10)))
    labels = np.arange(IMAGES, dtype=np.int32) % 10
    return Dataset(name="noise", images=noise, labels=labels, classes=classes, pixel_max=255.0)


def ask(dataset: str, asked: Sequence[StepRequest]) -> Rehearsal:
    """Try the architectures in a training process, and in one more whenever an architecture ends it."""
    found = Rehearsal()
    waiting = list(asked)
    while waiting or found.process is None:
        done = subprocess.run(
            module_command("trainer.process.preflight"),
            input=json.dumps(PreflightRequest(dataset=dataset, architectures=waiting).to_json()),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=training_environment(),
            check=False,
        )
        _take_in(done.stdout, found)
        waiting = [task for task in waiting if task.name not in found.steps]
        if done.returncode:
            found.died = _how_it_ended(done)
        if found.process is None:
            break
        if waiting:  # the first one left is the one that it died of
            error = f"the training process ended: {found.died or 'it said nothing'}"
            found.steps[waiting.pop(0).name] = StepFailed(error=error)
    return found


def _take_in(lines: str, found: Rehearsal) -> None:
    for line in lines.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:  # cut off by the process's end
            continue
        if "process" in answer:
            found.process = Environment.from_json(answer["process"])
        else:
            step = StepAnswer.from_json(answer)
            found.steps[step.name] = step.outcome
            found.peak = max(found.peak, step.peak_bytes)


def _how_it_ended(done: "subprocess.CompletedProcess[str]") -> str:
    if done.returncode < 0:
        return f"signal {-done.returncode}"
    return f"code {done.returncode}, {last_line(done.stderr) or 'it said nothing'}"
