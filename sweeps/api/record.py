"""What can be asked of recorded sweeps, by their names."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sweeps.diagnostics.machine import available_cores
from sweeps.export.selection import find_trial
from sweeps.home import Home
from sweeps.mlflow_record import sweep_of_run
from sweeps.outcome import Outcome
from tracking.ledger.ledger import Ledger
from trainer.errors import UsageError

if TYPE_CHECKING:
    from sweeps.analysis.claims import Claim
    from sweeps.analysis.comparison_report import ComparisonReport
    from sweeps.analysis.variance_components import Variances
    from sweeps.export.pipeline import Exported
    from sweeps.export.selection import How
    from sweeps.verification.verify import Report

#: How MLflow names its runs.
RUN_ID = re.compile("[0-9a-f]{32}")


def open(name: str, home: Path | str | None = None) -> Outcome:  # noqa: A001 - refold.open
    """Return a recorded sweep.

    Args:
        name: of the sweep.
        home: folder of its record; ``REFOLD_HOME`` or ``refold-runs`` if None.

    Raises:
        UsageError: if there is no such sweep.
    """
    return Outcome.of(_home(home), name)


def compare(  # noqa: PLR0913 - as many as the command line's
    name: str,
    home: Path | str | None = None,
    *,
    repeats: int | None = None,
    rope: float = 0.005,
    claim: "Claim" = "new-data",
    workers: int | None = None,
    tracking_uri: str | None = None,
    console: Console | None = None,
) -> "ComparisonReport":
    """Say which architecture is better and how sure that is; see ``Outcome.compare``."""
    from sweeps.analysis import experiments
    from sweeps.analysis.comparison_report import ComparisonReport

    where = experiments.AnalysisContext(
        home=_home(home), workers=workers, tracking_uri=tracking_uri, console=console
    )
    return ComparisonReport(experiments.compare(where, name, repeats=repeats, rope=rope, claim=claim))


def plan(
    name: str | None = None,
    home: Path | str | None = None,
    *,
    scores: Sequence[float] | None = None,
    architectures: int = 2,
) -> dict[str, Any]:
    """Say how many runs a difference of a given size needs, as ``refold plan --json`` prints it.

    Args:
        name: of a recorded sweep with fresh repeats.
        home: folder of its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        scores: in place of a sweep: of runs that you have, in [0, 1].
        architectures: with scores: how many you compare, at least 2.

    Raises:
        UsageError: if not one of sweep and scores is given, or they do not suffice.
    """
    from sweeps.analysis import sample_size

    if (name is None) == (scores is None):
        raise UsageError("name a recorded sweep, or give the scores of runs that you have: one of the two")
    if scores is not None:
        return sample_size.from_scores(scores, architectures=architectures)
    return sample_size.from_record(open(str(name), home).record)


def variance(
    name: str,
    home: Path | str | None = None,
    *,
    architecture: str | None = None,
    rows: int = 16,
    workers: int | None = None,
    tracking_uri: str | None = None,
    console: Console | None = None,
) -> "Variances":
    """Say how much of a score's variance comes from which seeds, and from the hyperparameters.

    Args:
        name: of a finished sweep.
        home: folder of its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        architecture: whose best trial is taken; the best of all if None.
        rows: of the design, at least 4; each takes 6 fits.
        workers: processes that train side by side; one a core if None.
        tracking_uri: MLflow's store; where the sweep's record is if None.
        console: where to show progress; standard error if None.

    Raises:
        UsageError: if something is missing or wrong; what was trained until then is recorded.
        WorkersFailed: if a fit cannot be run; call again to go on.
    """
    from sweeps.analysis import experiments

    where = experiments.AnalysisContext(
        home=_home(home), workers=workers, tracking_uri=tracking_uri, console=console
    )
    return experiments.variance(where, name, architecture=architecture, rows=rows)


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
) -> "Report":
    """Train fits of a recorded sweep again in fresh processes, and compare every digest.

    Args:
        name: of a finished sweep, or the id of one of its runs in MLflow.
        home: folder of its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        everything: every fit; a sample of them if neither this nor a trial or fold is given.
        trial: all fits of one, ``"resnet/3"``.
        fold: this one only.
        workers: processes that train side by side; one a core if None.
        tracking_uri: MLflow's store, where ``name`` is a run's id; where the home's sweeps have theirs if
            None.
        say: told what is being done.

    Returns:
        What was compared; its ``differences`` are empty if everything matches.

    Raises:
        UsageError: if the record cannot be verified: unfinished, damaged, trained on GPUs, or its dataset or
            a user's architecture file is gone.
    """
    from sweeps.cluster.coordinator import local_workers
    from sweeps.verification import verify

    place, count = _home(home), workers or available_cores()
    sweep, architecture, number = named(place, name, trial, tracking_uri)
    wanted = verify.FitSelection(everything=everything, architecture=architecture, trial=number, fold=fold)
    return verify.verify(
        place.path, sweep, wanted, start_workers=lambda log: local_workers(count, log), say=say
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
    tracking_uri: str | None = None,
    processes: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> "Exported":
    """Take a recorded sweep's best model home; see ``Outcome.export``."""
    return open(name, home).export(
        how=how, architecture=architecture, trial=trial, formats=formats, out=out, force=force,
        tracking_uri=tracking_uri, processes=processes, say=say,
    )  # fmt: skip


def sync(
    name: str | None = None,
    home: Path | str | None = None,
    *,
    tracking_uri: str | None = None,
    rebuild: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> None:
    """Bring MLflow up to date with what is recorded; see ``sweeps.mlflow_record.sync``."""
    from sweeps import mlflow_record

    mlflow_record.sync(_home(home), name, tracking_uri=tracking_uri, rebuild=rebuild, say=say)


def remove(
    name: str, home: Path | str | None = None, *, tracking_uri: str | None = None, mlflow: bool = True
) -> None:
    """Delete a sweep, its MLflow runs and their artifacts, as ``refold rm --yes``: nobody is asked.

    Args:
        name: of the sweep.
        home: folder of its record; ``REFOLD_HOME`` or ``refold-runs`` if None.
        tracking_uri: MLflow's store; where the sweep's record is if None.
        mlflow: whether MLflow's record goes too.

    Raises:
        UsageError: if there is no such sweep, or another process uses the home.
        ViewUnavailable: if MLflow cannot be asked; calling again completes it.
    """
    from sweeps import removal

    removal.remove(removal.removal_of(_home(home), name, tracking_uri=tracking_uri, mlflow=mlflow))


def named(
    home: Home, text: str, trial: str | None, tracking_uri: str | None
) -> tuple[str, str | None, int | None]:
    """Return the sweep, and the architecture and number of the trial, that a user names.

    Args:
        home: where the ledger is.
        text: name of a sweep, or the id of a run in MLflow.
        trial: ``"resnet/3"``, or None.
        tracking_uri: MLflow's store, where ``text`` is a run id; where the home's sweeps have theirs if None.

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


def _home(home: Path | str | None) -> Home:
    return Home.chosen(None if home is None else str(home))
