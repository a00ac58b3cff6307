"""``refold.evaluate``: an exported model scored on labelled images; an exam's opening is counted."""

import time
from pathlib import Path

from sweeps import evaluation
from sweeps.evaluation import Evaluation, Part
from sweeps.export.about import ModelAbout
from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from tracking.records import Opening
from trainer.datasets import Arrays, Dataset, DatasetSource, open_stored, stored_at
from trainer.errors import UsageError


def evaluate(
    model: Path | str,
    source: str | Path | DatasetSource | Arrays,
    home: Path | str | None = None,
    *,
    groups: str | int | None = None,
    part: Part | None = None,
    trust_model: bool = False,
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

    Raises:
        UsageError: if there is no such model or source, or they do not fit each other.
    """
    place = Home.chosen(None if home is None else str(home))

    def opened(about: ModelAbout, fingerprint: str) -> None:
        if fingerprint in _exams(place):
            opening = Opening(
                exam=fingerprint, sweep=about.sweep, purpose="evaluation", model=about.key, at=time.time()
            )
            with Ledger.open(place.path) as ledger:
                ledger.add_opening(opening)

    def trained_on(about: ModelAbout) -> Dataset | None:
        try:
            return open_stored(stored_at(place.path / "datasets", about.dataset.fingerprint))
        except UsageError:  # another home, or another machine
            return None

    return evaluation.evaluate(
        model,
        source,
        groups=groups,
        part=part,
        trust_model=trust_model,
        opening=opened,
        trained_on=trained_on,
    )


def _exams(home: Home) -> set[str]:
    """Return the fingerprints of the exams of all recorded sweeps."""
    try:
        with Ledger.read(home.path) as ledger:
            entries = [ledger.entry(name) for name in ledger.sweep_names()]
    except UsageError:  # there is no ledger
        return set()
    return {entry.dataset.exam.fingerprint for entry in entries if entry and entry.dataset.exam}
