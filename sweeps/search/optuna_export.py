"""A recorded sweep as Optuna studies, one per architecture: for optuna-dashboard and Optuna's own plots.

A view like MLflow's: written from the ledger, never read back. An attribute marks each trial that is there,
so writing again adds only the missing trials.
"""

import fcntl
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sweeps.definition.identity import identity_of
from sweeps.search.proposals import distributions, optuna_package
from tracking.ledger.entry import SweepEntry
from tracking.mlflow.content import sweep_identity
from tracking.mlflow.reasons import reason
from tracking.mlflow.uri import shown
from tracking.records import FoldRecord, SweepRecord, TrialRecord, TrialState
from trainer.errors import UsageError
from trainer.hyperparameters import Fixed, Space
from trainer.runtime.permissions import as_folder_says

#: The attribute that marks a trial of the sweep; its value is the trial's number.
TRIAL = "refold.trial"
_IDENTITY = "refold.sweep_key"
_EXAMPLES = "use sqlite:///study.db or postgresql+psycopg2://user@host/database"
_STATES: Mapping[TrialState, str] = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A study after it was written.

    Attributes:
        study: its name, ``<sweep>-<architecture>``.
        trials: number of the sweep's trials in it.
        added: number of trials that this call added.
        waiting: number of trials that have not ended, or come after one that has not; a later call adds them.
    """

    study: str
    trials: int
    added: int
    waiting: int


def write_studies(record: SweepRecord, entry: SweepEntry, storage: str, home: Path) -> tuple[Written, ...]:
    """Bring the sweep's studies up to date; trials that are there already are not changed.

    Trials are added in the order of their numbers up to the first that has not ended, so Optuna's numbers are
    refold's.

    Args:
        record: the sweep.
        entry: its entry in the ledger, which has the search spaces.
        storage: a database's URL, as Optuna takes it.
        home: the folder for the lock file that keeps two writers of one home apart.

    Raises:
        UsageError: if the storage cannot be used, or it has a study of that name from another sweep.
    """
    optuna = optuna_package()
    with _locked(home), _plainly(storage), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "experimental", for the metric's name
        opened = _open(optuna, storage)
        try:
            spaces = {name: identity_of(entry).space_of(name) for name in record.architectures}
            return tuple(_write(optuna, opened, record, name, space) for name, space in spaces.items())
        finally:
            opened.remove_session()
            opened.engine.dispose()


def _write(optuna: Any, opened: Any, record: SweepRecord, architecture: str, space: Space) -> Written:
    """Write the study of one architecture."""
    name = f"{record.name}-{architecture}"
    study = optuna.create_study(
        study_name=name, storage=opened, direction=record.metric.direction, load_if_exists=True
    )
    _claim(study, opened.url, record, architecture)
    own = [trial for trial in record.trials if trial.architecture == architecture]
    there = {trial.user_attrs.get(TRIAL) for trial in study.get_trials(deepcopy=False)}
    ended = _ended(own)
    missing = [trial for trial in ended if trial.number not in there]
    for trial in missing:
        study.add_trial(frozen_trial(optuna, trial, space))
    waiting = record.trials_per_architecture - len(ended)
    return Written(study=name, trials=len(ended), added=len(missing), waiting=waiting)


def _ended(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials before the first that has not ended."""
    ended: list[TrialRecord] = []
    for trial in trials:
        if trial.state == "running" or trial.number != len(ended):
            break
        ended.append(trial)
    return ended


def _claim(study: Any, storage: str, record: SweepRecord, architecture: str) -> None:
    """Write into a new study which sweep it is from, or refuse one that is from another."""
    identity, known = sweep_identity(record), study.user_attrs.get(_IDENTITY)
    if known not in (None, identity) or (known is None and study.get_trials(deepcopy=False)):
        raise UsageError(
            f"{shown(storage)} has a study {study.study_name!r} that is not of this sweep: name another "
            f"storage, or delete it with: optuna delete-study --study-name {study.study_name} "
            f"--storage {shown(storage)}"
        )
    if known is None:
        title = record.metric.title
        about = {
            "refold.sweep": record.name,
            "refold.architecture": architecture,
            "refold.seed": record.seed,
            "refold.dataset": f"{record.dataset.name} {record.dataset.fingerprint[:16]}",
            "refold.folds": record.fits_per_trial,
            "refold.intermediate_values": f"{title} of the held-out folds in order; of a fit that was "
            f"pruned, its best {title} on the stop set",
        }
        for key, value in about.items():
            study.set_user_attr(key, value)
        study.set_metric_names([title])
        study.set_user_attr(_IDENTITY, identity)  # last, because its presence means that the others are there


def frozen_trial(optuna: Any, trial: TrialRecord, space: Space) -> Any:
    """Return an ended trial as Optuna keeps it: state, score, times, folds as intermediate values."""
    searched = {
        name: kind for name, kind in distributions(space).items() if name in trial.hyperparameters
    }  # what does nothing in a trial is not among its hyperparameters
    values = dict(enumerate(_scores(trial.folds)))
    # As in Optuna itself, the value of a pruned trial is its last intermediate value.
    score = trial.score if trial.state == "complete" else next(reversed(values.values()), None)
    frozen = optuna.trial.create_trial(
        state=optuna.trial.TrialState[_STATES[trial.state]],
        value=None if trial.state == "failed" else score,
        params={name: trial.hyperparameters[name] for name in searched},
        distributions=searched,
        user_attrs=_attributes(trial, space),
        intermediate_values=values,
    )
    frozen.datetime_start = datetime.fromtimestamp(trial.proposed_at)
    ends = [fold.run.timing.ended_at for fold in trial.folds]
    frozen.datetime_complete = datetime.fromtimestamp(max([trial.proposed_at, *ends]))
    return frozen


def _scores(folds: Sequence[FoldRecord]) -> Iterator[float]:
    """Yield each fold's score; for a pruned fit, its best score on the stop set."""
    for fold in folds:
        result = fold.run.result
        stop = [epoch.stop_score for epoch in result.epochs if epoch.stop_score is not None]
        if result.score is not None:
            yield result.score
        elif result.state != "failed" and stop:
            yield fold.spec.metric.best(stop)


def _attributes(trial: TrialRecord, space: Space) -> dict[str, Any]:
    """Return the trial's user attributes."""
    results = [fold.run.result for fold in trial.folds]
    fixed = {name: r.value for name, r in sorted(space.items()) if isinstance(r, Fixed)}
    known: Mapping[str, Any] = {
        TRIAL: trial.number,
        "seed": trial.seed,
        "reason": trial.reason,
        f"{trial.metric.key}_mean": trial.score_mean,
        f"{trial.metric.key}_std": trial.score_std,
        "folds": [result.score for result in results],
        "best_epochs": [result.best_epoch for result in results],
        "epochs": [len(result.epochs) for result in results],
        "weights_sha256": [result.weights_sha256 for result in results],
        "training_seconds": round(trial.training_seconds, 3),
        "fixed": fixed,
    }
    return {name: value for name, value in known.items() if value not in (None, {})}


def _open(optuna: Any, storage: str) -> Any:
    """Return Optuna's storage at a URL and create its tables; refuse another program's database."""
    parts = urlsplit(storage)
    if "://" not in storage or (parts.scheme.startswith("sqlite") and parts.path in ("", "/", "/:memory:")):
        raise UsageError(f"the storage {shown(storage)!r} is no database's URL; {_EXAMPLES}")
    import sqlalchemy

    storage = _with_driver(storage)
    engine = sqlalchemy.create_engine(storage)
    try:
        tables = set(sqlalchemy.inspect(engine).get_table_names())
    finally:
        engine.dispose()
    if tables and "version_info" not in tables:
        raise UsageError(
            f"the database {shown(storage)} is another program's ({', '.join(sorted(tables)[:3])}, ...): "
            "Optuna needs one of its own, since both keep an alembic_version"
        )
    # Connects again if the server has restarted meanwhile.
    return optuna.storages.RDBStorage(storage, engine_kwargs={"pool_pre_ping": True})


def _with_driver(storage: str) -> str:
    """Return the URL; a PostgreSQL URL without a driver gets the one that is installed."""
    kind, _, rest = storage.partition("://")
    installed = [name for name in ("psycopg", "psycopg2") if find_spec(name)]
    return f"postgresql+{installed[0]}://{rest}" if kind == "postgresql" and installed else storage


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Keep two writers of one home apart, so that no other adds a trial between the check and the write."""
    with as_folder_says(home):
        lock = (home / "study.lock").open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError("another 'refold study' writes from this home: wait for it to end") from None
        yield


@contextmanager
def _plainly(storage: str) -> Iterator[None]:
    """Turn every error of a database into one line.

    Raises:
        UsageError: if Optuna, SQLAlchemy or the driver raised an error.
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        why = f"{_why(error)}; {_EXAMPLES}"
        raise UsageError(f"the storage {shown(storage)} cannot be used: {why}") from error


def _why(error: Exception) -> str:
    """Return one line that says why a database failed."""
    if isinstance(error, ImportError):
        return "its driver is not installed (for PostgreSQL: pip install 'refold[postgresql]')"
    from sqlalchemy.exc import ArgumentError

    if isinstance(error, ArgumentError):
        return "that is no database's URL"
    return reason(error)
