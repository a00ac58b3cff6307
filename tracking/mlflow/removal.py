"""Removes a sweep from MLflow: its runs, their artifacts, and nothing else.

Takes the ``mlflow`` package as an argument: only ``tracking.mlflow.view`` imports it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tracking.mlflow import purge
from tracking.mlflow.models.registry import Registry
from tracking.mlflow.uri import is_server
from trainer.quantities import counted

_PAGE = 1000
#: The tag of an experiment that refold made.
_OURS = "refold.experiment"
#: MLflow's folder for models in that of an experiment.
_MODELS = "models"
#: Schemes of artifacts that a server keeps itself.
_KEPT_BY_SERVER = ("mlflow-artifacts", "http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What MLflow holds of a sweep.

    Attributes:
        sweep_runs: number of the sweep's own runs: one for each experiment that it was written to.
        trial_runs: number of runs of its trials.
        models: number of models exported from it.
        experiments: names of the experiments that hold these.
        emptied: the experiments that are removed too: made by refold, with nothing else in them.
        kept: why MLflow only marks some of it as deleted; empty if all of it is deleted for good.
    """

    sweep_runs: int
    trial_runs: int
    models: int
    experiments: tuple[str, ...]
    emptied: tuple[str, ...]
    kept: str

    def __str__(self) -> str:
        """Describe it for the question whether to remove it."""
        if not self.sweep_runs + self.trial_runs:
            return "nothing: it has no runs of this sweep"
        where = f"in the experiment {', '.join(self.experiments)}"
        also = f", and with them the experiment {', '.join(self.emptied)}" if self.emptied else ""
        how = f" ({self.kept})" if self.kept else ""
        models = f", {counted(self.models, 'exported model')}" if self.models else ""
        runs = f"{self.sweep_runs} run of the sweep and {self.trial_runs} of its trials{models}"
        return f"{runs} {where}{also}{how}"


class Removal:
    """Finds and removes the runs of a sweep, wherever they are in one MLflow.

    In a database they are deleted for good, by ``mlflow gc``. A server only marks them as deleted. In a
    copied home they are only marked too if the original's files still exist, because ``mlflow gc`` would
    delete those.

    Args:
        mlflow: the package.
        client: a client of MLflow.
        uri: of the tracking store.
        artifact_root: the folder for artifacts in a home that may be a copy; else None.
        own_files: the folder in which refold puts the artifacts; None if a server chooses it.
        trusted: whether files may be deleted wherever MLflow says that they are; else only in ``own_files``,
            because MLflow's record may be somebody else's.
    """

    def __init__(
        self,
        mlflow: Any,
        client: Any,
        uri: str,
        artifact_root: Path | None,
        own_files: Path | None = None,
        *,
        trusted: bool = True,
    ) -> None:
        self._own_files = own_files
        self._trusted = trusted
        self._mlflow = mlflow
        self._root = artifact_root
        self._client = client
        self.registry = Registry(mlflow, client, self._delete_artifacts)
        self._uri = uri
        self._is_database = not is_server(uri)

    def find(self, identity: str) -> Found:
        """Return what ``remove`` would remove."""
        runs, experiments = self._of(identity)
        models = self.registry.count(identity, [each.experiment_id for each in experiments])
        kinds = [run.data.tags.get("refold.kind") for run in runs]
        return Found(
            sweep_runs=kinds.count("sweep"),
            trial_runs=kinds.count("trial"),
            models=models,
            experiments=tuple(experiment.name for experiment in experiments),
            emptied=tuple(e.name for e in experiments if self._holds_only(e, identity, models)),
            kept=next(filter(None, map(self._why_kept, experiments)), ""),
        )

    def remove(self, identity: str, *, models: bool = True) -> Found:
        """Remove the runs, those of trials first, and the experiments that are empty then.

        Args:
            identity: of the sweep.
            models: whether to remove exported models too.
        """
        found = self.find(identity)
        runs, experiments = self._of(identity)
        emptied = [e for e in experiments if self._holds_only(e, identity, found.models if models else 0)]
        places = [each.experiment_id for each in experiments]
        logged = self.registry.remove(identity, places) if models else []
        artifacts = [(run.info.experiment_id, run.info.artifact_uri) for run in runs]
        artifacts += [(str(each.experiment_id), each.artifact_location) for each in logged]
        outside = {experiment for experiment, uri in artifacts if not self._may_delete(uri)}
        to_purge = {each.experiment_id for each in experiments if not self._why_kept(each)} - outside
        for run in sorted(runs, key=lambda run: run.data.tags.get("refold.kind") == "sweep"):
            self.remove_run(run)
        for experiment in emptied:
            self._remove_experiment(experiment)
        if ours := [run.info.run_id for run in runs if run.info.experiment_id in to_purge]:
            purge.purge(
                self._client,
                self._uri,
                ours,
                [each.model_id for each in logged if str(each.experiment_id) in to_purge],
                [each.experiment_id for each in emptied if each.experiment_id in to_purge],
            )
        for experiment in emptied:
            self._remove_folder(experiment)
        return found if models else replace(found, models=0)

    def remove_run(self, run: Any) -> None:
        """Mark a run as deleted, after its artifacts: without the run they could not be found."""
        self._delete_artifacts(run.info.artifact_uri, run.info.experiment_id)
        if run.info.lifecycle_stage != "deleted":
            self._client.delete_run(run.info.run_id)

    def _why_kept(self, experiment: Any) -> str:
        """Return why an experiment's content is only marked as deleted; "" if it is deleted for good.

        ``mlflow gc`` deletes files where MLflow has recorded them. In a copied home these are the original's.
        """
        if not self._is_database:
            return "a server only marks them as deleted"
        if self._is_copied(experiment):
            return "only marked as deleted: this home is a copy, and MLflow would delete the original's files"
        if not self._may_delete(experiment.artifact_location):
            return "only marked as deleted: this account did not make the home, so files elsewhere stay"
        return ""

    def _is_copied(self, experiment: Any) -> bool:
        """Return whether an experiment's files are those of the home that this one is a copy of."""
        folder = _local_folder(experiment.artifact_location)
        if folder is None or self._root is None or folder.is_relative_to(self._root) or not folder.exists():
            return False
        return _OURS in experiment.tags or (self._root / folder.name).exists()

    def _delete_artifacts(self, recorded: str, experiment_id: str) -> None:
        """Delete the artifacts of a run or of a model, and the folders that are empty then."""
        registry = self._mlflow.store.artifact.artifact_repository_registry
        uri = self._here(recorded, experiment_id)
        if not self._may_delete(uri):
            return
        registry.get_artifact_repository(uri, tracking_uri=self._uri).delete_artifacts()
        folder = _local_folder(uri)
        if folder is not None:
            _remove_if_empty(folder.parent)
            if folder.parent.parent.name == _MODELS:
                _remove_if_empty(folder.parent.parent)

    def _may_delete(self, uri: str) -> bool:
        """Return whether files at a place that MLflow names may be deleted, or there are none."""
        if self._trusted:
            return True
        folder = _local_folder(uri)
        if folder is None:  # what a server keeps itself is its own; a bucket may be anybody's
            return not self._is_database and urlsplit(uri).scheme in _KEPT_BY_SERVER
        if not os.path.lexists(folder):
            return True
        if self._own_files is None:
            return False
        top = self._own_files.parent.resolve() / self._own_files.name  # which is no link itself then
        return top in folder.resolve().parents

    def _here(self, uri: str, experiment_id: str) -> str:
        """Return where a run's or a model's artifacts are in this home.

        MLflow stores absolute paths. In a copied home they name the original's files, which must not be
        deleted from here. The files of an experiment that other people made are where its own paths say.
        """
        folder = _local_folder(uri)
        if folder is None or self._root is None or folder.is_relative_to(self._root):
            return uri
        # experiment / run / "artifacts", or experiment / "models" / model / "artifacts"
        depth = 4 if folder.parts[-3] == _MODELS else 3
        here = self._root / Path(*folder.parts[-depth:])
        experiment = self._client.get_experiment(experiment_id)
        if not here.exists() and _OURS not in experiment.tags:
            return uri
        return here.as_uri()

    def search(self, identity: str, experiments: Sequence[str]) -> Iterator[Any]:
        """Yield the active runs of a sweep in the given experiments."""
        yield from self._search(experiments, _of_sweep(identity), "ACTIVE_ONLY")

    def _of(self, identity: str) -> tuple[list[Any], list[Any]]:
        """Return the sweep's runs and their experiments; marked runs too if they can be deleted for good."""
        view = "ALL" if self._is_database else "ACTIVE_ONLY"
        experiments = {experiment.experiment_id: experiment for experiment in self._experiments(view)}
        if not experiments:
            return [], []
        kept = {key for key, experiment in experiments.items() if self._why_kept(experiment)}
        runs = [
            run
            for run in self._search(list(experiments), _of_sweep(identity), view)
            if run.info.lifecycle_stage != "deleted" or run.info.experiment_id not in kept
        ]
        holding = dict.fromkeys(run.info.experiment_id for run in runs)
        return runs, [experiments[each] for each in holding]

    def _experiments(self, view: str) -> Iterator[Any]:
        """Yield all experiments."""
        token = None
        while True:
            page = self._client.search_experiments(self._view(view), max_results=_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _search(self, experiments: Sequence[str], condition: str, view: str) -> Iterator[Any]:
        """Yield the runs that meet a condition, page by page."""
        token = None
        while True:
            page = self._client.search_runs(
                list(experiments), condition, self._view(view), max_results=_PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _view(self, name: str) -> Any:
        """Return MLflow's constant for a view, such as ``ACTIVE_ONLY``."""
        return getattr(self._mlflow.entities.ViewType, name)

    def _holds_only(self, experiment: Any, identity: str, models: int) -> bool:
        """Return whether refold made the experiment and it has only a sweep's runs and ``models`` models."""
        if _OURS not in experiment.tags:
            return False
        view = "ALL" if self._is_database else "ACTIVE_ONLY"
        runs = self._search([experiment.experiment_id], "", view)
        if any(run.data.tags.get("refold.sweep_key") != identity for run in runs):
            return False
        traces = self._client.search_traces(locations=[experiment.experiment_id], max_results=1)
        held = self._client.search_logged_models([experiment.experiment_id], max_results=models + 1)
        return not traces and len(held) <= models

    def _remove_experiment(self, experiment: Any) -> None:
        """Mark an experiment as deleted; rename it first if it is not deleted for good, to free its name."""
        if self._why_kept(experiment):
            name = f"{experiment.name} (deleted {experiment.experiment_id})"
            self._client.rename_experiment(experiment.experiment_id, name)
        if experiment.lifecycle_stage != "deleted":
            self._client.delete_experiment(experiment.experiment_id)

    def _remove_folder(self, experiment: Any) -> None:
        """Remove an experiment's folder in this home if it is empty."""
        folder = _local_folder(experiment.artifact_location)
        if folder is not None and self._may_delete(experiment.artifact_location):
            elsewhere = self._root is not None and not folder.is_relative_to(self._root)
            _remove_if_empty(self._root / folder.name if self._root and elsewhere else folder)


def _of_sweep(identity: str) -> str:
    """Return the search condition for a sweep's runs."""
    return f"tags.`refold.sweep_key` = '{identity}'"


def _local_folder(uri: str) -> Path | None:
    """Return the folder of a file URI or a plain path; None for any other place."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(uri) if not parts.scheme else None


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder if it is empty."""
    with suppress(OSError):
        folder.rmdir()
