"""Models in MLflow: logged under a trial's run, registered under their sweep's name, removed with it.

Takes the ``mlflow`` package as an argument: only ``tracking.mlflow.view`` imports it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.escaping import for_terminal

#: The alias of the version of a registered model that is to be used.
CHAMPION = "champion"

_SWEEP, _OURS = "refold.sweep_key", "refold.model"
#: The tag of a model whose export has not ended. If the export was killed, the next one removes the model.
_UNFINISHED = "refold.unfinished"
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A model in MLflow.

    Attributes:
        name: of the registered model.
        version: its number, as MLflow gives it.
        model_id: of the logged model behind it.
    """

    name: str
    version: str
    model_id: str

    @property
    def uri(self) -> str:
        """MLflow's URI of this version."""
        return f"models:/{self.name}/{self.version}"

    @property
    def champion_uri(self) -> str:
        """MLflow's URI of the version that has the alias ``champion``."""
        return f"models:/{self.name}@{CHAMPION}"


class Registry:
    """Logs, registers and removes models.

    Args:
        mlflow: the package.
        client: a client of MLflow.
        delete_artifacts: deletes a model's artifacts; called with their place and the experiment's id.
    """

    def __init__(self, mlflow: Any, client: Any, delete_artifacts: Callable[[str, str], None]) -> None:
        self._mlflow = mlflow
        self._client = client
        self._delete_artifacts = delete_artifacts

    def add(
        self, folder: Path, *, name: str, run_id: str, title: str, identity: str, tags: Mapping[str, str]
    ) -> Registered:
        """Log a model under a run and register it as a new version, without an alias.

        Args:
            folder: of an MLflow model.
            name: of the sweep; the registered model's, as far as MLflow accepts it.
            run_id: of the model's run.
            title: name of the logged model.
            identity: of the sweep.
            tags: of both the logged model and the version.
        """
        client, entities, name = self._client, self._mlflow.entities, _registered(name)
        own = {**tags, _SWEEP: identity, _UNFINISHED: "1"}
        experiment = client.get_run(run_id).info.experiment_id
        self._remove_unfinished(identity, experiment)
        logged = client.create_logged_model(
            experiment, _legal(title), source_run_id=run_id, tags=own, model_type="classifier"
        )
        try:
            client.log_model_artifacts(logged.model_id, str(folder))
            client.finalize_logged_model(logged.model_id, entities.LoggedModelStatus.READY)
            client.log_outputs(run_id, [entities.LoggedModelOutput(logged.model_id, step=0)])
            self._ensure_registered(name, identity)
            # Not "models:/<id>": MLflow 3.17 would search its global tracking URI, not this one.
            version = client.create_model_version(
                name, logged.artifact_location, run_id=run_id, tags=own, model_id=logged.model_id
            )
        except BaseException:
            self._remove_logged(logged)
            self._remove_if_empty(name)
            raise
        return Registered(name=name, version=str(version.version), model_id=logged.model_id)

    def promote(self, registered: Registered) -> None:
        """Give this version the alias ``champion``: its export has ended."""
        # The alias is last: a champion never has the tag by which the next export would remove it.
        self._client.delete_model_version_tag(registered.name, registered.version, _UNFINISHED)
        self._client.delete_logged_model_tag(registered.model_id, _UNFINISHED)
        self._client.set_registered_model_alias(registered.name, CHAMPION, registered.version)

    def withdraw(self, registered: Registered) -> None:
        """Remove a version, with its logged model."""
        self._client.delete_model_version(registered.name, registered.version)
        self._remove_logged(self._client.get_logged_model(registered.model_id))
        self._remove_if_empty(registered.name)

    def versions(self, identity: str) -> list[dict[str, str]]:
        """Return the tags of each version of a sweep's models."""
        return [dict(version.tags) for version in self._versions(identity)]

    def count(self, identity: str, experiments: Sequence[str]) -> int:
        """Return the number of a sweep's models."""
        return len(list(self._logged(identity, experiments)))

    def remove(self, identity: str, experiments: Sequence[str]) -> list[Any]:
        """Remove a sweep's versions, models and artifacts, and registered models that are empty then.

        Returns:
            The logged models, which MLflow has marked as deleted.
        """
        names = set()
        for version in self._versions(identity):
            self._client.delete_model_version(version.name, version.version)
            names.add(version.name)
        for name in sorted(names):
            self._remove_if_empty(name)
        removed = list(self._logged(identity, experiments))
        for logged in removed:
            self._remove_logged(logged)
        return removed

    def _remove_unfinished(self, identity: str, experiment: str) -> None:
        """Remove what an export of the sweep has left that was killed."""
        for version in self._versions(identity):
            if _UNFINISHED in version.tags:
                self._client.delete_model_version(version.name, version.version)
        for logged in self._logged(identity, [experiment]):
            if _UNFINISHED in logged.tags:
                self._remove_logged(logged)

    def _ensure_registered(self, name: str, identity: str) -> None:
        """Create the registered model unless it exists, from another sweep of that name or from others."""
        found = self._client.search_registered_models(f"name = '{name}'")
        if not found:
            text = f"models that `refold export` made of the sweep {name}; `@{CHAMPION}` is the last one"
            self._client.create_registered_model(name, tags={_OURS: "1", _SWEEP: identity}, description=text)

    def _remove_if_empty(self, name: str) -> None:
        """Remove a registered model if refold made it and it has no version."""
        for found in self._client.search_registered_models(f"name = '{name}'"):
            used = self._client.search_model_versions(f"name = '{name}'", max_results=1)
            if _OURS in found.tags and not used:
                self._client.delete_registered_model(name)

    def _versions(self, identity: str) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_model_versions(
                f"tags.`{_SWEEP}` = '{identity}'", max_results=_PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _logged(self, identity: str, experiments: Sequence[str]) -> Iterator[Any]:
        token = None
        while experiments:
            page = self._client.search_logged_models(
                list(experiments), f"tags.`{_SWEEP}` = '{identity}'", max_results=_PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _remove_logged(self, logged: Any) -> None:
        """Remove a logged model, after its artifacts: without the model they could not be found."""
        self._delete_artifacts(logged.artifact_location, str(logged.experiment_id))
        self._client.delete_logged_model(logged.model_id)


def _registered(name: str) -> str:
    """Return a name that MLflow accepts for a registered model, and that may stand in its filters."""
    return re.sub(r"[/:'\"`%\\]", "_", for_terminal(name))


def _legal(title: str) -> str:
    """Return a name that MLflow accepts for a logged model."""
    return "".join("_" if c in "/:.%\"'" else c for c in title)[:200]
