"""A sweep file's content as plain frozen data."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from types import FunctionType

import numpy.typing as npt

from sweeps.definition import checks
from sweeps.definition.architecture_choice import ArchitectureChoice, Defined, ranges_of
from sweeps.definition.checks import check_fields, checked, shown
from trainer.architectures import BUILT_IN
from trainer.canonical import optional
from trainer.datasets import Arrays, DatasetSource
from trainer.datasets.dataset import OFFICIAL
from trainer.errors import UsageError
from trainer.fits.specs import Stopping
from trainer.hyperparameters import Range, Value
from trainer.limits import ARCHITECTURES
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.table import metric_called
from trainer.recipe.table import RECIPE
from trainer.spelling import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """How a trial is scored.

    Attributes:
        folds: number of parts, at least 2.
        epochs: maximum number of epochs of a fit, at least 1.
        patience: number of epochs without a better stop set after which a fit stops, at least 1.
        min_delta: smallest gain that counts as better, in [0, 1).
        stop_share: share of the training images that is the stop set, in (0, 0.5].
        stop: what decides when a fit stops and which epoch's weights are kept: "metric" (the stop set's score
            by the sweep's metric), "loss" (its cross-entropy) or "never": then there is no stop set, all
            epochs are trained, the last one is kept, and there are no rungs.
        metric: what fits and trials are scored by: scikit-learn's name of a scorer
            (``trainer.metrics.table`` has all), or ``f1:CLASS``, ``recall:CLASS``, ``precision:CLASS``.
    """

    folds: int = 5
    epochs: int = 30
    patience: int = 5
    min_delta: float = 0.0
    stop_share: float = 0.1
    stop: str = optional("metric")
    metric: str = optional(MACRO_F1.name)

    def __post_init__(self) -> None:
        check_fields(self, checks.CV, "cv.")
        if self.stop == "never":
            self._check_unneeded()

    def _check_unneeded(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("patience", "min_delta", "stop_share") and value != field.default:
                raise UsageError(
                    f'cv.{field.name} = {shown(value)} has no effect with cv.stop = "never": all epochs are '
                    "trained, without a stop set"
                )

    @property
    def stopping(self) -> Stopping | None:
        """The early-stopping rule of every fit; None if fits train all epochs and have no stop set."""
        if self.stop == "never":
            return None
        return Stopping(
            metric=metric_called(self.metric).recorded,
            patience=self.patience,
            min_delta=self.min_delta,
            share=self.stop_share,
            watch=self.stop,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How hyperparameters are proposed.

    Attributes:
        startup: number of trials of an architecture that are drawn at random before TPE begins, at least 1.
        window: trial n is proposed from the outcomes of trials 0 to n - window, at least 1. A wider window
            keeps more workers busy, but each proposal knows fewer outcomes. Part of the sweep's identity.
    """

    startup: int = 5
    window: int = 1

    def __post_init__(self) -> None:
        check_fields(self, checks.SEARCH, "search.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Which trials are not trained to their end. Part of the sweep's identity.

    Attributes:
        enabled: whether trials are pruned.
        margin: a trial ends when it could not reach the mean score of its architecture's best trial, even
            with the best score so far, plus this margin, on each remaining fold. From 0 to 1; with 1 no
            winner can be lost by a metric that lies in 0 to 1. None for the metric's usual one.
        rungs: epochs of the first fold after which the worst trials end, ascending; None for the default
            rungs that lie before the last epoch.
        keep: at a rung a trial goes on if its score is among this share of the best observed trials, in (0,
            1]; 1 switches rungs off.
        startup: number of trials that must be observed before rungs are used, at least 1.
    """

    enabled: bool = True
    margin: float | None = None
    rungs: tuple[int, ...] | None = None
    keep: float = 0.4
    startup: int = 4

    def __post_init__(self) -> None:
        check_fields(self, checks.PRUNE, "prune.")

    def margin_of(self, metric: Metric) -> float:
        """Return the margin of a sweep with this metric."""
        return metric.margin if self.margin is None else self.margin

    def rungs_within(self, epochs: int) -> tuple[int, ...]:
        """Return the rungs of a sweep whose fits train at most ``epochs``."""
        if self.keep == 1.0:
            return ()
        return self.rungs if self.rungs is not None else tuple(r for r in DEFAULT_RUNGS if r < epochs)


DEFAULT_RUNGS = (2,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a fit. They are not in the sweep's identity: the machine decides which fits exceed them.

    Attributes:
        fit_minutes: a fit that takes longer is stopped and recorded as failed; None for no limit.
    """

    fit_minutes: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, checks.LIMITS, "limits.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """How ``refold compare`` judges. Not in the sweep's identity, but fixed when the sweep begins.

    Attributes:
        rope: the largest difference of scores that does not matter, in [0, 0.5): half the width of the region
            of practical equivalence. None for the metric's usual one (0.005 for macro-F1).
    """

    rope: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, checks.COMPARE, "compare.")


#: The parts of a sweep that are data classes of their own.
_PARTS = {
    "cv": CrossValidation,
    "search": Search,
    "prune": Prune,
    "limits": Limits,
    "compare": Compare,
}


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class SweepSpec:
    """A sweep, as its file describes it. Every value but ``name`` has a default.

    Attributes:
        name: as ``trainer.names.sweep_name`` says; unique in a home.
        seed: the seed that all randomness derives from, in [0, 2**31).
        dataset: where the images come from.
        trials: number of trials of each architecture, at least 1.
        cv: the cross-validation.
        search: how hyperparameters are proposed.
        prune: which trials are not trained to their end.
        limits: the limits of each fit.
        compare: how its winners are compared.
        training: ranges of the recipe's hyperparameters for all architectures; see
            ``trainer.recipe.table``. An architecture's own ranges come before them.
        device: the device that fits are trained on, ``"cpu"`` or ``"gpu"``.
        architectures: in the order they are listed; all six built-in ones by default.
        experiment: name of the MLflow experiment; the sweep's name if None.
        folder: the folder that relative paths start from: where the sweep file lies.
    """

    name: str
    seed: int
    dataset: DatasetSource | Arrays
    trials: int
    cv: CrossValidation
    search: Search
    prune: Prune
    limits: Limits
    compare: Compare
    training: Mapping[str, Range]
    device: str
    architectures: tuple[ArchitectureChoice, ...]
    experiment: str | None
    folder: Path

    def __init__(  # noqa: PLR0913 - as many as a sweep file has keys
        self,
        *,
        name: str,
        seed: int = 1,
        dataset: str | DatasetSource | Arrays | tuple[npt.ArrayLike, npt.ArrayLike] = "digits",
        trials: int = 10,
        cv: CrossValidation = CrossValidation(),
        search: Search = Search(),
        prune: Prune = Prune(),
        limits: Limits = Limits(),
        compare: Compare = Compare(),
        training: Mapping[str, Range | Value] | None = None,
        device: str = "cpu",
        architectures: Iterable[str | Defined | ArchitectureChoice] = tuple(BUILT_IN),
        experiment: str | None = None,
        folder: Path | str = Path(),
    ) -> None:
        """Check everything that can be checked before the data is read.

        Args:
            name: see above, as for all others.
            seed: see above.
            dataset: a name or path as in a sweep file, or two arrays, images and labels.
            trials: see above.
            cv: see above.
            search: see above.
            prune: see above.
            limits: see above.
            compare: see above.
            training: see above; a bare value fixes a hyperparameter, as in a sweep file.
            device: see above.
            architectures: a name means the built-in architecture with its default space; a class or function
                of your own gets its Python name.
            experiment: see above.
            folder: see above.

        Raises:
            UsageError: if a value is wrong; the message names the key, its value and what was expected, as
                for a sweep file.
        """
        given = {
            "name": name, "seed": seed, "trials": trials, "device": device, "experiment": experiment,
            "dataset": _dataset(dataset), "cv": cv, "search": search, "prune": prune, "limits": limits,
            "compare": compare, "architectures": _architectures(architectures), "folder": _folder(folder),
            "training": training_ranges(training),
        }  # fmt: skip
        for key, value in given.items():
            object.__setattr__(self, key, value)
        check_fields(self, checks.SWEEP)
        check_fields(self, checks.MLFLOW, "mlflow.")
        for part, kind in _PARTS.items():
            if not isinstance(given[part], kind):
                raise UsageError(f"{part} = {shown(given[part])}: must be a {kind.__name__}")
        _check_rungs(prune, cv)
        _check_starts(self.architectures, self.trials)

    @property
    def source(self) -> DatasetSource:
        """Where the images come from, as it is recorded."""
        return self.dataset.source if isinstance(self.dataset, Arrays) else self.dataset

    @property
    def pruning(self) -> Prune:
        """Which trials are not trained to their end: without a stop set there are no rungs."""
        return replace(self.prune, keep=1.0) if self.cv.stop == "never" else self.prune

    def gone_on(self, recorded: DatasetSource) -> "SweepSpec":
        """Return this sweep as it goes on after it was recorded with this dataset.

        A sweep that began before there were exams has none, unless the official test set is one.
        """
        if recorded.exam != OFFICIAL or self.source.exam is not None:
            return self
        if isinstance(self.dataset, Arrays):
            return replace(self, dataset=self.dataset.with_exam(OFFICIAL))
        return replace(self, dataset=replace(self.dataset, exam=OFFICIAL))


def training_ranges(given: object) -> Mapping[str, Range]:
    """Return the ranges of ``[training]`` with their values checked.

    Raises:
        UsageError: if a name is no part of the recipe that all architectures have, or a range is wrong.
    """
    ranges = ranges_of("training", given)
    parts = [part.name for part in RECIPE.values() if not part.of_network]
    for name in ranges:
        if name in RECIPE and name not in parts:
            raise UsageError(
                f"training.{name}: only some architectures have it: write it in [architectures.NAME]"
            )
        if name not in parts:
            raise UsageError(f"unknown hyperparameter training.{name}: {nearest(name, parts)}")
    return ranges


def _dataset(given: object) -> DatasetSource | Arrays:
    """Return a dataset's source with its values checked.

    Raises:
        UsageError: if a value is wrong.
    """
    if isinstance(given, Arrays):
        return given
    if isinstance(given, tuple | list):
        if len(given) != 2:
            raise UsageError(f"dataset has {len(given)} parts: it must be two arrays, (images, labels)")
        return Arrays(*given)
    if not isinstance(given, DatasetSource):
        return DatasetSource(source=checked("dataset", given, checks.text))
    source = replace(given)  # a copy: the checks may change its values
    check_fields(source, checks.DATASET, "dataset.")
    return source


def _architectures(given: object) -> tuple[ArchitectureChoice, ...]:
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise UsageError(f"architectures = {shown(given)}: must be a list of names or ArchitectureChoice")
    choices = tuple(_choice(each) for each in islice(given, ARCHITECTURES.most + 1))
    if len(choices) > ARCHITECTURES.most:
        raise UsageError(f"architectures has too many entries: at most {ARCHITECTURES.said}")
    if not choices:
        raise UsageError("architectures is empty: leave it out for all six, or name at least one")
    given = [choice.name for choice in choices]
    for name in given:
        if given.count(name) > 1:
            raise UsageError(f"architectures has {name!r} twice: names must differ")
    return choices


def _choice(given: object) -> ArchitectureChoice:
    if isinstance(given, str):
        return ArchitectureChoice(name=given)
    if isinstance(given, type | FunctionType):
        return ArchitectureChoice(name=given.__name__, source=given)
    if not isinstance(given, ArchitectureChoice):
        raise UsageError(f"architectures: {shown(given)} must be a name, a class or an ArchitectureChoice")
    return given


def _folder(given: object) -> Path:
    if not isinstance(given, str | os.PathLike):
        raise UsageError(f"folder = {shown(given)}: must be the path of a folder")
    return Path(given)


def _check_rungs(prune: Prune, cv: CrossValidation) -> None:
    if prune.rungs and cv.stop == "never":
        raise UsageError('prune.rungs need a stop set: leave them out with cv.stop = "never"')
    late = [rung for rung in prune.rungs or () if rung >= cv.epochs]
    if late:
        raise UsageError(
            f"prune.rungs: {late[0]} must lie below cv.epochs = {cv.epochs}: after the last epoch "
            "no training is left to save"
        )


def _check_starts(choices: Iterable[ArchitectureChoice], trials: int) -> None:
    for choice in choices:
        if len(choice.start) > trials:
            raise UsageError(
                f"architectures.{choice.name}.start: {len(choice.start)} tables, and trials = {trials}: "
                "each is one trial, so raise trials or leave some out"
            )
