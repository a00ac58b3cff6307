"""The export request: plain data for all steps of an export."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.definition.identity import identity_of
from sweeps.export.model_folder import read_about
from sweeps.export.selection import ModelSelection, earlier_name, model_name
from sweeps.retraining.recorded_code import RecordedCode
from tracking.ledger.entry import SweepEntry
from tracking.ledger.leftovers import EXPORT
from tracking.records import ExportRecord, SweepRecord
from trainer.datasets import Dataset, stored_at
from trainer.user_code import UserSource

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """The model to export, and everything that its export needs.

    Attributes:
        record: the sweep.
        entry: the sweep's entry in the ledger.
        code: the model's recorded code, which may run; empty if its architecture is built in.
        earlier: earlier exports of the sweep, oldest first.
        choice: the model.
        trained_on: the images that it is trained on, if the exam's are among them; None for those of the
            search alone.
        exam: the exam, if the model is trained on it; else None.
        formats: the names of the formats, at least one.
        dispensable: those of them that are left out if they cannot hold the model.
        left_out: formats that were left out for that, each with the reason in one line.
        out: the folder in which the model's folder is made.
        force: whether to replace another model of the same name.
        home: the home, which has the stored dataset.
        log: the file that takes what training processes print.
        processes: number of processes that may train side by side.
        tracking_uri: MLflow's store.
        view: the view of the sweep's record in MLflow; None unless the formats include ``"mlflow"``.
        say: called with each line about the progress, after the input has been checked.
        opening: called with the exam's fingerprint just before the model is scored on it; returns when and
            for what this model was scored on it first, in words.
    """

    record: SweepRecord
    entry: SweepEntry
    code: RecordedCode
    earlier: Sequence[ExportRecord] = ()
    choice: ModelSelection
    trained_on: Dataset | None = None
    exam: Dataset | None = None
    formats: tuple[str, ...]
    dispensable: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    out: Path
    force: bool = False
    home: Path
    log: Path
    processes: int = 1
    tracking_uri: str = ""
    view: "MlflowView | None" = None
    say: Callable[[str], None] = lambda _text: None
    opening: Callable[[str], str] = lambda _exam: "opened now"

    @property
    def target(self) -> Path:
        """The model's folder; if an earlier refold has exported this model here, the one that it named."""
        earlier = self.out / earlier_name(self.record, self.choice)
        about = read_about(earlier)
        if about is not None and about.key == self.choice.key:
            return earlier
        space = identity_of(self.entry).space_of(self.choice.trial.architecture)
        return self.out / model_name(self.record, self.choice, space)

    @property
    def dataset(self) -> Path:
        """The folder of the stored dataset that the model is trained on.

        With the exam it is only there while the model is made.
        """
        if self.trained_on is not None:
            return stored_at(self.home / EXPORT / "datasets", self.trained_on.fingerprint)
        return stored_at(self.home / "datasets", self.record.dataset.fingerprint)

    @property
    def source(self) -> UserSource | None:
        """The architecture's source, if it is the user's own."""
        return self.code.sources.get(self.choice.trial.architecture)
