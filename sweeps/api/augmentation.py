"""The sheet of augmented images of a sweep file or of a recorded sweep's trial."""

from pathlib import Path

import numpy as np

from sweeps.analysis.best_trial import pick
from sweeps.api.sweep import ready
from sweeps.definition.plan import PlannedArchitecture
from sweeps.home import Home
from sweeps.retraining.recorded_fits import dataset_of
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord, TrialRecord
from tracking.reports.augmentation_sheet import Sheet, of_trial, some_of_each_class
from trainer.datasets.loading import Progress
from trainer.errors import UsageError
from trainer.fits.seeds import Seeds
from trainer.recipe.augmentation import Strengths, is_augmented, strongest

#: What to write into a sweep file whose images are not augmented.
ADVICE = 'write augment = "light" under [training], or one of its parts, such as augment_shift'


def sheet(
    what: str,
    home: Path | str | None = None,
    *,
    architecture: str | None = None,
    trial: str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Sheet:
    """Return a sheet of augmented images: of a sweep file the strongest, of a recorded trial its own.

    Args:
        what: the path of a sweep file, or the name of a recorded sweep.
        home: the folder that holds recorded sweeps; ``REFOLD_HOME`` or ``refold-runs`` if None.
        architecture: one of the sweep's; None for the first that is augmented, or for all of a record.
        trial: of a recorded sweep, like ``"resnet/3"``; None for the best one that is augmented.
        seed: for other random numbers; None for those of training.
        progress: called now and then while image files are decoded.

    Raises:
        UsageError: if there is nothing of that name, or nothing of it is augmented.
    """
    if what.endswith(".toml"):
        if trial is not None:
            raise UsageError(f"--trial {trial}: a sweep file has no trials yet; name a recorded sweep")
        return _of_file(Path(what), architecture, seed, progress)
    place = Home.chosen(None if home is None else str(home))
    with Ledger.read(place.path) as ledger:
        record, entry = ledger.sweep(what), ledger.entry(what)
    if entry is None:
        raise UsageError(f"the sweep {what!r} has no entry in the record: it is damaged")
    chosen = _augmented_trial(record, architecture, trial)
    return of_trial(chosen, dataset_of(place.path, entry), seed)


def _of_file(path: Path, architecture: str | None, seed: int | None, progress: Progress | None) -> Sheet:
    prepared = ready(path, progress=progress)
    plan, data = prepared.plan, prepared.dataset
    chosen = _augmented_architecture(path, plan.architectures, architecture)
    of_first = Seeds.of_fit(plan.seed, trial=0, repeat=0, fold=0, augmented=True).augmentation
    return Sheet(
        name=f"{chosen.name} of {path.name}",
        what="the strongest augmentation that its trials can have",
        strengths=Strengths.of(strongest(chosen.space)),
        seed=of_first if seed is None else seed,
        dataset=data,
        images=some_of_each_class(data, np.arange(len(data.labels))),
    )


def _augmented_architecture(
    path: Path, architectures: tuple[PlannedArchitecture, ...], name: str | None
) -> PlannedArchitecture:
    names = [each.name for each in architectures]
    if name is not None and name not in names:
        raise UsageError(f"{path.name} has no architecture {name!r}; it has: {', '.join(names)}")
    for each in architectures:
        if name in (None, each.name) and is_augmented(strongest(each.space)):
            return each
    raise UsageError(f"{path.name}: no trial{f' of {name}' if name else ''} is augmented: {ADVICE}")


def _augmented_trial(record: SweepRecord, architecture: str | None, name: str | None) -> TrialRecord:
    if name is not None:
        trial = pick(record, architecture, name)
        if not is_augmented(trial.hyperparameters):
            raise UsageError(
                f"the images of the trial {name!r} are not augmented: choose another with --trial"
            )
        return trial
    pick(record, architecture)  # says if there is no such architecture, or nothing complete
    for trial in record.ranking:
        if architecture in (None, trial.architecture) and is_augmented(trial.hyperparameters):
            return trial
    which = f" of {architecture}" if architecture else ""
    raise UsageError(f"no complete trial{which} of the sweep {record.name!r} is augmented")
