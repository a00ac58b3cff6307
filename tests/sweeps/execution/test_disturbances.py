"""Signals to any process of a sweep, a comparison, an export: started again they end as if undisturbed."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import h5py
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
from tracking.ledger.ledger import Ledger

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

#: One network, one trial: enough to export.
SMALL = """
name = "tiny"
trials = 1
[dataset]
source = "digits"
samples = 200
[cv]
folds = 2
epochs = 2
[architectures.lenet]
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
        check_sweep(Home(folder / name), Home(folder / "reference"), command)
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


def check_sweep(home: Home, reference: Home, command: Command) -> None:
    """Compare a disturbed sweep with the undisturbed one."""
    assert recorded(home.path, "tiny").digest == recorded(reference.path, "tiny").digest
    assert rows(home.path) == without_comparison(rows(reference.path))
    complete(command, home.path)
    assert_in_mlflow(home, "tiny")
    assert leftovers(home.path) == []
    with Ledger.read(home.path) as ledger:
        assert ledger.check_seal("tiny").differences == ()


def test_real_training(tmp_path: Path) -> None:
    """One digest, a complete record in MLflow, and 'refold verify' finds nothing."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    training = undisturbed(refold, tmp_path, "run", "sweep.toml")
    disturbance = Disturbance(f"{seed()} training", OF_TRAINING)
    run = ("run", "sweep.toml", "--workers", "2", "--home", "home")
    until_done(lambda: starting(refold, tmp_path, *run), disturbance, training)
    home, reference = Home(tmp_path / "home"), Home(tmp_path / "reference")
    assert recorded(home.path, "tiny").digest == recorded(reference.path, "tiny").digest
    complete(refold, home.path)
    assert_in_mlflow(home, "tiny")
    disturbance.assert_nothing_left()
    assert leftovers(home.path) == []
    verified = refold("verify", "tiny", "--home", "home", cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_an_export(tmp_path: Path) -> None:
    """The files, the weights and the place in MLflow are those of an undisturbed export."""
    (tmp_path / "sweep.toml").write_text(SMALL)
    undisturbed(refold, tmp_path, "run", "sweep.toml")
    home, export = Home(tmp_path / "reference"), ("export", "tiny", "--format", "keras,mlflow", "--force")
    exporting = undisturbed(refold, tmp_path, *export, "--out", "undisturbed")
    (first,) = models(home)
    disturbance = Disturbance(f"{seed()} export", OF_EXPORT)
    words = (*export, "--out", "disturbed", "--home", "reference")
    while not disturbance.over:
        until_done(lambda: starting(refold, tmp_path, *words), disturbance, exporting)
    disturbance.assert_nothing_left()
    assert exported(tmp_path / "disturbed") == exported(tmp_path / "undisturbed")
    assert_in_mlflow(home, "tiny")
    with Ledger.read(home.path) as ledger:
        count = len(ledger.cards("tiny"))
        assert ledger.check_seal("tiny").differences == ()
    assert models(home) == [*[first | {"aliases": []}] * (count - 1), first]  # the last one is the champion
    assert leftovers(home.path) == []


def exported(folder: Path) -> dict[str, Any]:
    """Return the exported files, and what ``model.json`` says of the model."""
    (model,) = folder.iterdir()
    about = json.loads((model / "model.json").read_text())
    facts = {name: about[name] for name in ("key", "weights_sha256", "scores", "fits", "hyperparameters")}
    return facts | {
        "files": sorted(path.name for path in model.iterdir()),
        "network": network(model / "model.keras"),
    }


def network(file: Path) -> dict[str, Any]:
    """Return what is in a Keras file, without the time and the places in memory that Keras writes into it."""
    with zipfile.ZipFile(file) as parts:
        weights: dict[str, Any] = {}

        def keep(name: str, thing: Any) -> None:
            if isinstance(thing, h5py.Dataset):
                weights[name] = hashlib.sha256(thing[()].tobytes()).hexdigest()

        with h5py.File(io.BytesIO(parts.read("model.weights.h5"))) as arrays:
            arrays.visititems(keep)
        config = re.sub(rb'"shared_object_id": \d+', b'"shared_object_id": 0', parts.read("config.json"))
        return {"config": json.loads(config), "weights": weights}


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
