"""A sweep's exam: labelled images that no search, fold or stop set ever held. No other module opens it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tracking.ledger.entry import SweepEntry
from tracking.records import DatasetRecord, ExamRecord, Opening
from trainer.datasets import Dataset, load, stored_at
from trainer.datasets.dataset import OFFICIAL
from trainer.datasets.store import check_stored, open_stored
from trainer.errors import UsageError
from trainer.names import rule_for_recorded
from trainer.quantities import counted

#: What is said of a sweep without an exam.
NO_EXAM = "no exam: no unseen images are left to judge the winner on"


def exam_images(home: Path, entry: SweepEntry) -> tuple[Dataset, ExamRecord] | None:
    """Return the images of a sweep's exam and their description; None if it has no exam.

    They come from the home, where they were stored when the sweep began, or else from their source. Whoever
    scores a model on them records that with ``Ledger.add_opening``.

    Raises:
        UsageError: if the exam is gone or is not the recorded one.
    """
    recorded = entry.dataset.exam
    if recorded is None:
        return _official(entry) if entry.details.dataset.exam == OFFICIAL else None
    stored = stored_at(home / "datasets", recorded.fingerprint)
    if stored.exists():
        check_stored(stored)
        return open_stored(stored), recorded
    exam = _load(entry)
    if exam is None or exam.fingerprint != recorded.fingerprint:
        raise _changed(entry)
    return exam, recorded


def exam_in_words(dataset: DatasetRecord) -> str:
    """Return what is said of a sweep's exam before anybody has opened it, in one line."""
    exam = dataset.exam
    if exam is None:
        return NO_EXAM
    groups = "" if exam.groups is None else f" of {counted(exam.groups, 'group')}"
    return f"exam: {counted(exam.samples, 'image')}{groups} ({exam.origin}), which no fit of the search sees"


def openings_in_words(openings: Sequence[Opening]) -> list[str]:
    """Return who has opened an exam and when, a line each."""
    if not openings:
        return ["no model was scored on it yet"]
    return [
        f"opened {datetime.fromtimestamp(each.at).isoformat(' ', 'minutes')}: {each.purpose} of a model of "
        f"{each.sweep or 'elsewhere'} (key {each.model[:12]})"
        for each in openings
    ]


def _official(entry: SweepEntry) -> tuple[Dataset, ExamRecord] | None:
    """Return the official test set of a sweep that was recorded before there were exams."""
    exam = _load(entry)
    if exam is None:
        return None
    words = "the official test set"
    return exam, ExamRecord(fingerprint=exam.fingerprint, samples=len(exam.labels), origin=words)


def _load(entry: SweepEntry) -> Dataset | None:
    """Load the exam from its source.

    Raises:
        UsageError: if the images of the search have changed, as the exam may have then.
    """
    rule = rule_for_recorded(entry.dataset.classes)
    loaded = load(entry.details.dataset, base=Path(entry.details.folder), class_name=rule)
    if loaded.search.fingerprint != entry.dataset.fingerprint:
        raise _changed(entry)
    return loaded.exam


def _changed(entry: SweepEntry) -> UsageError:
    return UsageError(
        f"the dataset {entry.details.dataset.source} has changed since the sweep {entry.name!r}, and its "
        "exam may have too: restore the former dataset, or run the sweep again under another name"
    )
