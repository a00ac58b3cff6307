"""The exam: labelled images that no search, fold or stop set ever held. No other module opens it."""

from pathlib import Path

from tracking.ledger.ledger import SweepEntry
from tracking.records import SweepRecord
from trainer.datasets import Dataset, load, load_test
from trainer.errors import UsageError


def open_exam(record: SweepRecord, entry: SweepEntry) -> Dataset | None:
    """Return a sweep's exam: the official test set of its dataset; None if there is none.

    Raises:
        UsageError: if the dataset has changed since the sweep, and its test set may have too.
    """
    source, base = entry.details.dataset, Path(entry.details.folder)
    exam = load_test(source, base=base)
    if exam is not None and load(source, base=base).fingerprint != record.dataset.fingerprint:
        raise UsageError(
            f"the dataset {source.source} has changed since the sweep {record.name!r}, and its test set may "
            "have too: restore the former dataset, or run the sweep again under another name"
        )
    return exam
