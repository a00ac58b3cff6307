"""The MLflow view of a sweep: the one file that imports MLflow, and only when it is used.

It writes what ``tracking.mlflow.content`` describes, and finds its runs again by their tags. MLflow accepts
no run ids from its clients, so a lost answer leaves a second run, which is removed later. Everything may be
written again at any time: points carry the time at which they happened, so writing them again adds nothing.
"""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from tracking.errors import StoreUnusable, ViewUnavailable
from tracking.mlflow.content import RunContent, sweep_content, sweep_identity, trial_content, trial_key
from tracking.mlflow.damage import is_damage
from tracking.mlflow.exam_refits import refits_content, settled_refits
from tracking.mlflow.extra_fits import confirmation_content, with_conclusions
from tracking.mlflow.models.registry import Registered
from tracking.mlflow.reasons import reason
from tracking.mlflow.removal import Found, Removal
from tracking.mlflow.runs import KnownRun, RunWriter, precedes
from tracking.mlflow.store import forget_sqlite, prepare_database, sqlite_path
from tracking.mlflow.uri import check_uri, is_server, shown
from tracking.records import SweepRecord, TrialRecord
from tracking.reports.out_of_fold import HeldOut
from trainer.datasets import open_stored, stored_at
from trainer.errors import UsageError

#: Defaults for variables that MLflow reads from the environment; the user's own values take precedence.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # By MLflow's defaults a call waits four minutes for a server that is away; the recorder tries again
    # anyway.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "PGCONNECT_TIMEOUT": "10",
}
_PARENT, _EXPERIMENT = "mlflow.parentRunId", "refold.experiment"
#: Tags of a new experiment: refold made it, and MLflow should show pages for models, not for language agents.
_EXPERIMENT_TAGS = {_EXPERIMENT: "1", "mlflow.experimentKind": "custom_model_development"}


def _progress(record: SweepRecord, *, live: bool) -> object:
    """Return a value that differs if there is something new to write. Cheap, because results never change."""
    trials = [(trial.architecture, trial.number, trial.state, len(trial.folds)) for trial in record.trials]
    confirmed = [(trial.architecture, trial.number, len(trial.folds)) for trial in record.confirmed]
    examined = {place: len(refits) for place, refits in record.examined.items()}
    ended = live or record.finished
    beside = confirmed, examined, record.reports
    return sweep_identity(record), record.trials_per_architecture, trials, ended, beside


def _refits(record: SweepRecord) -> Iterator[RunContent]:
    """Yield the runs of the winners' refits on the exam."""
    for trial in record.trials:
        if refits := settled_refits(record.examined.get((trial.architecture, trial.number), ())):
            yield refits_content(record, trial, refits)


@cache
def _mlflow() -> Any:
    """Import MLflow with all of its parts that are used here, without its messages."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    quieten = "mlflow" not in sys.modules  # a notebook that uses MLflow itself keeps its messages
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # MLflow's own, about SQLAlchemy
        import mlflow
        import mlflow.entities
        import mlflow.store.artifact.artifact_repository_registry
        import mlflow.store.db.utils
        import mlflow.store.model_registry.sqlalchemy_store
        import mlflow.store.tracking.sqlalchemy_store

    if quieten:
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return mlflow


class MlflowView:
    """Keeps one experiment of one MLflow up to date with sweeps. Not thread-safe.

    Args:
        tracking_uri: a database or a server.
        artifact_root: the folder for artifacts if ``tracking_uri`` is a database; a server has its own.
        experiment: the experiment's name; it may have several sweeps, and runs of other tools.
        datasets: the folder of stored datasets. None leaves out images and tables of predictions.
        remedy: what to do if the database is damaged, in words; empty if refold knows no way.
        trusted: whether files may be deleted wherever MLflow says that the sweep's artifacts are; else only
            those in the folder in which refold itself puts them.

    Raises:
        UsageError: if the URI can never work.
    """

    def __init__(
        self,
        tracking_uri: str,
        artifact_root: Path | None,
        experiment: str,
        datasets: Path | None = None,
        remedy: str = "",
        *,
        trusted: bool = True,
    ) -> None:
        check_uri(tracking_uri)
        self._remedy = remedy
        self._datasets = datasets
        self._trusted = trusted
        self._held_out: dict[str, HeldOut | None] = {}
        self._uri = tracking_uri
        self._artifact_root = artifact_root
        self._experiment = experiment
        self._client: Any = None
        self._sweep = ""
        self._experiment_id = ""
        self._runs: dict[str, KnownRun] = {}
        self._written: object = None
        self._created = False

    def write(self, record: SweepRecord, *, live: bool = True) -> None:
        """Bring MLflow up to date with the record. What MLflow already has stays as it is.

        Args:
            record: the sweep.
            live: whether it is running now; otherwise what has not ended is marked as killed.

        Raises:
            ViewUnavailable: if MLflow cannot be written to now; calling again completes it.
        """
        progress = _progress(record, live=live)
        if progress == self._written:
            return
        with self._speaking() as client:
            if self._sweep != sweep_identity(record):
                self._find(record)
            writer = RunWriter(_mlflow(), client, record.dataset)
            content = with_conclusions(record, sweep_content(record, live=live))
            sweep = self._ensure(writer, content, {})
            for trial in record.trials:
                self._write_trial(writer, record, trial, {_PARENT: sweep.id}, live=live)
            for trial in record.confirmed:
                if trial.state != "running":
                    confirmed = confirmation_content(record, trial)
                    writer.write(self._ensure(writer, confirmed, {_PARENT: sweep.id}), confirmed, {})
            for content_of_refits in _refits(record):
                run = self._ensure(writer, content_of_refits, {_PARENT: sweep.id})
                writer.write(run, content_of_refits, {})
            writer.write(sweep, content, {})
            if record.finished and self._created:
                self._find(record)  # a lost answer may have left a second run; the search removes it
                self._created = False
            self._written = progress

    def check(self) -> None:
        """Open MLflow, which creates a database that is not there.

        Raises:
            ViewUnavailable: if that cannot be done.
        """
        with self._speaking():
            pass

    def names_of(self, run_id: str) -> tuple[str, str | None]:
        """Return the name of a run's sweep and, of a trial's run, the trial's name such as ``resnet/3``.

        Raises:
            UsageError: if there is no such run, or it is not one of refold's.
            ViewUnavailable: if MLflow cannot be asked.
        """
        with self._speaking() as client:
            try:
                tags = client.get_run(run_id).data.tags
            except _mlflow().exceptions.MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                tags = {}
        if "refold.sweep" not in tags:
            raise UsageError(f"{run_id} is neither a sweep nor a run that refold wrote to MLflow")
        trial = tags.get("refold.trial")
        return tags["refold.sweep"], None if trial is None else f"{tags['refold.architecture']}/{int(trial)}"

    def locate(self, record: SweepRecord) -> Found:
        """Return what ``delete`` would remove.

        Raises:
            ViewUnavailable: if MLflow cannot be asked.
        """
        with self._speaking():
            return self._removal().find(sweep_identity(record))

    def delete(self, record: SweepRecord, *, models: bool = True) -> Found:
        """Remove the sweep's runs with their artifacts, and experiments of ours that are empty then.

        In a database they are deleted for good. On a server, or in a copied home, they are only marked as
        deleted, and the experiment is renamed first so that its name is free.

        Raises:
            ViewUnavailable: if MLflow cannot be asked; calling again completes it.
        """
        with self._speaking():
            self._forget()
            return self._removal().remove(sweep_identity(record), models=models)

    def add_model(
        self, record: SweepRecord, trial: TrialRecord, folder: Path, *, title: str, tags: dict[str, str]
    ) -> Registered:
        """Log a model under its trial's run and register it under the sweep's name, without an alias.

        Args:
            record: the sweep; its missing runs are written first.
            trial: the model's trial.
            folder: of an MLflow model, as ``tracking.mlflow.models.flavour`` writes it.
            title: name of the logged model.
            tags: of the model.

        Raises:
            ViewUnavailable: if MLflow cannot be written to.
        """
        self.write(record)
        with self._speaking():
            return self._removal().registry.add(
                folder,
                name=record.name,
                run_id=self._runs[trial_key(record, trial)].id,
                title=title,
                identity=sweep_identity(record),
                tags=tags,
            )

    def model_versions(self, record: SweepRecord) -> Sequence[Mapping[str, str]]:
        """Return the tags of all versions of the sweep's models that MLflow has.

        Raises:
            ViewUnavailable: if MLflow cannot be asked.
        """
        with self._speaking():
            return self._removal().registry.versions(sweep_identity(record))

    def promote(self, registered: Registered) -> None:
        """Give a registered model the alias ``champion``.

        Raises:
            ViewUnavailable: if MLflow cannot be asked.
        """
        with self._speaking():
            self._removal().registry.promote(registered)

    def withdraw(self, registered: Registered) -> None:
        """Remove a registered model's version.

        Raises:
            ViewUnavailable: if MLflow cannot be asked.
        """
        with self._speaking():
            self._removal().registry.withdraw(registered)

    @contextmanager
    def _speaking(self) -> Iterator[Any]:
        """Open MLflow if it is not open, and turn its exceptions into ``ViewUnavailable``."""
        mlflow = _mlflow()
        failures = (
            mlflow.exceptions.MlflowException,
            mlflow.store.db.utils.sqlalchemy.exc.SQLAlchemyError,
            OSError,  # requests' own exceptions are OSErrors too
            ImportError,  # of a database driver
        )
        try:
            if self._client is None:
                self._client = self._open(mlflow)
            yield self._client
        except failures as error:
            self._forget()
            said = f"MLflow at {shown(self._uri)}: {reason(error)}"
            if is_damage(error):
                raise self._unusable(said) from error
            raise ViewUnavailable(said) from error
        except StoreUnusable as error:
            self._forget()
            raise self._unusable(str(error)) from error
        except BaseException:
            self._forget()
            raise

    def _unusable(self, said: str) -> StoreUnusable:
        """Return the error for a database that stays unusable however often it is asked."""
        return StoreUnusable(f"{said}; {self._remedy}" if self._remedy else said)

    def _open(self, mlflow: Any) -> Any:
        """Return a client; a database gets its tables first."""
        if not is_server(self._uri):
            prepare_database(mlflow, self._uri, self._artifact_root)
        return mlflow.MlflowClient(tracking_uri=self._uri)

    def _removal(self) -> Removal:
        """Return the ``Removal`` for the open MLflow. Only an SQLite file can belong to a copied home."""
        copied = not is_server(self._uri) and sqlite_path(_mlflow(), self._uri) is not None
        root = self._artifact_root if copied else None
        files = self._files()
        return Removal(_mlflow(), self._client, self._uri, root, files, trusted=self._trusted)

    def begin_anew(self) -> None:
        """Forget the database, because its file was moved away: the next call makes a new one."""
        self._forget()
        self._client = None
        forget_sqlite(_mlflow(), self._uri)

    def _forget(self) -> None:
        """Forget what this process knows of MLflow's content; the next call looks it up again."""
        self._sweep, self._experiment_id, self._runs, self._written = "", "", {}, None

    def _find(self, record: SweepRecord) -> None:
        """Look up the experiment and this sweep's runs in it. Of two runs for one thing, remove one."""
        self._forget()
        self._experiment_id = self._ensure_experiment()
        found: dict[str, Any] = {}
        removal = self._removal()
        for run in removal.search(sweep_identity(record), [self._experiment_id]):
            twin = found.setdefault(run.data.tags.get("refold.key", ""), run)
            if twin is not run:
                keep, drop = (run, twin) if precedes(run, twin) else (twin, run)
                found[keep.data.tags.get("refold.key", "")] = keep
                removal.remove_run(drop)
        self._runs = {key: KnownRun.of(run) for key, run in found.items()}
        self._sweep = sweep_identity(record)

    def _ensure_experiment(self) -> str:
        """Return the experiment's id; create it, or restore it from MLflow's bin if it is ours."""
        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            location = self._artifact_location()
            return str(self._client.create_experiment(self._experiment, location, tags=_EXPERIMENT_TAGS))
        if found.lifecycle_stage == "deleted":
            if _EXPERIMENT not in found.tags:
                raise ViewUnavailable(
                    f"MLflow at {shown(self._uri)}: the experiment {self._experiment!r} is in MLflow's bin; "
                    f"restore it with: mlflow experiments restore -x {found.experiment_id}"
                )
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _artifact_location(self) -> str | None:
        """Return an absolute URI for a new experiment's artifacts; None lets the server choose."""
        root = self._files()
        if root is None:
            return None
        plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in self._experiment).lstrip(".")[:60]
        return (root.absolute() / f"{plain}-{os.urandom(4).hex()}").as_uri()

    def _files(self) -> Path | None:
        """Return the folder for artifacts; None lets the server choose."""
        if is_server(self._uri):
            return None
        database = sqlite_path(_mlflow(), self._uri)
        return self._artifact_root or (database.parent / "mlartifacts" if database else None)

    def _ensure(self, writer: RunWriter, content: RunContent, more: dict[str, str]) -> KnownRun:
        """Return the run for some content; create it if there is none."""
        if content.key not in self._runs:
            self._runs[content.key] = writer.create(self._experiment_id, content, more)
            self._created = True
        return self._runs[content.key]

    def _write_trial(
        self, writer: RunWriter, record: SweepRecord, trial: TrialRecord, more: dict[str, str], *, live: bool
    ) -> None:
        """Write a trial unless this process has written it in the same state; results never change."""
        folds = tuple(fold.run.result.key for fold in trial.folds)
        state = (trial.state, live or trial.state != "running", folds)
        known = self._runs.get(trial_key(record, trial))
        if known is None or known.state != state:
            content = trial_content(record, trial, self._dataset(record), live=live)
            run = self._ensure(writer, content, more)
            writer.write(run, content, more)
            run.state = state

    def _dataset(self, record: SweepRecord) -> HeldOut | None:
        """Return the sweep's images; None if they are no longer in the home."""
        fingerprint = record.dataset.fingerprint
        if fingerprint not in self._held_out:
            self._held_out[fingerprint] = None
            if self._datasets is not None:
                with suppress(UsageError):
                    self._held_out[fingerprint] = HeldOut(open_stored(stored_at(self._datasets, fingerprint)))
        return self._held_out[fingerprint]
