"""Deletes for good what MLflow has marked as deleted, by MLflow's command ``gc``: its library cannot.

For each kind (runs, models, experiments) for which it gets no ids, ``mlflow gc`` deletes everything that
anybody has marked. So it always gets an id of each kind: a placeholder's if we have none of that kind.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracking.errors import ViewUnavailable
from tracking.mlflow.reasons import one_line
from tracking.mlflow.uri import absolute, shown
from trainer.runtime.lifeline import started
from trainer.runtime.python_process import import_environment, module_command
from trainer.runtime.scratch import scratch_folder

#: Ids in one call: the system allows about four thousand in one argument.
_MOST = 2000


def purge(
    client: Any, uri: str, runs: Sequence[str], models: Sequence[str], experiments: Sequence[str]
) -> None:
    """Delete runs, models and experiments for good, with their files, and nothing else.

    Args:
        client: of MLflow.
        uri: of a database; a server deletes nothing for good.
        runs: ids of at least one, each marked as deleted.
        models: ids of logged models, each marked as deleted.
        experiments: ids, each marked as deleted; what is marked in them goes too.

    Raises:
        ViewUnavailable: if MLflow's command fails; calling again completes it.
    """
    parts = [runs[start : start + _MOST] for start in range(0, len(runs), _MOST)]
    for part in parts:
        last = part is parts[-1]
        with scratch_folder() as folder:
            model, experiment = _placeholder(client, folder)
            run_gc(
                uri,
                folder,
                runs=part,
                models=[*models, model] if last else [model],
                experiments=[*experiments, experiment] if last else [experiment],
            )


def run_gc(
    uri: str, folder: Path, *, runs: Sequence[str], models: Sequence[str], experiments: Sequence[str]
) -> None:
    """Run MLflow's command. The URI is passed so that no list of processes shows its password.

    Args:
        uri: of the database.
        folder: the command's current folder.
        runs: ids, at least one.
        models: ids, at least one.
        experiments: ids, at least one.

    Raises:
        ViewUnavailable: with the last line that the command printed, if it fails.
    """
    ids = {"--run-ids": runs, "--logged-model-ids": models, "--experiment-ids": experiments}
    options = [text for option, values in ids.items() for text in (option, ",".join(values))]
    environment = import_environment() | {
        "MLFLOW_TRACKING_URI": absolute(uri),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = module_command("mlflow", "gc", *options)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        with started(command, environment=environment, log=log, folder=folder, answers=False) as process:
            code = process.wait()
        log.seek(0)
        lines = [line for line in log if line.strip()]
    if code:
        said = one_line(lines[-1]) if lines else "it said nothing"
        raise ViewUnavailable(
            f"MLflow at {shown(uri)}: what is marked as deleted could not be deleted for good: "
            f"{said.replace(uri, shown(uri))}"
        )


def _placeholder(client: Any, folder: Path) -> tuple[str, str]:
    """Create a model and an experiment, mark them as deleted, and return their ids."""
    experiment = client.create_experiment(f"refold-purge-{os.urandom(8).hex()}", folder.as_uri())
    model = client.create_logged_model(experiment, "placeholder")
    client.delete_logged_model(model.model_id)
    client.delete_experiment(experiment)
    return str(model.model_id), str(experiment)
