"""Functions on recorded sweeps, which are given by name."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sweeps.analysis.best_trial import find_trial
from sweeps.diagnostics.machine import worker_count
from sweeps.home import Home
from sweeps.mlflow_record import sweep_of_run
from sweeps.outcome import Outcome
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import turn
from trainer.errors import UsageError

if TYPE_CHECKING:
    from sweeps.analysis.choices import Claim, On
    from sweeps.analysis.exam.report import ExamReport
    from sweeps.analysis.folds.report import ComparisonReport
    from sweeps.analysis.variance_components import Variances
    from sweeps.export.pipeline import Exported
    from sweeps.export.selection import How
    from sweeps.verification.report import Report

#: The form of a run's id in MLflow.
RUN_ID = re.compile("[0-9a-f]{32}")


def open(  # noqa: A001 - refold.open
    name: str, home: Path | str | None = None, *, trust_code: bool = False
) -> Outcome:
    """Return a recorded sweep. This runs no code of the record.

    Args:
        name: the sweep's name.
        home: the folder that holds its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        trust_code: let the methods of the outcome run the code of the sweep's own architectures, even if the
            home is somebody else's.

    Raises:
        UsageError: if there is no such sweep.
    """
    return Outcome.of(_home(home), name, trust_code=trust_code)


def compare(  # noqa: PLR0913 - as many as the command line's
    name: str,
    home: Path | str | None = None,
    *,
    on: "On | None" = None,
    refits: int | None = None,
    architectures: Sequence[str] | None = None,
    repeats: int | None = None,
    claim: "Claim | None" = None,
    rope: float | None = None,
    workers: int | None = None,
    tracking_uri: str | None = None,
    console: Console | None = None,
    wait: bool = False,
    trust_code: bool = False,
) -> "ExamReport | ComparisonReport":
    """Say which architecture is better and how sure that is; see ``Outcome.compare``."""
    from sweeps.analysis import compare as comparisons
    from sweeps.analysis.context import AnalysisContext

    where = AnalysisContext(
        home=_home(home),
        workers=workers,
        tracking_uri=tracking_uri,
        console=console,
        wait=wait,
        trust_code=trust_code,
    )
    return comparisons.compare(
        where,
        name,
        on=on,
        refits=refits,
        architectures=architectures,
        repeats=repeats,
        claim=claim,
        rope=rope,
    )


def plan(
    name: str | None = None,
    home: Path | str | None = None,
    *,
    scores: Sequence[float] | None = None,
    architectures: int | Sequence[str] | None = None,
    test_images: int | None = None,
    on: "On | None" = None,
) -> dict[str, Any]:
    """Return how many runs a difference of a given size needs, as ``refold plan --json`` prints it.

    Args:
        name: the name of a finished sweep; see ``sweeps.analysis.plan``.
        home: the folder that holds its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        scores: in place of a sweep, the scores of your own runs, in [0, 1].
        architectures: with ``scores``: number of architectures that you compare, at least 2 (the default).
            For a sweep with an exam: the names of those whose winners you compare; None for all.
        test_images: with ``scores`` only: number of images of the test set that all runs share, at least 1;
            None to count seeds alone.
        on: for a sweep: plan the verdict on its exam, or on its folds; if None, on the exam if it has one.

    Raises:
        UsageError: if neither a sweep nor scores are given, or both, or they have too few runs; or if an
            option goes with the other of the two or is out of range.
    """
    from sweeps.analysis import plan, plan_from_scores

    if (name is None) == (scores is None):
        raise UsageError("name a recorded sweep, or give the scores of your own runs: one of the two")
    if scores is not None:
        if on is not None:
            raise UsageError("--on goes with a recorded sweep, not with --scores")
        count = 2 if architectures is None else architectures
        if not isinstance(count, int):
            raise UsageError("--architectures: with --scores it is a number of architectures, such as 6")
        return plan_from_scores.from_scores(scores, architectures=count, test_images=test_images)
    if test_images is not None:
        raise UsageError("--test-images goes with --scores: a recorded sweep knows its images")
    if isinstance(architectures, int):
        raise UsageError("--architectures: for a recorded sweep name them, such as resnet,lenet")
    return plan.of_sweep(_home(home), str(name), on=on, architectures=architectures)


def variance(  # noqa: PLR0913 - as many as the command line's
    name: str,
    home: Path | str | None = None,
    *,
    architecture: str | None = None,
    rows: int = 16,
    workers: int | None = None,
    tracking_uri: str | None = None,
    console: Console | None = None,
    wait: bool = False,
    trust_code: bool = False,
) -> "Variances":
    """Estimate how much of a score's variance comes from each seed, and how much from the hyperparameters.

    Args:
        name: the name of a finished sweep.
        home: the folder that holds its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        architecture: take the best trial of this architecture; the best of all architectures if None.
        rows: number of rows of the design, at least 4; each row takes 6 fits, or 7 if the trial is
            augmented.
        workers: number of processes that train side by side; one per core if None.
        tracking_uri: MLflow's store; if None, the store that has the sweep's record.
        console: where to show progress; standard error if None.
        wait: whether to wait for another command that holds the home, instead of giving up.
        trust_code: let the record's own code run, even if the home is somebody else's.

    Raises:
        UsageError: if something is missing or wrong; fits that were trained before the error stay recorded.
        WorkersFailed: if a fit cannot be run; call again to go on.
    """
    from sweeps.analysis import variance_experiment
    from sweeps.analysis.context import AnalysisContext

    where = AnalysisContext(
        home=_home(home),
        workers=workers,
        tracking_uri=tracking_uri,
        console=console,
        wait=wait,
        trust_code=trust_code,
    )
    return variance_experiment.variance(where, name, architecture=architecture, rows=rows)


def verify(  # noqa: PLR0913 - as many as the command line's
    name: str,
    home: Path | str | None = None,
    *,
    everything: bool = False,
    trial: str | None = None,
    fold: int | None = None,
    workers: int | None = None,
    tracking_uri: str | None = None,
    say: Callable[[str], None] = lambda _text: None,
    trust_code: bool = False,
) -> "Report":
    """Train fits of a recorded sweep again in fresh processes, and compare every digest.

    Args:
        name: the name of a finished sweep, or the id of one of its runs in MLflow.
        home: the folder that holds its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        everything: verify every fit. Without this, a trial or a fold, a sample of the fits is verified.
        trial: verify all fits of this trial, like ``"resnet/3"``.
        fold: verify only this fold.
        workers: number of processes that train side by side; one per core if None.
        tracking_uri: MLflow's store, needed only if ``name`` is a run's id; if None, every store that has the
            record of a sweep of this home.
        say: called with each line about the progress.
        trust_code: let the record's own code run, even if the home is somebody else's.

    Returns:
        The comparison; its ``differences`` are empty if everything matches.

    Raises:
        UsageError: if the record cannot be verified: it is unfinished, damaged or trained on GPUs, its
            dataset is gone, or its code is not trusted.
    """
    from sweeps.cluster.coordinator import local_workers
    from sweeps.verification import verify
    from sweeps.verification.selection import FitSelection

    place, count = _home(home), worker_count(workers)
    sweep, architecture, number = named(place, name, trial, tracking_uri)
    wanted = FitSelection(everything=everything, architecture=architecture, trial=number, fold=fold)
    return verify.verify(
        place.path,
        sweep,
        wanted,
        start_workers=lambda log: local_workers(count, log),
        say=say,
        trust_code=trust_code,
    )


def export(  # noqa: PLR0913 - as many as the command line's
    name: str,
    home: Path | str | None = None,
    *,
    how: "How" = "refit",
    architecture: str | None = None,
    trial: str | None = None,
    formats: Sequence[str] = ("keras",),
    out: Path | str = Path(),
    force: bool = False,
    include_exam: bool = False,
    tracking_uri: str | None = None,
    processes: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
    wait: bool = False,
    trust_code: bool = False,
) -> "Exported":
    """Export a recorded sweep's best model; see ``Outcome.export``."""
    return open(name, home, trust_code=trust_code).export(
        how=how, architecture=architecture, trial=trial, formats=formats, out=out, force=force,
        include_exam=include_exam,
        tracking_uri=tracking_uri, processes=processes, say=say, wait=wait,
    )  # fmt: skip


def sync(
    name: str | None = None,
    home: Path | str | None = None,
    *,
    tracking_uri: str | None = None,
    rebuild: bool = False,
    say: Callable[[str], None] = lambda _text: None,
    wait: bool = False,
) -> None:
    """Bring MLflow up to date with the ledger; see ``sweeps.mlflow_sync.sync``."""
    from sweeps import mlflow_sync

    mlflow_sync.sync(_home(home), name, tracking_uri=tracking_uri, rebuild=rebuild, say=say, wait=wait)


def remove(
    name: str,
    home: Path | str | None = None,
    *,
    tracking_uri: str | None = None,
    mlflow: bool = True,
    wait: bool = False,
) -> None:
    """Delete a sweep, its MLflow runs and their artifacts without asking, as ``refold rm --yes`` does.

    Args:
        name: the sweep's name.
        home: the folder that holds its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        tracking_uri: MLflow's store; if None, the store that has the sweep's record.
        mlflow: whether MLflow's record is removed too.
        wait: whether to wait for another command that holds the home, instead of giving up.

    Raises:
        UsageError: if there is no such sweep, or another process holds the home and ``wait`` is false.
        ViewUnavailable: if MLflow cannot be asked; calling again completes the removal.
    """
    from sweeps import removal

    place = _home(home)
    with turn(place.path, _say_nothing if wait else None) as mine:
        removal.remove(removal.removal_of(place, name, tracking_uri=tracking_uri, mlflow=mlflow), mine)


def named(
    home: Home, text: str, trial: str | None, tracking_uri: str | None
) -> tuple[str, str | None, int | None]:
    """Return the sweep, and the architecture and number of the trial, that a user names.

    Args:
        home: the folder that holds the ledger.
        text: the name of a sweep, or the id of a run in MLflow.
        trial: ``"resnet/3"``, or None.
        tracking_uri: MLflow's store, needed only if ``text`` is a run's id; if None, every store that has the
            record of a sweep of this home.

    Raises:
        UsageError: if there is no such sweep, run or trial.
    """
    with Ledger.read(home.path) as ledger:
        if RUN_ID.fullmatch(text) and text not in ledger.sweep_names():
            text, found = sweep_of_run(home, text, tracking_uri)
            trial = trial or found
        record = ledger.sweep(text)
    if trial is None:
        return text, None, None
    known = find_trial(record, trial)
    return text, known.architecture, known.number


def _say_nothing(_text: str) -> None:
    pass


def _home(home: Path | str | None) -> Home:
    return Home.chosen(None if home is None else str(home))
