"""Removes a sweep: ledger rows, stored images that no other sweep uses, and runs in MLflow."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.export.model_folder import size_of
from sweeps.home import Home
from sweeps.mlflow_record import mlflow_view
from sweeps.tracking_place import kept_place, place_of, said_of
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn
from tracking.records import SweepRecord
from trainer.datasets import stored_at
from trainer.errors import UsageError
from trainer.quantities import counted, size

if TYPE_CHECKING:
    from tracking.mlflow.removal import Found
    from tracking.mlflow.view import MlflowView


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What would be removed with a sweep; ``remove`` removes it.

    Attributes:
        home: the folder that holds the ledger.
        record: the sweep.
        fits: number of the sweep's fits, those beside the search included.
        alone: how many of these no other sweep has; the others stay.
        images: the folders of the stored images that go: of the search, and of the exam.
        view: the view of MLflow's record; None if that is left alone.
        found: what MLflow has of the sweep, None if that is left alone.
        place: where MLflow's record is, in words; empty if it is left alone.
        notes: what the user should know about what stays and how MLflow was chosen; one line per note.
    """

    home: Home
    record: SweepRecord
    fits: int
    alone: int
    images: tuple[Path, ...] = ()
    view: "MlflowView | None" = None
    found: "Found | None" = None
    place: str = ""
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines that are shown to the user before the question."""
        trials, fits = counted(len(self.record.trials), "trial"), counted(self.fits, "fit")
        removed = f"removes the sweep {self.record.name}: {trials}"
        if self.alone == self.fits:
            removed += f", {fits}"
        elif self.alone:
            removed += f", {self.alone} of its {fits}; the others stay, because other sweeps have them too"
        else:
            removed += f"; its {fits} stay, because other sweeps have them too"
        images = [f"and its images, {each} ({size(size_of(each))})" for each in self.images]
        found = [f"and from MLflow, {self.place}: {self.found}"] if self.found else []
        return [removed, *images, *self.notes, *found]


def removal_of(home: Home, name: str, *, tracking_uri: str | None = None, mlflow: bool = True) -> Removal:
    """Find what would be removed with a sweep; remove nothing.

    Args:
        home: the folder that holds the ledger.
        name: the sweep's name.
        tracking_uri: MLflow's store; where the sweep's record is if None.
        mlflow: whether MLflow's record is removed too.

    Raises:
        UsageError: if there is no such sweep.
        ViewUnavailable: if MLflow cannot be asked.
    """
    with Ledger.read(home.path) as reader:
        record, entry = reader.sweep(name), reader.entry(name)
        images = _unused_images(home, reader, record)
        fits, alone = reader.count_fits(name)
    assert entry is not None  # noqa: S101 - reader.sweep has raised otherwise
    linked = [folder for folder in images if _behind_a_link(home, folder)]
    removal = Removal(
        home=home,
        record=record,
        fits=fits,
        alone=alone,
        images=tuple(folder for folder in images if folder not in linked),
        notes=tuple(f"the images in {folder} stay: a symbolic link leads there" for folder in linked),
    )
    if not mlflow:
        return removal
    place = place_of(home, entry, tracking_uri)
    view = mlflow_view(home, place.uri, entry.details.experiment)
    return replace(
        removal,
        view=view,
        found=view.locate(record),
        place=said_of(home, kept_place(home, place.uri)),
        notes=(*removal.notes, *place.notes),
    )


def _unused_images(home: Home, ledger: Ledger, record: SweepRecord) -> tuple[Path, ...]:
    """Return the folders of a sweep's stored images that are there and no other sweep's.

    Raises:
        UsageError: if a fingerprint in the record is none: it would name another folder.
    """
    try:
        folders = [stored_at(home.path / "datasets", each) for each in record.dataset.fingerprints]
    except UsageError as error:
        raise UsageError(f"the record of {record.name!r} was changed, nothing was removed: {error}") from None
    try:
        entries = [ledger.entry(name) for name in ledger.sweep_names() if name != record.name]
    except UsageError:  # nobody knows which images a damaged sweep has
        return ()
    used = {each for entry in entries if entry for each in entry.dataset.fingerprints}
    return tuple(folder for folder in folders if folder.is_dir() and folder.name not in used)


def _behind_a_link(home: Home, folder: Path) -> bool:
    return folder.resolve() != home.path.resolve() / "datasets" / folder.name


def remove(removal: Removal, turn: Turn = Turn()) -> None:  # noqa: B008 - it is frozen
    """Remove a sweep: from MLflow first, because only the ledger knows what to remove there.

    Args:
        removal: what to remove.
        turn: as for ``Ledger.open``.

    Raises:
        UsageError: if another process holds the ledger and it is not waited for.
        ViewUnavailable: if MLflow cannot be asked; calling again completes the removal.
    """
    folder, record = removal.home.path, removal.record
    with Ledger.open(folder, turn) as ledger:
        images = _unused_images(removal.home, ledger, record)
        if removal.view is not None:
            removal.view.delete(record)
        ledger.remove_sweep(record.name)
        for each in images:
            if each in removal.images and not _behind_a_link(removal.home, each):
                shutil.rmtree(each, ignore_errors=True)
