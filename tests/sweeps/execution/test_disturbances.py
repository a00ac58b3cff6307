"""Signals to any process of a sweep, a comparison, an export: started again they end as if undisturbed."""

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sweeps.home import Home
from tests.command import SWEEP, Command, refold, write_two_classes
from tests.disturbance import (
    Disturbance,
    assert_in_mlflow,
    complete,
    leftovers,
    recorded,
    rows,
    seed,
    timeless,
    until_done,
)

pytestmark = [pytest.mark.campaign, pytest.mark.server, pytest.mark.timeout(3600)]

#: Signals to the sweep, of them some in real training; to the comparison; to the export, which trains too.
OF_SWEEP, OF_TRAINING, OF_COMPARISON, OF_EXPORT = 14, 6, 10, 8

#: Six trials of each of two architectures, two folds each.
FORMULA = """
name = "tiny"
trials = 6
dataset = "two-classes.npz"
[cv]
folds = 2
epochs = 3
[architectures.lenet]
dropout = 0.1
[architectures.baseline]
dropout = 0.1
"""

COMPARE = ("compare", "tiny", "--repeats", "3", "--workers", "2")


@pytest.fixture(scope="module")
def command() -> Command:
    """The command with training processes that are processes, of fits that are a formula."""
    return Command("tests.formula_command", SECONDS="0.5", PROCESSES="1")


def undisturbed(command: Command, folder: Path, *arguments: str) -> float:
    """Run a command in the home ``reference``; return the seconds that it takes."""
    begun = time.monotonic()
    done = command(*arguments, "--home", "reference", cwd=folder)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - begun


def starting(command: Command, folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start a command without a terminal; what it says is in a file."""
    with (folder / "said.log").open("ab") as log:
        return subprocess.Popen(
            command.words(*arguments),
            cwd=folder,
            env=command.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def without_comparison(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Leave out what a comparison adds to a ledger."""
    searched = {key for *_, key in found["members"]}
    fits = [row for row in found["fits"] if row[0] in searched]
    return found | {"further_fits": [], "reports": [], "fits": fits}


def test_a_sweep_and_its_comparison(tmp_path: Path, command: Command) -> None:
    """One digest, the same rows, every run in MLflow once with its scores; nothing is left behind."""
    chosen, folder = seed(), tmp_path
    write_two_classes(folder)
    (folder / "sweep.toml").write_text(FORMULA)
    sweeping = undisturbed(command, folder, "run", "sweep.toml", "--workers", "2")
    comparing = undisturbed(command, folder, *COMPARE)
    disturbance = Disturbance(f"{chosen} sweep", OF_SWEEP)
    number = 0
    while not disturbance.over:
        number += 1
        name = f"home-{number}"
        run = ("run", "sweep.toml", "--workers", "2", "--home", name)
        until_done(lambda run=run: starting(command, folder, *run), disturbance, sweeping)  # type: ignore[misc]
        check_sweep(Home(folder / name), Home(folder / "reference"), command, folder)
    disturbance.assert_nothing_left()
    disturbance = Disturbance(f"{chosen} comparison", OF_COMPARISON)
    home = folder / f"home-{number}"
    before = folder / "before"
    shutil.copy(home / "ledger.sqlite", before)
    while not disturbance.over:
        shutil.copy(before, home / "ledger.sqlite")  # MLflow keeps the runs of the comparison before
        words = (*COMPARE, "--home", home.name)
        until_done(lambda words=words: starting(command, folder, *words), disturbance, comparing)  # type: ignore[misc]
    disturbance.assert_nothing_left()
    complete(command, home)
    assert rows(home) == rows(folder / "reference")
    assert timeless(Home(home), "tiny") == timeless(Home(folder / "reference"), "tiny")
    reports = [
        json.loads(command(*COMPARE, "--json", "--home", each, cwd=folder).stdout)
        for each in (home.name, "reference")
    ]
    assert reports[0] == reports[1]
    assert leftovers(home) == []


def check_sweep(home: Home, reference: Home, command: Command, folder: Path) -> None:
    """Compare a disturbed sweep with the undisturbed one."""
    assert recorded(home.path, "tiny").digest == recorded(reference.path, "tiny").digest
    assert rows(home.path) == without_comparison(rows(reference.path))
    complete(command, home.path)
    assert_in_mlflow(home, "tiny")
    assert leftovers(home.path) == []
    verified = command("verify", "tiny", "--all", "--home", str(home.path), cwd=folder)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_real_training_and_its_export(tmp_path: Path) -> None:
    """One digest; the export's files, weights and place in MLflow are those of an undisturbed export."""
    chosen = seed()
    (tmp_path / "sweep.toml").write_text(SWEEP)
    export = ("export", "tiny", "--format", "keras,mlflow", "--force", "--out")
    training = undisturbed(refold, tmp_path, "run", "sweep.toml")
    exporting = undisturbed(refold, tmp_path, *export, "undisturbed")
    disturbance = Disturbance(f"{chosen} training", OF_TRAINING)
    run = ("run", "sweep.toml", "--workers", "2", "--home", "home")
    until_done(lambda: starting(refold, tmp_path, *run), disturbance, training)
    home, reference = Home(tmp_path / "home"), Home(tmp_path / "reference")
    assert recorded(home.path, "tiny").digest == recorded(reference.path, "tiny").digest
    complete(refold, home.path)
    assert_in_mlflow(home, "tiny")
    disturbance.assert_nothing_left()
    disturbance = Disturbance(f"{chosen} export", OF_EXPORT)
    exports = 0
    while not disturbance.over:
        exports += 1
        words = (*export, "disturbed", "--home", "home")
        until_done(lambda words=words: starting(refold, tmp_path, *words), disturbance, exporting)  # type: ignore[misc]
    disturbance.assert_nothing_left()
    assert exported(tmp_path / "disturbed") == exported(tmp_path / "undisturbed")
    assert_in_mlflow(home, "tiny")
    assert len(models(home)) == exports, (tmp_path / "said.log").read_text()
    assert models(home)[-1] == models(reference)[-1]
    assert leftovers(home.path) == []


def exported(folder: Path) -> dict[str, Any]:
    """Return the exported files, and what ``model.json`` says of the model."""
    (model,) = folder.iterdir()
    about = json.loads((model / "model.json").read_text())
    facts = {name: about[name] for name in ("key", "weights_sha256", "scores", "fits", "hyperparameters")}
    network = hashlib.sha256((model / "model.keras").read_bytes()).hexdigest()
    return facts | {"files": sorted(path.name for path in model.iterdir()), "network": network}


def models(home: Home) -> list[dict[str, Any]]:
    """Return the registered versions, oldest first: whose they are, and whether it is the champion."""
    from tracking.mlflow.view import _mlflow

    client = _mlflow().MlflowClient(tracking_uri=home.own_tracking_uri)
    found = client.search_model_versions("name = 'tiny'", order_by=["version_number ASC"])
    return [
        {
            "tags": {key: text for key, text in version.tags.items() if key != "refold.sweep_key"},
            "aliases": list(client.get_model_version("tiny", version.version).aliases),
        }
        for version in found
    ]
