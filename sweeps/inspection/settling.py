"""Settings with which image files of several sizes and colours are read together, without damaged ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from trainer.datasets import DatasetSource
from trainer.datasets.problems import SourceProblems
from trainer.quantities import counted

Found = TypeVar("Found")

#: The largest side that images get: networks of this size train on a processor in hours, not days.
LARGEST = 96

#: Sides are multiples of this, so that poolings divide them.
MULTIPLE = 8

#: Quotient of proportions from which stretching would distort.
DISTORTED = 1.25

#: Sizes, colours and damaged files may come to light one after the other.
ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Generic[Found]):
    """What was read, and the settings that it took.

    Attributes:
        found: what was read.
        source: the settings.
        reasons: why, for each setting that was added.
        facts: what was wrong with the source without them, a line each.
        left_out: one line for each file that cannot be read.
    """

    found: Found
    source: DatasetSource
    reasons: Mapping[str, str]
    facts: tuple[str, ...]
    left_out: tuple[str, ...]


def settle(source: DatasetSource, reading: Callable[[DatasetSource], Found]) -> Settled[Found]:
    """Read a source; add the settings that it takes. What the source sets itself stays.

    Args:
        source: the source.
        reading: reads it with settings.

    Raises:
        UsageError: if no settings settle what is wrong.
    """
    reasons: dict[str, str] = {}
    facts: list[str] = []
    left_out: tuple[str, ...] = ()
    for _ in range(ROUNDS):
        try:
            found = reading(source)
        except SourceProblems as wrong:
            changed, why = _changed(source, wrong)
            if changed == source:
                raise
            if changed.unreadable != source.unreadable:
                left_out = wrong.skippable_lines
            source, reasons = changed, reasons | why
            facts += [fact for fact in wrong.facts if fact not in facts]
        else:
            break
    else:
        found = reading(source)
    return Settled(found=found, source=source, reasons=reasons, facts=tuple(facts), left_out=left_out)


def _changed(source: DatasetSource, wrong: SourceProblems) -> tuple[DatasetSource, dict[str, str]]:
    """Return settings under which what is wrong is settled, and why these."""
    reasons = {}
    if wrong.sizes and source.image_size is None:
        sides = np.array([[height, width] for height, width, count in wrong.sizes for _ in range(count)])
        height, width = (int(each) for each in np.median(sides, axis=0))
        quotients = sides[:, 1] / sides[:, 0] * (height / width)
        distorts = bool(max(quotients.max(), 1 / quotients.min()) > DISTORTED)
        source = replace(source, image_size=scaled(height, width), fit="pad" if distorts else "stretch")
        reasons["image_size"] = f"sizes differ; the median is {height}x{width}"
        if distorts:
            reasons["fit"] = "proportions differ: padded with black, nothing is distorted or cut off"
    if wrong.mixed_colours and source.colour is None:
        source = replace(source, colour="rgb")
        reasons["colour"] = "some are grey, some colour"
    if wrong.skippable_lines and source.unreadable is None:
        source = replace(source, unreadable="leave-out")
        reasons["unreadable"] = f"{counted(len(wrong.skippable_lines), 'file')} cannot be read"
    return source, reasons


def scaled(height: int, width: int) -> tuple[int, int]:
    """Return a size of the same proportions, at most ``LARGEST`` pixels a side, in multiples of 8."""
    scale = min(1.0, LARGEST / max(height, width))
    sides = (max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in (height, width))
    rounded = tuple(sides)
    return rounded[0], rounded[1]
