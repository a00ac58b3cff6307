"""A commented sweep file that fits a source and a number of hours."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.authoring.budget import Budget, budget
from sweeps.authoring.fitting import Fitted, fit_to
from sweeps.definition.prepare import prepare
from sweeps.definition.spec import CrossValidation, SweepSpec
from sweeps.definition.sweep_file import parse_sweep
from trainer.architectures import BUILT_IN
from trainer.bounded_text import toml_from
from trainer.quantities import counted, duration

#: Files that cannot be read which the sweep file names.
NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSweep:
    """A sweep file to be written.

    Attributes:
        text: its content.
        spec: the sweep that it describes.
        fitted: the settings of its dataset.
        budget: its trials and epochs.
    """

    text: str
    spec: SweepSpec
    fitted: Fitted
    budget: Budget

    def to_json(self) -> dict[str, Any]:
        """Return what was decided as JSON data."""
        return {
            "name": self.spec.name,
            "dataset": self.fitted.source.to_json(),
            "folds": self.fitted.folds,
            "epochs": self.budget.epochs,
            "trials": self.budget.trials,
            "hours": self.budget.hours,
            "epoch_seconds": dict(self.budget.seconds),
            "too_slow": list(self.budget.too_slow),
            "reasons": dict(self.fitted.reasons),
            "groups_guess": self.fitted.groups,
        }


def new_sweep(
    source: str,
    *,
    folder: Path,
    hours: float,
    workers: int,
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> NewSweep:
    """Return a sweep file that fits a source.

    Args:
        source: a built-in name, or the path of a folder, table or ``.npz`` file, seen from ``folder``.
        folder: where the sweep file will lie.
        hours: that the sweep may take on this machine, above 0.
        workers: number of processes that train side by side.
        name: the sweep's; made from the source's if None.
        progress: called now and then while images are decoded.
        say: called with each line about the progress.

    Raises:
        UsageError: if the source cannot be trained on.
    """
    fitted = fit_to(source, base=folder, progress=progress)
    called = name or sweep_name(fitted.loaded.search.name)
    cv = CrossValidation(folds=fitted.folds)
    drawn = SweepSpec(name=called, dataset=fitted.source, cv=cv, folder=folder)
    say(f"timing a training step of {counted(len(drawn.architectures), 'architecture')} ...")
    found = budget(prepare(drawn, ""), hours=hours, workers=workers)
    text = _text(called, fitted, found, workers)
    return NewSweep(text=text, spec=parse_sweep(toml_from(text), folder=folder), fitted=fitted, budget=found)


def sweep_name(dataset: str) -> str:
    """Return a dataset's name as a sweep's: letters, digits, ``-``, ``_`` and ``.`` only.

    >>> sweep_name("my photos (2)")
    'my-photos-2'
    """
    return re.sub(r"[^A-Za-z0-9._]+", "-", dataset).strip("-._") or "sweep"


def _text(name: str, fitted: Fitted, found: Budget, workers: int) -> str:
    data, source, why = fitted.loaded.search, fitted.source, fitted.reasons
    height, width, channels = data.input_shape
    kind = "grey" if channels == 1 else "colour"
    lines = [
        f"# {counted(len(data.labels), 'image')} to search with, {height}x{width}, {kind}, "
        f"{counted(len(data.classes), 'class', 'classes')}.",
        "# Written by 'refold new': change what you know better, then type 'refold run' with this file.",
        _line("name", name, "unique in a home"),
        _line("seed", 1, "all randomness follows from it"),
        _line(
            "trials",
            found.trials,
            f"of each architecture: about {duration(3600 * found.expected)} on {counted(workers, 'core')}",
        ),
        "",
        "[dataset]",
        _line("source", source.source, "seen from this file's folder"),
    ]
    lines += _dataset_lines(fitted)
    lines += [
        "",
        "[cv]",
        _line("folds", fitted.folds, why["folds"]),
        _line("epochs", found.epochs, "at most; early stopping ends most fits before"),
        _line("patience", 5, "epochs without a better score on the stop set"),
        "",
        "# Time of an epoch in the middle of each range, measured here. Leave out what you do not want.",
    ]
    for architecture in BUILT_IN:
        if architecture in found.seconds:
            mark = "# too slow for that time: " if architecture in found.too_slow else ""
            table = f"{mark}[architectures.{architecture}]"
            lines.append(f"{table:<31} # {duration(found.seconds[architecture])}")
    return "\n".join(lines) + "\n"


def _dataset_lines(fitted: Fitted) -> list[str]:
    source, why = fitted.source, fitted.reasons
    lines = []
    if source.image_size is not None:
        lines.append(_line("image_size", list(source.image_size), f"height, width: {why['image_size']}"))
    if source.fit != "stretch":
        lines.append(_line("fit", source.fit, why["fit"]))
    if source.colour is not None:
        lines.append(_line("colour", source.colour, why["colour"]))
    if source.unreadable is not None:
        lines.append(_line("unreadable", source.unreadable, why["unreadable"]))
        lines += [f"#   {line}" for line in fitted.left_out[:NAMED]]
        if len(fitted.left_out) > NAMED:
            lines.append(f"#   and {len(fitted.left_out) - NAMED} more: 'refold inspect' lists them")
    if source.exam is None:
        lines.append(f"# The exam, which no fit of the search sees: {why['exam']}.")
    else:
        lines.append(_line("exam", source.exam, why["exam"]))
    if source.duplicates is not None:
        lines.append(_line("duplicates", source.duplicates, why["duplicates"]))
    if fitted.groups is not None:
        lines += [
            f"# Do images of one name belong together (one patient, one source)? These are "
            f"{counted(_groups(fitted), 'group')}. Then take the '#' away:",
            f"# groups = {json.dumps(fitted.groups)}",
        ]
    return lines


def _groups(fitted: Fitted) -> int:
    """Return how many groups the pattern finds in the images of the search."""
    pattern = re.compile(fitted.groups or "")
    found = (pattern.search(path) for path in fitted.loaded.search.paths)
    return len({match[1] for match in found if match})


def _line(key: str, value: object, comment: str) -> str:
    return f"{f'{key} = {json.dumps(value, ensure_ascii=False)}':<32}# {' '.join(comment.split())}"
