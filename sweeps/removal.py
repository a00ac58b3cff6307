"""Removes a sweep: ledger rows, stored images that no other sweep uses, and runs in MLflow."""

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeps.home import Home
from sweeps.mlflow_record import mlflow_view
from sweeps.tracking_place import kept_place, place_of, said_of
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn
from tracking.records import SweepRecord
from trainer.quantities import counted

if TYPE_CHECKING:
    from tracking.mlflow.removal import Found
    from tracking.mlflow.view import MlflowView


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What would be removed with a sweep; ``remove`` removes it.

    Attributes:
        home: the folder that holds the ledger.
        record: the sweep.
        view: the view of MLflow's record; None if that is left alone.
        found: what MLflow has of the sweep, None if that is left alone.
        place: where MLflow's record is, in words; empty if it is left alone.
        notes: what the user should know about how the place was chosen; one line per note.
    """

    home: Home
    record: SweepRecord
    view: "MlflowView | None" = None
    found: "Found | None" = None
    place: str = ""
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines that are shown to the user before the question."""
        trials = counted(len(self.record.trials), "trial")
        fits = counted(sum(len(trial.folds) for trial in self.record.trials), "fit")
        lines = [f"removes the sweep {self.record.name}: {trials}, {fits}"]
        found = [*self.notes, f"and from MLflow, {self.place}: {self.found}"] if self.found else []
        return lines + found


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
    assert entry is not None  # noqa: S101 - reader.sweep has raised otherwise
    if not mlflow:
        return Removal(home=home, record=record)
    place = place_of(home, entry, tracking_uri)
    view = mlflow_view(home, place.uri, entry.details.experiment)
    return Removal(
        home=home,
        record=record,
        view=view,
        found=view.locate(record),
        place=said_of(home, kept_place(home, place.uri)),
        notes=place.notes,
    )


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
        if removal.view is not None:
            removal.view.delete(record)
        ledger.remove_sweep(record.name)
        entries = [ledger.entry(name) for name in ledger.sweep_names()]
        if record.dataset.fingerprint not in {entry.dataset.fingerprint for entry in entries if entry}:
            shutil.rmtree(folder / "datasets" / record.dataset.fingerprint, ignore_errors=True)
