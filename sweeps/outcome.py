"""A recorded sweep in a notebook's hands: data frames, and the export of its best model."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.exporting import Exported, export
from sweeps.home import Home
from tracking.ledger import Ledger
from tracking.records import SweepRecord

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

    def export(
        self,
        *,
        architecture: str | None = None,
        out: Path | str = Path(),
        force: bool = False,
        say: Callable[[str], None] = lambda _text: None,
    ) -> Exported:
        """Refit the best trial on all training data and save it; see ``sweeps.exporting.export``."""
        record = self.record
        with Ledger.open(self.home.path) as ledger:  # now, not when a trained model would have to be entered
            entry = ledger.entry(self.name)
            assert entry is not None  # noqa: S101 - self.record has raised otherwise
            done = export(
                record,
                entry,
                home=self.home.path,
                out=Path(out),
                architecture=architecture,
                force=force,
                say=say,
            )
            ledger.add_export(self.name, {**done.card, "model": str(done.model)}, time.time())
        return done
