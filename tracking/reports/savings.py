"""What pruning saved in a sweep: the number of fits is counted, the number of epochs is estimated."""

from dataclasses import dataclass
from statistics import fmean

from tracking.records import SweepRecord, TrialRecord
from trainer.quantities import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What pruning saved.

    Attributes:
        pruned: number of trials that pruning ended early.
        trials: number of trials that have ended.
        fits: number of fits that were never begun.
        epochs: number of trained epochs, of all fits that count.
        epochs_spared: estimated number of epochs that pruned trials did not train, from the mean length of
            the complete fits of their architecture.
    """

    pruned: int
    trials: int
    fits: int
    epochs: int
    epochs_spared: int

    @property
    def share(self) -> float:
        """Estimated share of the epochs that were spared, in [0, 1]."""
        whole = self.epochs + self.epochs_spared
        return self.epochs_spared / whole if whole else 0.0

    def __str__(self) -> str:
        """Return a sentence about the savings, without its full stop."""
        fits = f"{counted(self.fits, 'fit')} {'was' if self.fits == 1 else 'were'} never begun"
        return (
            f"pruning ended {self.pruned} of {counted(self.trials, 'trial')} early: {fits}, "
            f"about {self.share:.0%} of all epochs spared"
        )


def savings(record: SweepRecord) -> Savings:
    """Return what pruning has saved so far."""
    ended = [trial for trial in record.trials if trial.state != "running"]
    pruned = [trial for trial in ended if trial.state == "pruned"]
    epochs = [len(fold.run.result.epochs) for trial in ended for fold in trial.folds]
    usual = {name: _usual_epochs(record, name) for name in record.architectures}
    return Savings(
        pruned=len(pruned),
        trials=len(ended),
        fits=sum(record.fits_per_trial - len(trial.folds) for trial in pruned),
        epochs=sum(epochs),
        epochs_spared=round(sum(_spared(trial, record, usual[trial.architecture]) for trial in pruned)),
    )


def _usual_epochs(record: SweepRecord, architecture: str) -> float:
    lengths = [
        len(fold.run.result.epochs)
        for trial in record.trials
        if trial.architecture == architecture
        for fold in trial.folds
        if fold.run.result.state == "complete"
    ]
    return fmean(lengths) if lengths else 0.0


def _spared(trial: TrialRecord, record: SweepRecord, usual: float) -> float:
    whole = usual * (record.fits_per_trial - len(trial.folds))
    last = trial.folds[-1].run.result
    return whole + (max(0.0, usual - len(last.epochs)) if last.state == "pruned" else 0.0)
