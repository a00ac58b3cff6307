"""Makes a plan from a spec: loads the data, completes the search spaces, checks that all can be trained.

Nothing is written here: a sweep that cannot run changes nothing.
"""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from sweeps.definition import scoring
from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.checks import checked
from sweeps.definition.plan import Plan, PlannedArchitecture
from sweeps.definition.scoring import with_place
from sweeps.definition.spaces import WIDTHS, check_sizes, complete_space, schedule_problem, weights_problem
from sweeps.definition.spec import SweepSpec
from sweeps.definition.starts import planned_starts
from tracking.records import DatasetRecord, ExamRecord
from trainer.architectures import BUILT_IN, inspect_user, source_digest
from trainer.datasets import Dataset, Loaded, load
from trainer.datasets.loading import Progress
from trainer.errors import UsageError
from trainer.fits.environment import Environment
from trainer.fits.seeds import derive
from trainer.fits.split import Split
from trainer.hyperparameters import Space
from trainer.names import Rule, class_name, hyperparameter_name
from trainer.recipe.augmentation import too_small
from trainer.recipe.table import CLASS_WEIGHTS
from trainer.runtime.environment import environment

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
    held_out, cv = _folds(spec, dataset), with_place(spec.cv, dataset.classes)
    here, remarks = environment(), list(scoring.remarks(cv, spec.pruning, dataset))
    plan = Plan(
        seed=spec.seed,
        dataset=dataset.fingerprint,
        trials=spec.trials,
        cv=cv,
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
    check_sizes(choice.name, space, WIDTHS if choice.source is None else {})
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
