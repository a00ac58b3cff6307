"""Scores an exported model on labelled images: ``refold evaluate``."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.clustered import ClassIntervals, Interval, scored
from sweeps.export import foreign_model
from sweeps.export.about import ModelAbout
from sweeps.export.predict import Prediction, find_model, reader_of
from tracking.reports.confused import Confused, confused
from trainer.datasets import Arrays, Dataset, DatasetSource, read
from trainer.datasets.built_in import NAMES
from trainer.datasets.duplicates import digest_of
from trainer.datasets.labelled import Labelled
from trainer.errors import UsageError
from trainer.formats.catalogue import require
from trainer.metrics.confusion import Confusion, confusion_matrix
from trainer.quantities import counted
from trainer.runtime.scratch import scratch_folder

Part = Literal["test", "all"]

#: ``progress(what, done, total)``.
Progress = Callable[[str, int, int], None]

#: Bytes of pixels that a process is given in one file; each process takes seconds to start.
AT_ONCE = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A model's scores on labelled images.

    Attributes:
        model: the model's name.
        source: what the images are.
        images: number of images that were scored.
        groups: number of their groups; None if every image counts by itself.
        f1: macro-F1 with its 95 % interval.
        accuracy: share of right predictions with its 95 % interval.
        classes: names of the model's classes.
        by_class: scores of each class with their 95 % intervals.
        confusion: counts, rows true classes, columns predicted ones.
        names: of the images, in order.
        probabilities: ``[n, classes]`` of each image, float32.
        labels: the true class of each image.
        notes: what was left out, and what else is to be known, a line each.
        fingerprint: of the images that were scored.
    """

    model: str
    source: str
    images: int
    groups: int | None
    f1: Interval
    accuracy: Interval
    classes: tuple[str, ...]
    by_class: tuple[ClassIntervals, ...]
    confusion: Confusion
    names: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    fingerprint: str

    @property
    def predictions(self) -> list[Prediction]:
        """One for each image, in order; each has the probabilities of all classes by name."""
        return [
            Prediction(
                image=name,
                class_name=self.classes[int(row.argmax())],
                probability=float(row.max()),
                probabilities=dict(zip(self.classes, map(float, row), strict=True)),
            )
            for name, row in zip(self.names, self.probabilities, strict=True)
        ]

    @property
    def confused(self) -> tuple[Confused, ...]:
        """Which classes were taken for which others, the most frequent mistakes first."""
        return confused(self.classes, self.confusion)

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON data, without the predictions."""
        left_out = ("names", "probabilities", "labels", "by_class", "f1", "accuracy")
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in left_out}
        told = {**plain, "f1": asdict(self.f1), "accuracy": asdict(self.accuracy)}
        rows = zip(self.classes, map(asdict, self.by_class), strict=True)
        return told | {"by_class": dict(rows), "confused": [each.to_json() for each in self.confused]}


def evaluate(  # noqa: PLR0913 - as many as the command line's
    model: Path | str,
    source: str | Path | DatasetSource | Arrays,
    *,
    groups: str | int | None = None,
    part: Part | None = None,
    trust_model: bool = False,
    opening: Callable[[ModelAbout, Dataset], Sequence[str]] = lambda _about, _data: (),
    trained_on: Callable[[ModelAbout], Dataset | None] = lambda _about: None,
    progress: Progress = lambda _what, _done, _total: None,
) -> Evaluation:
    """Score an exported model on labelled images. Files that cannot be read are left out, and said.

    Args:
        model: an exported model's folder, or a file in it.
        source: a dataset's name or path, or a dataset. Image files are brought to size and colour as the
            model's sweep has done.
        groups: which images belong together, as in a sweep file's ``[dataset] groups``.
        part: ``"test"`` for the official test set, ``"all"`` for all images. None for the test set if there
            is one, otherwise all.
        trust_model: whether to load the model without checking what it can do.
        opening: called with the model and the images before they are scored; returns what is to be said.
        trained_on: returns the images that the model was trained on, if they are known.
        progress: called now and then with what is done, how many images are done, and of how many.

    Raises:
        UsageError: if there is no such model or source, or they do not fit each other.
    """
    about, name, file = find_model(Path(model))
    require(name)
    found = _chosen(_read(about, source, groups, progress), part)
    _check_fit(about, found)
    data = found.dataset(np.arange(len(found.labels)))
    opened = opening(about, data)
    probabilities = _classify(about, name, file, found, trust=trust_model, progress=progress)
    number = np.array([about.classes.index(each) for each in found.classes], dtype=np.int64)
    true, predicted = number[found.labels], probabilities.argmax(axis=1)
    scores = scored(true, predicted, classes=len(about.classes), groups=data.groups)
    return Evaluation(
        model=about.name,
        source=found.name,
        images=len(true),
        groups=len(data.group_names) or None,
        f1=scores.f1,
        accuracy=scores.accuracy,
        classes=about.classes,
        by_class=scores.classes,
        confusion=confusion_matrix(true, predicted, classes=len(about.classes)),
        names=tuple(found.path(place) for place in range(len(true))),
        probabilities=probabilities,
        labels=tuple(about.classes[label] for label in true),
        notes=(*opened, *_notes(about, found, trained_on(about))),
        fingerprint=data.fingerprint,
    )


def _read(
    about: ModelAbout,
    source: str | Path | DatasetSource | Arrays,
    groups: str | int | None,
    progress: Progress,
) -> Labelled:
    """Return the labelled images of a source, read as the model's sweep has read its own.

    Raises:
        UsageError: if they cannot be read.
    """
    if isinstance(source, Arrays):
        return source.labelled

    def reading(done: int, total: int) -> None:
        progress("reading", done, total)

    if isinstance(source, DatasetSource):
        return read(source, progress=reading)
    settings = DatasetSource(source=str(source), groups=groups)
    is_files = settings.source not in NAMES and not settings.source.lower().endswith(".npz")
    if is_files:
        settings = replace(reader_of(about), source=str(source), groups=groups, unreadable="leave-out")
    return read(settings, progress=reading)


def _chosen(found: Labelled, part: Part | None) -> Labelled:
    """Return the official test set, or all images.

    Raises:
        UsageError: if a test set is asked for where there is none.
    """
    if part == "test" and not found.test.any():
        raise UsageError(f"{found.name!r} has no official test set: leave --part out to score all images")
    if part == "all" or not found.test.any():
        return found
    kept = np.flatnonzero(found.test)
    test = found.dataset(kept)
    return replace(
        found,
        name=f"{found.name}, official test set",
        images=test.images,
        labels=test.labels,
        paths=test.paths,
        group_of=tuple(found.group_of[place] for place in kept) if found.group_of else (),
        fold_of=(),
        test=np.ones(len(kept), dtype=bool),
    )


def _check_fit(about: ModelAbout, found: Labelled) -> None:
    """Check that the model can classify the images, and that it knows their classes."""
    shape = tuple(found.images.shape[1:])
    if shape != tuple(about.input_shape):
        raise UsageError(
            f"{found.name!r} has images of {'x'.join(map(str, shape))}, and the model takes "
            f"{'x'.join(map(str, about.input_shape))} (height x width x channels)"
        )
    there = [found.classes[label] for label in np.unique(found.labels)]
    unknown = [name for name in there if name not in about.classes]
    if unknown:
        raise UsageError(
            f"{found.name!r} has the class {unknown[0]!r}, which is none of the model's classes: "
            f"{', '.join(about.classes[:10])}{', …' if len(about.classes) > 10 else ''}"
        )


def _classify(
    about: ModelAbout, name: str, file: Path, found: Labelled, *, trust: bool, progress: Progress
) -> npt.NDArray[np.float32]:
    """Return the model's probabilities, ``[n, classes]``; some images at a time."""
    each = 4 * int(np.prod(found.images.shape[1:]))
    step = max(1, AT_ONCE // each)
    scale = np.float32(about.pixel_max / found.pixel_max)
    parts = []
    for start in range(0, len(found.labels), step):
        progress("classifying", start, len(found.labels))
        some = found.images[start : start + step]
        with scratch_folder() as folder:
            found_here = foreign_model.probabilities(
                about, name, file, some, folder, scale=scale, trust=trust
            )
            parts.append(found_here)
    return np.concatenate(parts)


def _notes(about: ModelAbout, found: Labelled, training: Dataset | None) -> list[str]:
    notes = list(found.notes)
    if training is not None:
        seen = set(map(digest_of, training.images))
        again = sum(digest_of(image) in seen for image in found.images)
        if again:
            images = f"{counted(again, 'image')} of these"
            notes.append(f"{images} are among those that the model was trained on: the score is too high")
        same = set(training.group_names) & set(found.group_of)
        if same:
            groups = counted(len(same), "group")
            notes.append(
                f"{groups} of these (such as {min(same)!r}) are called like groups of the training images: "
                "if they are the same, the score is too high"
            )
    there = {found.classes[label] for label in np.unique(found.labels)}
    if missing := [name for name in about.classes if name not in there]:
        listed = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        notes.append(f"no image of {counted(len(missing), 'class', 'classes')}: {listed}")
    if not found.group_of:
        notes.append("every image counts by itself: if images belong together, say how with --groups")
    return notes
