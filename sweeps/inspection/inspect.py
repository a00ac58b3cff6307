"""Inspects a dataset: reads it, and puts together what is found in its images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sweeps.inspection import findings
from sweeps.inspection.findings import Inspection, Member, Problem
from sweeps.inspection.settling import settle
from sweeps.inspection.suggestions import folds_that_fit, suggestions
from trainer.datasets import Arrays, Dataset, DatasetSource, Loaded, load
from trainer.datasets.duplicates import clusters, too_many
from trainer.errors import UsageError
from trainer.fits.seeds import derive
from trainer.fits.split import Split
from trainer.quantities import counted

#: Folds and seed of a source that no sweep file describes.
FOLDS, SEED = 5, 1

#: ``progress(what, done, total)``.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What was found, and the images that it was found in.

    Attributes:
        inspection: what was found.
        loaded: the images.
    """

    inspection: Inspection
    loaded: Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Images, what had to be settled to read them, and the settings that did it."""

    loaded: Loaded
    problems: Sequence[Problem] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def inspect(
    dataset: DatasetSource | Arrays | Loaded,
    *,
    base: Path = Path(),
    folds: int = FOLDS,
    seed: int = SEED,
    near: bool = True,
    progress: Progress = lambda _what, _done, _total: None,
) -> Inspected:
    """Look at the images of a source.

    Args:
        dataset: the source with its settings; or its images, if there is no source to read any more.
        base: the folder that relative paths start from.
        folds: number of folds of the sweep.
        seed: the sweep's seed, which its folds follow from.
        near: whether to look for near duplicates too.
        progress: called now and then.

    Raises:
        UsageError: if the source cannot be read at all; ``SourceProblems`` has all that is wrong with it.
    """
    read = _Read(loaded=dataset) if isinstance(dataset, Loaded) else _loaded(dataset, base, progress)
    loaded = read.loaded
    members, undivided = _members(loaded, folds, seed)
    images = findings.all_images(loaded)
    found = clusters(images, near=near, progress=lambda done, total: progress("comparing", done, total))
    duplicates = findings.duplicates_of(members, found)
    problems = [*read.problems, *undivided, *findings.problems_of(loaded, duplicates)]
    if near and too_many(images):
        problems.append(
            Problem(text="too many images to look for near duplicates: only equal ones are found")
        )
    grouped = isinstance(dataset, DatasetSource) and dataset.groups is not None
    classes = dict.fromkeys(loaded.search.classes, 0)
    for member in members:
        classes[member.label] += 1
    return Inspected(
        inspection=Inspection(
            name=loaded.search.name,
            members=members,
            classes=classes,
            groups=len({member.group for member in members}) if loaded.search.groups is not None else None,
            facts=tuple(_facts(loaded)),
            duplicates=duplicates,
            problems=tuple(sorted(problems, key=lambda problem: not problem.serious)),
            suggestions={
                **read.settings,
                **suggestions(
                    loaded,
                    duplicates,
                    folds=folds,
                    grouped=loaded.search.groups is not None or grouped,
                ),
            },
        ),
        loaded=loaded,
    )


def quick_lines(loaded: Loaded) -> list[str]:
    """Return what can be seen at once in the images of a sweep, a line each: equal and constant images.

    Hashing only: less than half a second for 70,000 images of 28x28 pixels.
    """
    found = clusters(findings.all_images(loaded), near=False)
    members = findings.members_of(loaded, None) if found else ()
    duplicates = findings.duplicates_of(members, found)
    return [problem.text for problem in findings.problems_of(loaded, duplicates)]


def _members(loaded: Loaded, folds: int, seed: int) -> tuple[tuple[Member, ...], list[Problem]]:
    """Return all images with their parts and folds; without folds, and why, if there can be none."""
    given = loaded.search.folds
    count = folds_that_fit(loaded) if given is not None else folds
    split = Split.of_dataset(loaded.search, folds=count, seed=derive(seed, "split", 0))
    try:
        return findings.members_of(loaded, split), []
    except UsageError as error:
        return findings.members_of(loaded, None), [Problem(text=str(error), serious=True)]


def _loaded(dataset: DatasetSource | Arrays, base: Path, progress: Progress) -> _Read:
    """Read the source, with the settings that it lacks."""

    def reading(source: DatasetSource | Arrays) -> Loaded:
        return load(
            source, base=base, check=False, progress=lambda done, total: progress("reading", done, total)
        )

    if isinstance(dataset, Arrays):
        return _Read(loaded=reading(dataset))
    settled = settle(dataset, reading)
    loaded = replace(settled.found, notes=()) if settled.left_out else settled.found  # they are problems
    added = {name: getattr(settled.source, name) for name in settled.reasons}
    return _Read(
        loaded=loaded,
        problems=[Problem(text=fact, serious=True) for fact in settled.facts],
        settings={f"dataset.{name}": _listed(value) for name, value in added.items()},
    )


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _facts(loaded: Loaded) -> list[str]:
    data, exam = loaded.search, loaded.exam
    height, width, channels = data.input_shape
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    low, high = float(data.images.min()), float(data.images.max())
    found = [
        f"{height}x{width} pixels, {kind}, values from {low:g} to {high:g} of {data.pixel_max:g}",
        f"the search has {_counted(data)}",
        "no exam" if exam is None else f"the exam has {_counted(exam)}: {loaded.exam_from}",
    ]
    if data.folds is not None:
        found.append(f"{int(data.folds.max()) + 1} folds come with the data")
    return [*found, *loaded.notes]


def _counted(data: Dataset) -> str:
    images = counted(len(data.labels), "image")
    return images if data.groups is None else f"{images} of {counted(len(data.group_names), 'group')}"
