"""Many image files: all headers first, then all pixels, in parallel. What is wrong is collected."""

import os
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import DatasetSource
from trainer.datasets.image_file import Colour, Header, Pixels, Source, header_of, pixels_of
from trainer.datasets.large import empty, gather
from trainer.datasets.problems import Problem, checked
from trainer.errors import UsageError
from trainer.quantities import counted

Progress = Callable[[int, int], None]
Item = TypeVar("Item")
Result = TypeVar("Result")

#: Gives image files one by one, and in place of one that cannot be opened what is wrong with it.
Sources = Callable[[], Iterator[Source | Problem]]

THREADS = min(8, os.cpu_count() or 1)  # Pillow decodes without the interpreter's lock

#: Files that are open or in memory at the same time.
_AT_ONCE = 256

#: Files that a thread is given at a time: handing over small pictures one by one takes time of its own.
_OF_TASK = 16

#: Seconds between two calls of ``progress``.
_EVERY = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """The image files of a source, in order.

    Attributes:
        names: what messages and reports call each: its path in the source, or its row.
        sources: gives all files anew, each time it is called; a problem in place of one that is not there.
    """

    names: Sequence[str]
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Image files as pixels.

    Attributes:
        images: ``[k, height, width, channels]`` uint8; mapped from a file if they are many.
        kept: ``[k]`` ascending places of these images among the files.
        notes: one line for each thing that was done to some of them.
    """

    images: npt.NDArray[Any]
    kept: npt.NDArray[np.int64]
    notes: tuple[str, ...]


def decoded(
    files: ImageFiles,
    settings: DatasetSource,
    *,
    problems: Sequence[Problem] = (),
    misfit: Callable[[Header], str | None] = lambda _header: None,
    progress: Progress | None = None,
) -> Decoded:
    """Return all images in one size and colour.

    Args:
        files: the image files.
        settings: ``image_size``, ``colour``, ``fit`` and ``unreadable`` apply.
        problems: what is wrong with the source besides.
        misfit: says why an image cannot be used, by its header; None if it can.
        progress: called now and then with the number of decoded images, and of all.

    Raises:
        SourceProblems: with all that is wrong.
        UsageError: if the images do not fit into memory or the folder for temporary files.
    """
    leave_out = settings.unreadable is not None
    headers = _headers(files, misfit)
    wrong = [*problems, *(each for each in headers if isinstance(each, Problem))]
    good = [(place, each) for place, each in enumerate(headers) if isinstance(each, Header)]
    shape, colour, disagreement = _common(files, good, settings)
    checked(settings.source, [*wrong, *disagreement], leave_out=leave_out)
    if not good:
        raise UsageError(f"dataset {settings.source!r} has no image that can be read")
    images = empty((len(good), *shape, 1 if colour == "grey" else 3), np.uint8)
    transparent, damaged = _decode(files, good, images, settings, colour, progress)
    notes = checked(settings.source, [*wrong, *damaged.values()], leave_out=leave_out)
    kept = np.array([place for place, _ in good if place not in damaged], dtype=np.int64)
    if damaged:
        images = gather(images, np.array([i for i, (place, _) in enumerate(good) if place not in damaged]))
    return Decoded(images=images, kept=kept, notes=(*notes, *_notes(good, transparent)))


def _headers(files: ImageFiles, misfit: Callable[[Header], str | None]) -> list[Header | Problem]:
    def read(place: int, source: Source | Problem) -> Header | Problem:
        if isinstance(source, Problem):
            return source
        try:
            header = header_of(source)
            what = misfit(header)
            return header if what is None else Problem(files.names[place], what)
        except UsageError as error:
            return Problem(files.names[place], str(error))

    return list(_in_parallel(read, enumerate(files.sources())))


def _common(
    files: ImageFiles, good: Sequence[tuple[int, Header]], settings: DatasetSource
) -> tuple[tuple[int, int], Colour, list[Problem]]:
    """Return the size and colour of all images, and what is wrong if they have several."""
    problems = []
    sizes = Counter(header.size for _, header in good)
    ranked = sorted(sizes, key=lambda size: (-sizes[size], size))
    if settings.image_size is None and len(ranked) > 1:
        met = ", ".join(f"{h}x{w} ({counted(sizes[h, w], 'image')})" for h, w in ranked[:5])
        more = ", …" if len(ranked) > 5 else ""
        what = f"images of {len(ranked)} sizes, height x width: {met}{more}"
        remedy = f"set image_size = {list(ranked[0])} to bring all to one"
        counts = tuple((height, width, sizes[height, width]) for height, width in ranked)
        problems.append(Problem(settings.source, what, remedy, skippable=False, sizes=counts))
    first = {header.colour: files.names[place] for place, header in reversed(good)}
    if settings.colour is None and len(first) > 1:
        what = f"{first['grey']!r} is grey and {first['rgb']!r} is colour"
        remedy = "set colour = 'grey' or colour = 'rgb' to bring all images to one"
        problems.append(Problem(settings.source, what, remedy, skippable=False, mixed_colours=True))
    shape = settings.image_size or (ranked[0] if ranked else (0, 0))
    return shape, settings.colour or (good[0][1].colour if good else "rgb"), problems


def _decode(
    files: ImageFiles,
    good: Sequence[tuple[int, Header]],
    images: npt.NDArray[Any],
    settings: DatasetSource,
    colour: Colour,
    progress: Progress | None,
) -> tuple[int, dict[int, Problem]]:
    """Fill ``images``; return how many are transparent, and what is wrong with those that are damaged."""
    _, height, width, _ = images.shape
    images = images.view(np.ndarray)  # indexing a mapped array makes an object of its own each time
    row_of = {place: row for row, (place, _) in enumerate(good)}

    def decode(place: int, source: Source | Problem) -> Pixels | Problem | None:
        if place not in row_of or isinstance(source, Problem):
            return None
        try:
            return pixels_of(source, size=(height, width), colour=colour, fit=settings.fit)
        except UsageError as error:
            return Problem(files.names[place], str(error))

    transparent, damaged, said = 0, {}, time.monotonic()
    for place, found in enumerate(_in_parallel(decode, enumerate(files.sources()))):
        if isinstance(found, Problem):
            damaged[place] = found
        elif found is not None:
            images[row_of[place]] = found.values
            transparent += found.transparent
        if progress is not None and time.monotonic() - said > _EVERY:
            progress(place + 1, len(files.names))
            said = time.monotonic()
    if progress is not None:
        progress(len(files.names), len(files.names))
    return transparent, damaged


def _notes(good: Sequence[tuple[int, Header]], transparent: int) -> Iterator[str]:
    deep = sum(header.deep for _, header in good)
    if transparent:
        yield f"{counted(transparent, 'image')} with transparent pixels: they were laid on white"
    if deep:
        yield f"{counted(deep, 'image')} with 16 bits a channel: the upper 8 were taken"


def _in_parallel(
    function: Callable[[int, Item], Result], items: Iterator[tuple[int, Item]]
) -> Iterator[Result]:
    """Yield ``function`` of each item in order; few items are held at a time."""
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as threads:
        warnings.simplefilter(
            "ignore"
        )  # odd EXIF and TIFF tags change no pixel; too large images are refused
        while part := list(islice(items, _AT_ONCE)):
            tasks = [part[start : start + _OF_TASK] for start in range(0, len(part), _OF_TASK)]
            for found in threads.map(lambda task: [function(*item) for item in task], tasks):
                yield from found
