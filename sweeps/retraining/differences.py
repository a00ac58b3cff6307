"""Differences between what is recorded and what is here: a dataset, or a fit that was trained again."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sweeps.definition.changes import Change, changes
from sweeps.definition.identity import Difference
from sweeps.definition.prepare import describe
from tracking.ledger.entry import SweepEntry
from tracking.records import DatasetRecord, FoldRecord
from trainer.datasets import Loaded
from trainer.datasets.dataset import OFFICIAL
from trainer.fits.names import fit_name
from trainer.fits.results import FitResult, FitRun


def dataset_differences(entry: SweepEntry, loaded: Loaded) -> list[Difference]:
    """Compare the present dataset with the recorded fingerprints and facts; say what kind of change it is."""
    then, now = entry.dataset, describe(loaded)
    before, here = _facts(then), _facts(now)
    if entry.details.dataset.exam == OFFICIAL:  # recorded before there were exams
        before.pop("exam"), here.pop("exam")
    changed = [f"{each.name} {each.said('recorded', 'here')}" for each in changes(before, here)]
    if now.fingerprint == then.fingerprint:
        return [Difference(subject="dataset", where=entry.name, what=each) for each in changed]
    what = "; ".join(changed) or "same size and classes, but pixels, labels or their order were changed"
    short = f"fingerprint {then.fingerprint[:16]} recorded, {now.fingerprint[:16]} here: {what}"
    return [Difference(subject="dataset", where=entry.name, what=short)]


def _facts(record: DatasetRecord) -> dict[str, object]:
    """Return what is compared by name."""
    return {
        "name": record.name,
        "images": record.samples,
        "classes": list(record.classes),
        "shape": list(record.input_shape),
        "pixel_max": record.pixel_max,
        "groups": record.groups,
        "folds": record.folds,
        "exam": None if record.exam is None else asdict(record.exam),
    }


def fit_differences(fold: FoldRecord, number: int, again: FitRun) -> list[Difference]:
    """Compare a fit with the same fit trained again; differences come in the order of their computation."""
    then, now, place = fold.run.result, again.result, fit_name(fold.spec, number)
    found = []
    for subject, recorded, found_now in _in_order(then, now):
        if recorded != found_now:
            what = Change(subject, recorded, found_now).said("recorded", "trained again") + _size(then, now)
            found.append(Difference(subject=subject, where=place, what=what))
    return found


def _in_order(then: FitResult, now: FitResult) -> Iterator[tuple[str, Any, Any]]:
    """Yield (subject, recorded, trained again) for the values of two results, causes before effects."""
    yield "state", then.state, now.state
    yield "reason", then.reason, now.reason
    yield "folds and stop set", then.parts_sha256, now.parts_sha256
    yield "initial weights", then.initial_weights_sha256, now.initial_weights_sha256
    for number, (a, b) in enumerate(zip(then.epochs, now.epochs, strict=False), start=1):
        yield f"weights after epoch {number}", a.weights_sha256, b.weights_sha256
        for name, recorded in asdict(a).items():
            if name != "weights_sha256":
                yield f"{name} of epoch {number}", recorded, getattr(b, name)
    yield "number of epochs", len(then.epochs), len(now.epochs)
    yield "best epoch", then.best_epoch, now.best_epoch
    yield "weights", then.weights_sha256, now.weights_sha256
    yield "probabilities", then.probabilities_sha256, now.probabilities_sha256
    yield "predictions", then.predictions, now.predictions
    yield "confidences", then.confidences, now.confidences
    yield "confusion matrix", then.confusion, now.confusion
    yield "score", then.score, now.score
    yield "macro-F1", then.f1, now.f1
    yield "number of weights", then.parameters, now.parameters
    yield "fit key", then.key, now.key


def _size(then: FitResult, now: FitResult) -> str:
    """Return the size of the difference between two results, as far as it is a number."""
    losses = [abs(a.loss - b.loss) for a, b in zip(then.epochs, now.epochs, strict=False)]
    largest = max(losses, default=0.0)
    parts = [f"largest difference of a training loss {largest:.2g}"] if largest else []
    if then.score is not None and now.score is not None and then.score != now.score:
        parts.append(f"of the held-out score {abs(then.score - now.score):.2g}")
    return f" ({', '.join(parts)})" if parts else ""
