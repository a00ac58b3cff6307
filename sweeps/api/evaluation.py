"""``refold.evaluate``: an exported model scored on labelled images; an exam's opening is counted."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sweeps import evaluation
from sweeps.evaluation import Evaluation, Part, Progress
from sweeps.export.about import ModelAbout
from sweeps.export.with_exam import joined
from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from tracking.records import Opening
from trainer.datasets import Arrays, Dataset, DatasetSource, open_stored, stored_at
from trainer.datasets.duplicates import digest_of
from trainer.errors import UsageError
from trainer.quantities import counted


def evaluate(
    model: Path | str,
    source: str | Path | DatasetSource | Arrays,
    home: Path | str | None = None,
    *,
    groups: str | int | None = None,
    part: Part | None = None,
    trust_model: bool = False,
    progress: Progress = lambda _what, _done, _total: None,
) -> Evaluation:
    """Score an exported model on labelled images; see ``sweeps.evaluation.evaluate``.

    If the images are the exam of a sweep of the home, that is an opening, and is recorded before they are
    scored.

    Args:
        model: an exported model's folder, or a file in it.
        source: a dataset's name or path, or a dataset.
        home: the folder that holds recorded sweeps; ``REFOLD_HOME`` or ``refold-runs`` if None.
        groups: which images belong together, as in a sweep file's ``[dataset] groups``.
        part: ``"test"`` for the official test set, ``"all"`` for all images; None for the first of these.
        trust_model: whether to load the model without checking what it can do.
        progress: called now and then with what is done, how many images are done, and of how many.

    Raises:
        UsageError: if there is no such model or source, or they do not fit each other.
    """
    place = Home.chosen(None if home is None else str(home))

    def opened(about: ModelAbout, data: Dataset) -> list[str]:
        return _opened(place, about, data)

    def trained_on(about: ModelAbout) -> Dataset | None:
        try:
            return _training_images(place, about)
        except UsageError:  # another home, or another machine
            return None

    return evaluation.evaluate(
        model,
        source,
        groups=groups,
        part=part,
        trust_model=trust_model,
        opening=opened,
        progress=progress,
        trained_on=trained_on,
    )


def _training_images(home: Home, about: ModelAbout) -> Dataset:
    """Return the images that a model was trained on: of the search, and of the exam if it has those too.

    Raises:
        UsageError: if the home does not have them.
    """
    folder, smaller = home.path / "datasets", about.scores.smaller_training
    search = open_stored(stored_at(folder, about.dataset.fingerprint))
    if smaller is None:
        return search
    exam = open_stored(stored_at(folder, smaller.fingerprint))
    return replace(joined(search, exam), group_names=(*search.group_names, *exam.group_names))


def _opened(home: Home, about: ModelAbout, data: Dataset) -> list[str]:
    """Record an opening of each exam that some of the images are of; return what is to be said."""
    exams = _exams(home)
    digests = [digest_of(image) for image in data.images] if exams else []
    shared = {exam: count for exam in exams if (count := _shared(home, exam, data, digests))}
    if not shared:
        return []
    said = []
    with Ledger.open(home.path) as ledger:
        for exam, count in shared.items():
            opening = Opening(
                exam=exam, sweep=about.sweep, purpose="evaluation", model=about.key, at=time.time()
            )
            ledger.add_opening(opening)
            models = counted(len(ledger.openings(exam)), "model")
            said.append(
                f"{count} of {counted(len(data.labels), 'image')} are of the exam of the sweep "
                f"{exams[exam]!r}, which is opened by this: {models} scored on it so far"
            )
    return said


def _shared(home: Home, exam: str, data: Dataset, digests: Sequence[bytes]) -> int:
    """Return how many of the images are of an exam: with other groups, or fewer images, it is the same."""
    if exam == data.fingerprint:
        return len(data.labels)
    try:
        stored = open_stored(stored_at(home.path / "datasets", exam))
    except UsageError:  # removed
        return 0
    if stored.input_shape != data.input_shape or stored.images.dtype != data.images.dtype:
        return 0
    known = set(map(digest_of, stored.images))
    return sum(each in known for each in digests)


def _exams(home: Home) -> dict[str, str]:
    """Return the fingerprints of the exams of all recorded sweeps, each with the first sweep that has it."""
    if not (home.path / "ledger.sqlite").exists():
        return {}
    with Ledger.read(home.path) as ledger:
        entries = [ledger.entry(name) for name in ledger.sweep_names()]
    found: dict[str, str] = {}
    for entry in entries:
        if entry and entry.dataset.exam:
            found.setdefault(entry.dataset.exam.fingerprint, entry.name)
    return found
