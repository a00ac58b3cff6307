"""Tries a training step of each architecture in a training process, for ``refold doctor``."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sweeps.definition.plan import PlannedArchitecture
from sweeps.definition.prepare import Prepared
from sweeps.definition.spaces import complete_space
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
from trainer.runtime.scratch import scratch_folder

#: Number of images for a step: two batches of the usual sizes.
IMAGES = 512


@dataclass(slots=True)
class Rehearsal:
    """The reports of the training processes.

    Attributes:
        process: the environment that a training process reported; None if no process could be started.
        steps: the result of each architecture's step, by its name.
        peak: the largest number of bytes that a process used.
        died: how the last process ended, if it ended too early.
    """

    process: Environment | None = None
    steps: dict[str, StepPassed | StepFailed] = field(default_factory=dict)
    peak: int = 0
    died: str = ""


def rehearse(prepared: Prepared | None) -> Rehearsal:
    """Try a training step of each architecture of a sweep, or of the baseline on made-up images."""
    dataset = made_up() if prepared is None else few(prepared.dataset)
    with scratch_folder() as folder:
        return ask(str(store(dataset, folder)), tasks(prepared))


def tasks(prepared: Prepared | None) -> list[StepRequest]:
    """Return the steps to try: each architecture in the middle of its ranges."""
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
    """Return a small part of a dataset, which is quickly written to disk, without names, groups and folds."""
    return Dataset(
        name=dataset.name,
        images=dataset.images[:IMAGES],
        labels=dataset.labels[:IMAGES],
        classes=dataset.classes,
        pixel_max=dataset.pixel_max,
    )


def made_up() -> Dataset:
    """Return images of noise, in the smallest size that every built-in architecture takes."""
    noise = np.random.Philox(key=0).random_raw(IMAGES * 64).astype(np.uint8).reshape(IMAGES, 8, 8, 1)
    classes = tuple(map(str, range(10)))
    labels = np.arange(IMAGES, dtype=np.int32) % 10
    return Dataset(name="noise", images=noise, labels=labels, classes=classes, pixel_max=255.0)


def ask(dataset: str, asked: Sequence[StepRequest]) -> Rehearsal:
    """Try the architectures in a training process; if one ends it, go on in a new process."""
    found = Rehearsal()
    waiting = list(asked)
    while waiting or found.process is None:
        done = _run(PreflightRequest(dataset=dataset, architectures=waiting))
        _take_in(done.stdout, found)
        waiting = [task for task in waiting if task.name not in found.steps]
        if done.returncode:
            found.died = _how_it_ended(done)
        if found.process is None:
            break
        if waiting:  # the first architecture that is left has ended the process
            error = f"the training process ended: {found.died or 'it printed no error'}"
            found.steps[waiting.pop(0).name] = StepFailed(error=error)
    return found


def _run(request: PreflightRequest) -> "subprocess.CompletedProcess[str]":
    with scratch_folder() as temporary:
        return subprocess.run(
            module_command("trainer.process.preflight"),
            input=json.dumps(request.to_json()),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**training_environment(), "TMPDIR": str(temporary)},
            check=False,
        )


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
    return f"code {done.returncode}, {last_line(done.stderr) or 'it printed no error'}"
