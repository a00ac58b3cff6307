"""Makes a plan from a spec: loads the data, completes the search spaces, checks that all can be trained.

Nothing is written here: a sweep that cannot run changes nothing.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.checks import checked, shown
from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.definition.spec import CrossValidation, SweepSpec
from sweeps.definition.starts import planned_starts
from tracking.records import DatasetRecord, ExamRecord
from trainer.architectures import BUILT_IN, inspect_user, source_digest
from trainer.datasets import Dataset, Loaded, load
from trainer.datasets.loading import Progress
from trainer.errors import UsageError
from trainer.fits.environment import Environment
from trainer.fits.seeds import derive
from trainer.fits.split import Split
from trainer.hyperparameters import Choice, Fixed, Float, Integer, Range, Space, Value
from trainer.limits import DEPTH, FILTERS, UNITS, Limit
from trainer.names import Rule, class_name, hyperparameter_name
from trainer.recipe import class_weights
from trainer.recipe.augmentation import too_small
from trainer.recipe.class_weights import from_text
from trainer.recipe.part import Limits
from trainer.recipe.table import CLASS_WEIGHTS, RECIPE, Recipe, usual_space, without_unused
from trainer.runtime.environment import environment
from trainer.spelling import nearest

#: The largest values of the built-in architectures' hyperparameters.
WIDTHS: Mapping[str, Limit] = {
    "filters": FILTERS,
    "growth_rate": FILTERS,
    "dense_units": UNITS,
    "blocks": DEPTH,
    "layers": DEPTH,
}

#: Recorded as the kind of processor or GPU if a sweep's fits may be trained on several kinds.
MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A sweep that is ready to run.

    Attributes:
        spec: the sweep.
        text: the sweep file's text, for the record.
        plan: what decides its outcome.
        loaded: its images.
        environment: package versions and hardware of this machine.
        git_commit: the commit of the sweep file's folder; see ``git_commit``.
        tracking: the place of MLflow's record, to be kept with the sweep; None leaves the kept place as it
            is.
        remarks: what is worth knowing of the users' architectures, a sentence each.
    """

    spec: SweepSpec
    text: str
    plan: Plan
    loaded: Loaded
    environment: Environment
    git_commit: str | None = None
    tracking: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def dataset(self) -> Dataset:
        """The images of the search."""
        return self.loaded.search

    @property
    def dataset_record(self) -> DatasetRecord:
        """What the ledger keeps of the dataset."""
        return describe(self.loaded)


def describe(loaded: Loaded) -> DatasetRecord:
    """Return what the ledger keeps of a dataset."""
    data, exam = loaded.search, loaded.exam
    return DatasetRecord(
        name=data.name,
        fingerprint=data.fingerprint,
        samples=len(data.labels),
        classes=data.classes,
        input_shape=data.input_shape,
        pixel_max=data.pixel_max,
        groups=len(data.group_names) or None,
        folds=None if data.folds is None else int(data.folds.max()) + 1,
        exam=None
        if exam is None
        else ExamRecord(
            fingerprint=exam.fingerprint,
            samples=len(exam.labels),
            origin=loaded.exam_from,
            groups=len(exam.group_names) or None,
        ),
    )


def prepare(
    spec: SweepSpec, text: str, class_name: Rule = class_name, progress: Progress | None = None
) -> Prepared:
    """Load the sweep's data and check that every part of it can be trained.

    Args:
        spec: the sweep.
        text: the sweep file's text, for the record.
        class_name: the rule for class names; ``names.rule_for_recorded`` if the sweep goes on.
        progress: called now and then while image files are decoded.

    Raises:
        UsageError: if anything is wrong; the message names the first such thing.
    """
    loaded = load(spec.dataset, base=spec.folder, class_name=class_name, progress=progress)
    dataset = loaded.search
    held_out = _folds(spec, dataset)
    here, remarks = environment(), list[str]()
    plan = Plan(
        seed=spec.seed,
        dataset=dataset.fingerprint,
        trials=spec.trials,
        cv=spec.cv,
        search=spec.search,
        prune=spec.pruning,
        architectures=tuple(_planned(choice, spec, dataset, remarks) for choice in spec.architectures),
        platform=here.platform,
        device=spec.device,
        held_out=held_out,
    )
    commit = git_commit(spec.folder)
    return Prepared(
        spec=spec, text=text, plan=plan, loaded=loaded, environment=here, git_commit=commit,
        remarks=tuple(remarks),
    )  # fmt: skip


def on_other_machines(prepared: Prepared, *, mixed: bool, gpu: str) -> Prepared:
    """Return the sweep as it is when a cluster trains it.

    If kinds are mixed, no fit is keyed as one of this machine's kind; each fit records its own kind.

    Args:
        prepared: the sweep as this machine would train it.
        mixed: whether machines of several kinds may train it.
        gpu: the kind of GPU that fits are trained on; empty if they are trained on processors.
    """
    here = prepared.environment
    if gpu:
        here = replace(here, device="gpu", gpu=MIXED if mixed else gpu)
    if mixed:
        here = replace(here, cpu={"model name": MIXED})
    plan = replace(prepared.plan, platform=here.platform)
    return replace(prepared, plan=plan, environment=here)


def git_commit(folder: Path) -> str | None:
    """Return the commit checked out in ``folder``, with ``+`` if files differ from it; None outside git."""
    git = ["git", "-C", str(folder), "-c", "core.fsmonitor=false"]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        state = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if state.stdout.strip() else "")


def held_out_counts(dataset: Dataset, folds: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """Return ``Plan.held_out`` of a sweep.

    Args:
        dataset: the images of the search.
        folds: number of folds.
        seed: the sweep's seed.

    Raises:
        UsageError: if the images cannot be divided into folds.
    """
    split = Split.of_dataset(dataset, folds=folds, seed=derive(seed, "split", 0))
    counts = split.held_out_counts(len(dataset.classes))
    return () if dataset.groups is None and dataset.folds is None else counts


def _folds(spec: SweepSpec, dataset: Dataset) -> tuple[tuple[int, ...], ...]:
    try:
        return held_out_counts(dataset, spec.cv.folds, spec.seed)
    except UsageError as error:
        names = ", ".join(f"{index} is {name}" for index, name in enumerate(dataset.classes[:10]))
        named = "" if dataset.classes[0] == "0" else f" (class {names})"
        raise UsageError(f"dataset {dataset.name}: {error}{named}") from None


def _planned(
    choice: ArchitectureChoice, spec: SweepSpec, dataset: Dataset, remarks: list[str]
) -> PlannedArchitecture:
    if choice.source is None:
        own, source, digest = BUILT_IN[choice.name].space, None, source_digest(choice.name)
    else:
        found = inspect_user(
            choice.source,
            base=spec.folder,
            name=choice.name,
            input_shape=dataset.input_shape,
            classes=len(dataset.classes),
            files=choice.files,
            keep_seeds=choice.own_seeds is not None,
        )
        source, own = found.source, found.space
        remarks += found.remarks
        digest = source.digest
        _check_hyperparameters(choice.name, own)
    space = complete_space(choice.name, own, choice.ranges, spec.training)
    if problem := schedule_problem(space, spec.cv):
        raise UsageError(f"architectures.{choice.name}: {problem}")
    if problem := weights_problem(space, dataset):
        raise UsageError(f"{_written(CLASS_WEIGHTS.name, choice, spec)}: {problem}")
    _check_sizes(choice.name, space, WIDTHS if choice.source is None else {})
    if small := too_small(space, dataset.input_shape):
        raise UsageError(f"{_written(small[0], choice, spec)} has no effect: {small[1]}")
    start = planned_starts(choice.name, choice.start, space)
    return PlannedArchitecture(name=choice.name, digest=digest, space=space, source=source, start=start)


def _written(hyperparameter: str, choice: ArchitectureChoice, spec: SweepSpec) -> str:
    """Return where a hyperparameter's range was written."""
    if hyperparameter in choice.ranges:
        return f"architectures.{choice.name}.{hyperparameter}"
    if hyperparameter in (spec.training or {}):
        return f"training.{hyperparameter}"
    return f"the space of {choice.name}: {hyperparameter}"


def _check_hyperparameters(architecture: str, own: Space) -> None:
    """Check the names in the space of a user's architecture.

    Raises:
        UsageError: if one is no name; the message names it.
    """
    for name in own:
        checked(f"architectures.{architecture}: the name of a hyperparameter", name, hyperparameter_name)


def _check_sizes(name: str, space: Space, widths: Mapping[str, Limit]) -> None:
    """Check the largest values of a complete space: those of the recipe, and ``widths``.

    Raises:
        UsageError: if one is beyond its limit.
    """
    of_recipe = {part.name: part.limits.most for part in RECIPE.values() if part.limits.most}
    most = {**of_recipe, **widths}
    for hyperparameter in sorted(most.keys() & space.keys()):
        values = extremes(space[hyperparameter])
        if any(isinstance(value, str) for value in values):
            continue
        if problem := Limits(most=most[hyperparameter]).problem(map(float, values)):
            raise UsageError(f"architectures.{name}.{hyperparameter}: {problem}")


def complete_space(
    name: str,
    own: Space,
    ranges: Mapping[str, Range],
    training: Mapping[str, Range] | None = None,
    recipe: Recipe = RECIPE,
) -> Space:
    """Return the space to search: ranges of recipe and architecture, narrowed by the sweep file.

    Optional parts of the recipe are absent unless the sweep file or the architecture names them.

    Args:
        name: the architecture's.
        own: the space of its code.
        ranges: of its table in the sweep file, which come before those of ``training``.
        training: the ranges of the sweep file's ``[training]``, for all architectures.
        recipe: the parts that every architecture may have.

    Raises:
        UsageError: if the sweep file names an unknown hyperparameter, or a value that is not possible.
    """
    default = {**usual_space(recipe), **own}
    known = [*default, *(part.name for part in recipe.values() if not part.of_network)]
    space = dict(default)
    written = {
        **{key: (f"training.{key}", choices) for key, choices in (training or {}).items()},
        **{key: (f"architectures.{name}.{key}", choices) for key, choices in ranges.items()},
    }
    for hyperparameter, (key, choices) in written.items():
        if hyperparameter not in known:
            raise UsageError(f"unknown hyperparameter {key}: {nearest(hyperparameter, known)}")
        valid = _valid(hyperparameter, default, recipe)
        if problem := _misfit(hyperparameter, valid, choices, recipe):
            raise UsageError(f"{key}: {problem}")
        space[hyperparameter] = _as(valid, choices)
    for hyperparameter in own.keys() & recipe.keys():
        of_recipe = recipe[hyperparameter].valid
        if of_recipe and (problem := _misfit(hyperparameter, of_recipe, space[hyperparameter], recipe)):
            raise UsageError(f"the space of {name}: {hyperparameter} is a part of refold's recipe: {problem}")
    complete = dict(sorted(without_unused(space, recipe).items()))
    for hyperparameter in {**written, **complete}:
        key = written.get(hyperparameter, (f"the space of {name}: {hyperparameter}",))[0]
        if idle := without_effect(hyperparameter, complete, recipe):
            raise UsageError(f"{key} has no effect: {idle}")
    return complete


def schedule_problem(space: Space, cv: CrossValidation) -> str | None:
    """Return why a learning-rate schedule of a space cannot be followed; None if all of them can."""
    if "schedule" not in space:
        return None
    plateau = "plateau" in extremes(space["schedule"])
    if plateau and cv.stop == "never":
        return 'schedule = "plateau" needs a stop set, and cv.stop = "never" leaves none'
    limits = {"warmup_epochs": cv.epochs, "decay_every": cv.epochs}
    if plateau and cv.stop != "never":
        limits["plateau_patience"] = cv.patience
    for name, limit in limits.items():
        highest = max(map(int, extremes(space.get(name, RECIPE[name].usual or Fixed(0)))))
        if highest >= limit and (name in space or name == "plateau_patience"):
            of = "cv.patience" if name == "plateau_patience" else "cv.epochs"
            return f"{name} = {highest} must lie below {of} = {limit}: otherwise it has no effect"
    return None


def weights_problem(space: Space, dataset: Dataset) -> str | None:
    """Return why class weights of a space do not go with the dataset's classes; None if all of them do."""
    for value in extremes(space.get(CLASS_WEIGHTS.name, Fixed("none"))):
        if problem := class_weights.problem(str(value), dataset.classes):
            return problem
    return None


def _valid(hyperparameter: str, default: Space, recipe: Recipe) -> Range:
    """Return a range with the valid kind of value of a hyperparameter, and all valid words."""
    of_recipe = recipe[hyperparameter].valid if hyperparameter in recipe else None
    return default[hyperparameter] if of_recipe is None else of_recipe


def without_effect(hyperparameter: str, space: Space, recipe: Recipe = RECIPE) -> str | None:
    """Return why a part of the recipe applies to no trial of a space; None if it does to some."""
    needs = recipe[hyperparameter].needs if hyperparameter in recipe else None
    if needs is None:
        return None
    other = space.get(needs.name, recipe[needs.name].usual)
    if other is not None and set(extremes(other)) & set(needs.values):
        return None
    return f"it needs {needs.name} = {' or '.join(map(shown, needs.values))}"


def _misfit(name: str, default: Range, choices: Range, recipe: Recipe) -> str | None:
    """Return why ``choices`` cannot replace ``default``, or None if it can."""
    values, usual = extremes(choices), extremes(default)
    if name == CLASS_WEIGHTS.name and name in recipe:
        return next(filter(None, (_no_weights(value) for value in values)), None)
    if isinstance(usual[0], str):
        unknown = [value for value in values if value not in usual]
        return (
            f"{unknown[0]!r} is not possible: {nearest(str(unknown[0]), map(str, usual))}"
            if unknown
            else None
        )
    if any(isinstance(value, bool) != isinstance(usual[0], bool) for value in values):
        return f"{values[0]} must be {'true or false' if isinstance(usual[0], bool) else 'a number'}"
    if any(isinstance(value, str) for value in values):
        return f"{values[0]!r} must be a number"
    if isinstance(usual[0], int) and not all(isinstance(value, int) for value in values):
        return f"{values[0]} must be a whole number"
    limits = recipe[name].limits if name in recipe else Limits.like(map(float, usual))
    return limits.problem(map(float, values))


def _no_weights(value: Value) -> str | None:
    """Return why a value is neither a rule for class weights nor a table of them; None if it is one."""
    try:
        from_text(str(value))
    except ValueError as error:
        return str(error)
    return None


def _as(default: Range, choices: Range) -> Range:
    """Return ``choices`` as floats if the default range has floats: people write 0 for 0.0."""
    if isinstance(default, Float) and isinstance(choices, Integer):
        return Float(low=choices.low, high=choices.high, log=choices.log)
    return choices


def extremes(choices: Range) -> tuple[Value, ...]:
    """Return the lowest and the highest value of a range, or all of its choices."""
    match choices:
        case Float(low=low, high=high) | Integer(low=low, high=high):
            return low, high
        case Choice(values=values):
            return values
        case Fixed(value=value):
            return (value,)
