"""The exam: labelled images that no search, fold or stop set ever held. No other module opens it."""

from pathlib import Path

from tracking.ledger.entry import SweepEntry
from tracking.records import SweepRecord
from trainer.datasets import Dataset, load, load_test
from trainer.errors import UsageError
from trainer.names import rule_for_recorded


def open_exam(record: SweepRecord, entry: SweepEntry) -> Dataset | None:
    """Return a sweep's exam: the official test set of its dataset; None if there is none.

    Raises:
        UsageError: if the dataset has changed since the sweep, and its test set may have too.
    """
    source, base = entry.details.dataset, Path(entry.details.folder)
    rule = rule_for_recorded(record.dataset.classes)
    exam = load_test(source, base=base, class_name=rule)
    if exam is None:
        return None
    if load(source, base=base, class_name=rule).fingerprint != record.dataset.fingerprint:
        raise UsageError(
            f"the dataset {source.source} has changed since the sweep {record.name!r}, and its test set may "
            "have too: restore the former dataset, or run the sweep again under another name"
        )
    return exam
