"""The task as a sweep file of refold's, and refold's record as trials."""

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.task import Task, Trial
from sweeps.diagnostics.machine import available_cores
from sweeps.execution.window_advice import window_for

#: How a sweep file says that every trial trains all its folds to their end.
WITHOUT_PRUNING = "\n[prune]\nenabled = false\n"


def sweep_file(task: Task, *, prune: bool) -> str:
    """Return the sweep file of a task, with refold's default pruning or with none.

    Its window is the one that ``refold run`` advises for as many workers as there are cores.
    """
    kinds, cores = len(task.architectures), available_cores()
    window = window_for(cores, architectures=kinds, trials=task.trials, pruned=prune)
    samples = "" if task.samples is None else f"samples = {task.samples}\n"
    architectures = "".join(f"\n[architectures.{name}]\n" for name in task.architectures)
    return (
        f'name = "speed"\nseed = {task.seed}\ntrials = {task.trials}\n'
        f"\n[search]\nwindow = {window}\n"
        f'\n[dataset]\nsource = "{task.dataset}"\n{samples}'
        f"\n[cv]\nfolds = {task.folds}\nepochs = {task.epochs}\npatience = {task.patience}\n"
        f"{'' if prune else WITHOUT_PRUNING}{architectures}"
    )


def trials_of_record(shown: str) -> list[Trial]:
    """Return the trials in what ``refold show speed --json`` prints."""
    record: Mapping[str, Any] = json.loads(shown)
    return [
        Trial(
            architecture=trial["architecture"],
            number=trial["number"],
            hyperparameters=trial["hyperparameters"],
            epochs=tuple(fold["epochs"] for fold in trial["folds"]),
            f1=trial["f1"],
        )
        for trial in record["trials"]
    ]
