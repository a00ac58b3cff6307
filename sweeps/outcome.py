"""A recorded sweep in a notebook's hands: data frames, and the export of its best model."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.definition.identity import where
from sweeps.export.pipeline import Exported, export
from sweeps.export.request import ExportRequest
from sweeps.export.selection import How, ModelSelection, choose, pick
from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from trainer.errors import Mismatch
from trainer.formats.catalogue import parse

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Outcome:
    """A recorded sweep: look at it as data frames, or export its best model."""

    home: Home
    name: str

    @property
    def record(self) -> SweepRecord:
        """All that the ledger holds of it now.

        Raises:
            UsageError: if there is no such sweep.
        """
        with Ledger.read(self.home.path) as ledger:
            return ledger.sweep(self.name)

    def trials(self) -> "pd.DataFrame":
        """Return one row a trial: architecture, number, state, f1, f1_mean, f1_std, its hyperparameters."""
        import pandas as pd

        return pd.DataFrame(
            {
                "architecture": trial.architecture,
                "number": trial.number,
                "state": trial.state,
                "f1": trial.f1,
                "f1_mean": trial.f1_mean,
                "f1_std": trial.f1_std,
                "seconds": trial.training_seconds,
                **trial.hyperparameters,
            }
            for trial in self.record.trials
        )

    def folds(self) -> "pd.DataFrame":
        """Return one row a fit: architecture, number, fold, f1, best_epoch, epochs, digest, seeds."""
        import pandas as pd

        return pd.DataFrame(
            {
                "architecture": trial.architecture,
                "number": trial.number,
                "repeat": fold.spec.repeat,
                "fold": fold.spec.fold,
                "f1": fold.run.result.f1,
                "best_epoch": fold.run.result.best_epoch,
                "epochs": len(fold.run.result.epochs),
                "seconds": fold.run.timing.seconds,
                "weights_sha256": fold.run.result.weights_sha256,
                "initialisation_seed": fold.spec.seeds.initialisation,
                "order_seed": fold.spec.seeds.order,
                "dropout_seed": fold.spec.seeds.dropout,
            }
            for trial in self.record.trials
            for fold in trial.folds
        )

    def epochs(self) -> "pd.DataFrame":
        """Return one row an epoch: architecture, number, fold, epoch, losses (nats), accuracies, stop_f1."""
        import pandas as pd

        return pd.DataFrame(
            {
                "architecture": trial.architecture,
                "number": trial.number,
                "repeat": fold.spec.repeat,
                "fold": fold.spec.fold,
                "epoch": number,
                "loss": epoch.loss,
                "accuracy": epoch.accuracy,
                "stop_loss": epoch.stop_loss,
                "stop_accuracy": epoch.stop_accuracy,
                "stop_f1": epoch.stop_f1,
            }
            for trial in self.record.trials
            for fold in trial.folds
            for number, epoch in enumerate(fold.run.result.epochs, start=1)
        )

    def export(  # noqa: PLR0913 - a notebook's command line
        self,
        *,
        how: How = "refit",
        architecture: str | None = None,
        trial: str | None = None,
        formats: Sequence[str] = ("keras",),
        out: Path | str = Path(),
        force: bool = False,
        tracking_uri: str | None = None,
        processes: int | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> Exported:
        """Take a model home: make it, write it in every format asked for, prove each file.

        Args:
            how: ``"refit"`` (trained on all training data), ``"ensemble"`` (the fold models, averaged) or
                ``"best-fold"``.
            architecture: its best trial instead of the best of all.
            trial: this one, like ``"resnet/3"``.
            formats: of ``trainer.formats.catalogue.FORMATS``, or ``"all"``.
            out: folder that takes the model's own folder.
            force: replace another model of the same name.
            tracking_uri: MLflow's store, for its format; where the sweep's record is if None.
            processes: that train side by side; one a core if None.
            say: told what is being done, once nothing is wrong with the input.

        Raises:
            UsageError, Mismatch, ViewUnavailable: see ``sweeps.export.pipeline.export``.
        """
        from sweeps.diagnostics.machine import available_cores
        from sweeps.mlflow_record import mlflow_view
        from sweeps.tracking_place import place_of

        record = self.record
        chosen = choose(record, pick(record, architecture, trial), how)
        wanted = parse(list(formats))
        with Ledger.open(self.home.path) as ledger:  # now, not when a trained model would have to be entered
            entry = ledger.entry(self.name)
            assert entry is not None  # noqa: S101 - self.record has raised otherwise
            place = place_of(self.home, entry, tracking_uri) if "mlflow" in wanted else None
            for note in place.notes if place else ():
                say(note)
            _check_checksums(ledger, self.name, chosen)
            order = ExportRequest(
                record=record,
                entry=entry,
                earlier=ledger.exports(self.name),
                choice=chosen,
                formats=wanted,
                out=Path(out),
                force=force,
                home=self.home.path,
                log=self.home.worker_log,
                processes=processes or available_cores(),
                tracking_uri=place.uri if place else "",
                view=mlflow_view(self.home, place.uri, entry.details.experiment) if place else None,
                say=say,
            )
            done = export(order)
            ledger.add_export(self.name, {**done.about, "folder": str(done.folder.absolute())}, time.time())
        return done


def _check_checksums(ledger: Ledger, name: str, choice: ModelSelection) -> None:
    """Refuse a trial whose rows are not what was written: its scores and epochs decide the model.

    Raises:
        Mismatch: naming the first fit.
    """
    changed = set(ledger.changed_fits(name))
    for fold in choice.trial.folds:
        if fold.spec.key in changed:
            raise Mismatch(
                f"the record of {where(fold.spec, choice.trial.number)} was changed after it was written: "
                f"nothing was exported; 'refold verify {name}' says what differs"
            )
