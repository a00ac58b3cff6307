"""What is to be exported, and with what: plain data that every step of an export is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.export.selection import ModelSelection, model_name
from tracking.ledger.ledger import SweepEntry
from tracking.records import ExportRecord, SweepRecord
from trainer.user_code import UserSource

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is to be exported, and with what.

    Attributes:
        record: the sweep.
        entry: what the ledger keeps beside it.
        earlier: exports of the sweep, oldest first.
        choice: the model.
        formats: names of formats, at least one.
        out: folder that takes the model's folder.
        force: replace another model of the same name.
        home: where the dataset is stored.
        log: takes what training processes print.
        processes: that may train side by side.
        tracking_uri: MLflow's store.
        view: the sweep's view in it.
        say: called with what is being done, once the input has been found right.
    """

    record: SweepRecord
    entry: SweepEntry
    earlier: Sequence[ExportRecord] = ()
    choice: ModelSelection
    formats: tuple[str, ...]
    out: Path
    force: bool = False
    home: Path
    log: Path
    processes: int = 1
    tracking_uri: str = ""
    view: "MlflowView | None" = None
    say: Callable[[str], None] = lambda _text: None

    @property
    def target(self) -> Path:
        """The model's folder."""
        return self.out / model_name(self.record, self.choice)

    @property
    def dataset(self) -> Path:
        """The folder of the stored dataset."""
        return self.home / "datasets" / self.record.dataset.fingerprint

    @property
    def source(self) -> UserSource | None:
        """The architecture's code, if it is the user's own."""
        return self.entry.details.sources.get(self.choice.trial.architecture)
