"""Export: the best model in every format, proven to be the one that was trained."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import refold
from sweeps.export import parity, pipeline
from sweeps.export.about import ModelAbout
from sweeps.export.model_card import snippet
from sweeps.export.model_folder import digest_of
from sweeps.export.selection import choose
from tests.processes import gone
from tests.varied_sweep import reseal
from tracking.ledger.leftovers import EXPORT
from trainer.datasets import DatasetSource, load
from trainer.errors import Mismatch, UsageError
from trainer.fits.specs import PROCEDURE
from trainer.formats.catalogue import FORMATS
from trainer.process.jobs import Job, Keep
from trainer.process.training_process import TrainingProcess

FILES = tuple(name for name, form in FORMATS.items() if form.file is not None)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


@dataclass(frozen=True)
class SimpleRequest:
    """The part of an export request that says which formats are written."""

    formats: tuple[str, ...]
    say: Any
    dispensable: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    view: Any = "MLflow"


def write_npz(path: Path, *, shift: int = 0) -> None:
    """Write two classes that are easy to tell apart, with an official test set."""
    rng = np.random.default_rng(5)
    labels, test_labels = np.arange(120) % 2, np.arange(40) % 2
    images, test_images = (
        rng.integers(0, 120, (len(y), 8, 8, 1)) + 120 * y[:, None, None, None] + shift
        for y in (labels, test_labels)
    )
    np.savez(
        path,
        images=images.astype(np.uint8),
        labels=labels,
        test_images=test_images.astype(np.uint8),
        test_labels=test_labels,
        class_names=np.array(["dark", "light"]),
    )


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> refold.Outcome:
    """A sweep built and run from Python, on data with an official test set."""
    folder = tmp_path_factory.mktemp("python")
    write_npz(folder / "data.npz")
    spec = refold.SweepSpec(
        name="two",
        trials=2,
        dataset=DatasetSource(source="data.npz"),
        cv=refold.CrossValidation(folds=2, epochs=4),
        architectures=(refold.ArchitectureChoice(name="lenet"),),
        folder=folder,
    )
    return refold.run(spec, home=folder / "home", workers=2, progress=False)


@pytest.fixture(scope="module")
def refit(outcome: refold.Outcome) -> pipeline.Exported:
    """What is exported if nothing is said."""
    return outcome.export(out=outcome.home.path.parent / "refits")


@pytest.fixture(scope="module")
def ensemble(outcome: refold.Outcome) -> pipeline.Exported:
    """The fold models as one, in every format that is a file."""
    return outcome.export(how="ensemble", formats=FILES, out=outcome.home.path.parent / "models")


@pytest.fixture(scope="module")
def reference(outcome: refold.Outcome, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The mean of the fold models' probabilities for the test images and a black one, fold by fold."""
    record = outcome.record
    choice = choose(record, record.ranking[0], "ensemble")
    work = tmp_path_factory.mktemp("members")
    np.save(work / "images.npy", with_black(np.load(outcome.home.path.parent / "data.npz")["test_images"]))
    dataset = outcome.home.path / "datasets" / record.dataset.fingerprint
    members = []
    with closing(TrainingProcess(work / "log")) as process:
        for index, spec in enumerate(choice.specs):
            paths = (str(work / name) for name in (f"{index}.npz", "images.npy", f"{index}.npy"))
            keep = Keep(**dict(zip(("weights", "images", "probabilities"), paths, strict=True)))
            process.run(Job(spec=spec, dataset=str(dataset), keep=keep), lambda *_: None)
            members.append(np.load(work / f"{index}.npy"))
    return np.mean(members, axis=0)


def with_black(images: np.ndarray) -> np.ndarray:
    """Return the images and a black one after them."""
    return np.concatenate([images, np.zeros_like(images[:1])])


def python(program: str, *arguments: str, cwd: Path) -> str:
    """Run a program as a stranger would, and return what it prints."""
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, **QUIET}
    return subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, cwd=cwd, env=environment
    ).stdout


def loaded(folder: Path, name: str, images: np.ndarray, work: Path) -> parity.Loaded:
    """Return what a format's own runtime gives for images, and what it imported for it."""
    np.save(work / "images.npy", images)
    return parity.score(name, folder / str(FORMATS[name].file), work / "images.npy", work)


@pytest.mark.slow
@pytest.mark.training
class TestExport:
    """The whole way, with real training."""

    def test_results_come_as_data_frames(self, outcome: refold.Outcome) -> None:
        """One row a trial, a fit, an epoch."""
        trials, folds, epochs = outcome.trials(), outcome.folds(), outcome.epochs()
        assert len(trials) == 2
        assert len(folds) == 4
        assert {"learning_rate", "f1", "architecture"} <= set(trials.columns)
        assert len(epochs) == folds["epochs"].sum()
        best = epochs.groupby(["architecture", "number", "fold"])["stop_f1"].max()
        assert (best <= 1).all()

    def test_the_file_is_the_model_and_its_test_score_is_true(
        self, outcome: refold.Outcome, refit: pipeline.Exported
    ) -> None:
        """A process that imports only Keras gets the recorded score from raw pixels."""
        folder = outcome.home.path.parent
        script = (
            "import sys, numpy as np, keras\n"
            "data = np.load(sys.argv[2])\n"
            "model = keras.saving.load_model(sys.argv[1])\n"
            "predicted = model.predict(data['test_images'], verbose=0).argmax(axis=1)\n"
            "print((predicted == data['test_labels']).mean())\n"
            "assert not any(name.split('.')[0] in ('trainer', 'sweeps', 'tracking') for name in sys.modules)"
        )
        printed = python(script, str(refit.folder / "model.keras"), str(folder / "data.npz"), cwd=folder)
        about = json.loads((refit.folder / "model.json").read_text())
        assert float(printed) == about["scores"]["test"]["accuracy"]
        assert about["scores"]["test"]["images"] == 40
        assert about["scores"]["cross_validation"]["images"] == 120
        assert about["classes"] == ["dark", "light"]
        assert about["formats"]["keras"]["largest_difference"] <= 1e-5
        assert ModelAbout.from_json(about) == refit.about

    def test_exporting_again_gives_the_same_weights_and_keeps_formats(
        self, outcome: refold.Outcome, refit: pipeline.Exported, tmp_path: Path
    ) -> None:
        """The refit is seeded and recorded like any fit; a second format joins the first."""
        shutil.copytree(refit.folder, tmp_path / refit.folder.name)
        before = {path.name for path in refit.folder.iterdir()}
        again = outcome.export(out=tmp_path, formats=["savedmodel"])
        assert again.folder == tmp_path / refit.folder.name
        assert refit.about.weights_sha256 == again.about.weights_sha256
        assert list(again.about.formats) == ["keras", "savedmodel"]
        assert before == {"model.keras", "model.json", "README.md"}
        assert {path.name for path in again.folder.iterdir()} == before | {"saved_model"}
        assert [path.name for path in tmp_path.iterdir()] == [refit.folder.name]

    def test_the_best_fold_is_the_recorded_one(self, outcome: refold.Outcome, tmp_path: Path) -> None:
        """Weight for weight, and its held-out score is the record's."""
        done = outcome.export(how="best-fold", out=tmp_path)
        best = max(outcome.record.ranking[0].folds, key=lambda fold: fold.run.result.f1 or 0.0)
        assert done.about.weights_sha256 == best.run.result.weights_sha256
        assert done.about.scores.fold is not None
        assert done.about.scores.fold.f1 == best.run.result.f1
        assert done.about.fits[0].key == best.spec.key

    @pytest.mark.parametrize("name", FILES)
    def test_every_format_holds_the_mean_of_the_folds(
        self,
        outcome: refold.Outcome,
        ensemble: pipeline.Exported,
        reference: np.ndarray,
        tmp_path: Path,
        name: str,
    ) -> None:
        """From raw uint8 pixels, in a process without refold, and without TensorFlow where it can."""
        pixels = with_black(np.load(outcome.home.path.parent / "data.npz")["test_images"])
        reloaded = loaded(ensemble.folder, name, pixels, tmp_path)
        found = reloaded.probabilities
        assert np.abs(found - reference).max() <= 1e-5
        assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
        assert ensemble.about.formats[name].proof.largest_difference <= 1e-5
        imported = {module.split(".")[0] for module in reloaded.modules}
        assert not imported & {"sweeps", "tracking"}
        others = {"keras", "tensorflow", "mlflow"} if name in ("onnx", "litert") else {"mlflow"}
        assert not imported & others

    @pytest.mark.parametrize("name", FILES)
    def test_what_was_exported_needs_no_trust(
        self, outcome: refold.Outcome, ensemble: pipeline.Exported, reference: np.ndarray, name: str
    ) -> None:
        """It passes the checks for models from anywhere, and its digest is in model.json."""
        file = ensemble.folder / str(FORMATS[name].file)
        assert ensemble.about.formats[name].sha256 == digest_of(file)
        pixels = with_black(np.load(outcome.home.path.parent / "data.npz")["test_images"])
        found = refold.predict(file, pixels)
        probabilities = [list(each.probabilities.values()) for each in found]
        assert np.abs(np.array(probabilities) - reference).max() <= 1e-5

    @pytest.mark.parametrize("name", FILES)
    def test_the_cards_snippets_run(
        self, ensemble: pipeline.Exported, reference: np.ndarray, name: str
    ) -> None:
        """As they stand in README.md, in the model's folder: class and probability of a black float image."""
        program = snippet(name, ensemble.about)
        assert f"```python\n{program}```" in (ensemble.folder / "README.md").read_text()
        said, probability = python(program, cwd=ensemble.folder).split()
        assert said == ["dark", "light"][int(reference[-1].argmax())]
        assert float(probability) == pytest.approx(float(reference[-1].max()), abs=1e-5)

    def test_class_names_travel_inside_where_there_is_a_place(self, ensemble: pipeline.Exported) -> None:
        """In ONNX's metadata and in the SavedModel's extra assets."""
        import onnx

        names = {p.key: p.value for p in onnx.load(ensemble.folder / "model.onnx").metadata_props}
        assert json.loads(names["classes"]) == ["dark", "light"]
        extra = ensemble.folder / "saved_model" / "assets.extra" / "classes.json"
        assert json.loads(extra.read_text()) == ["dark", "light"]

    def test_nothing_is_pickled(self, ensemble: pipeline.Exported) -> None:
        """No file ends like a pickle or begins like one, and the Keras file holds JSON and HDF5 alone."""
        for path in ensemble.folder.rglob("*"):
            if path.is_file():
                assert path.suffix not in (".pkl", ".pickle", ".joblib", ".npy", ".pt")
                assert path.read_bytes()[:2] not in (b"\x80\x03", b"\x80\x04", b"\x80\x05")
        with zipfile.ZipFile(ensemble.folder / "model.keras") as parts:
            assert set(parts.namelist()) == {"metadata.json", "config.json", "model.weights.h5"}

    def test_a_model_that_differs_leaves_no_file(
        self, outcome: refold.Outcome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """If the file gave other probabilities, the command would say so and keep nothing."""
        whole = parity.score

        def tampered(*arguments: Any) -> Any:
            found = whole(*arguments)
            return replace(found, probabilities=found.probabilities + np.float32(2e-5))

        monkeypatch.setattr(parity, "score", tampered)
        with pytest.raises(Mismatch, match=r"Keras model .* differs from the trained one by 2e-05"):
            outcome.export(out=tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert not (outcome.home.path / EXPORT).exists()

    def test_a_dataset_that_changed_is_noticed(self, outcome: refold.Outcome) -> None:
        """An exam that may not belong to the trained data is not scored, if the home has not kept its own."""
        folder, exam = outcome.home.path.parent, outcome.record.dataset.exam
        assert exam is not None
        kept = outcome.home.path / "datasets" / exam.fingerprint
        write_npz(folder / "data.npz", shift=1)
        kept.rename(folder / "kept")
        try:
            with pytest.raises(UsageError, match="has changed since the sweep 'two'"):
                outcome.export(out=folder / "changed")
        finally:
            write_npz(folder / "data.npz")
            (folder / "kept").rename(kept)
        assert not (folder / "changed").exists()

    def test_a_changed_record_is_not_exported(self, outcome: refold.Outcome, tmp_path: Path) -> None:
        """Neither a row whose checksum does not match, nor one whose fit trains to something else."""
        spaced = "UPDATE fits SET run = replace(run, '\"accuracy\"', '\"accuracy\" ')"
        said = r"lenet/\d fold 0 was changed after it was written"
        with changed(outcome, spaced), pytest.raises(Mismatch, match=said):
            outcome.export(out=tmp_path / "out")
        digest = outcome.record.ranking[0].folds[0].run.result.weights_sha256
        other = digest[::-1]
        swapped = f"UPDATE fits SET run = replace(run, '{digest}', '{other}')"
        said = rf"lenet/\d fold 0: weights.*{other[:8]}.*nothing was exported"
        with changed(outcome, swapped, honest=True), pytest.raises(Mismatch, match=said):
            outcome.export(how="ensemble", out=tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_sweep_of_an_older_refold_is_not_exported(
        self, outcome: refold.Outcome, tmp_path: Path
    ) -> None:
        """Its fits cannot be trained again; that is said before any is."""
        older = f"UPDATE sweeps SET identity = replace(identity, 'procedure\":{PROCEDURE}', 'procedure\":1')"
        said = f"procedure of training: 1 recorded, {PROCEDURE} here: use the version of refold"
        with changed(outcome, older), pytest.raises(Mismatch, match=said):
            outcome.export(out=tmp_path / "out")

    def test_what_gpus_trained_is_not_exported(self, outcome: refold.Outcome, tmp_path: Path) -> None:
        """Training it again here would give other weights; that is said before any fit is trained."""
        on_gpus = "UPDATE sweeps SET identity = json_set(identity, '$.device', 'gpu')"
        with changed(outcome, on_gpus), pytest.raises(UsageError, match="was trained on GPUs"):
            outcome.export(out=tmp_path / "out")

    def test_a_killed_export_leaves_no_process_and_is_cleaned_up(self, outcome: refold.Outcome) -> None:
        """Its processes end with it; what it left in the home goes with the next export."""
        home = outcome.home.path
        program = "import sys, refold; "
        program += "refold.open('two', sys.argv[1]).export(how='ensemble', out=sys.argv[2])"
        out = home.parent / "killed"
        with subprocess.Popen([sys.executable, "-c", program, str(home), str(out)]) as process:
            weights = home / EXPORT / "images.npy"
            children = wait_until(lambda: weights.exists() and descendants(process.pid))
            process.send_signal(signal.SIGKILL)
        assert all(gone(pid) for pid in children)
        assert (home / EXPORT).exists()
        assert not out.exists()
        with pipeline._working(home) as work:  # what the next export begins with
            assert list(work.iterdir()) == []
        assert not (home / EXPORT).exists()


def wait_until(condition: Any) -> Any:
    """Return what a condition gives when it is true."""
    deadline = time.monotonic() + 120
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert value
    return value


def descendants(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(path.parent.name)
            found += [child, *descendants(child)]
    return found


@contextmanager
def changed(outcome: refold.Outcome, statement: str, *, honest: bool = False) -> Iterator[None]:
    """Change the ledger's file for the length of the block; honestly: with checksums and seals that match."""
    file = outcome.home.path / "ledger.sqlite"
    before = file.read_bytes()
    connection = sqlite3.connect(file)
    try:
        connection.execute(statement)
        if honest:
            reseal(connection)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        yield
    finally:
        for leftover in file.parent.glob("ledger.sqlite-*"):
            leftover.unlink()
        file.write_bytes(before)


def command(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line."""
    words = [sys.executable, "-m", "refold", *arguments, "--home", str(home)]
    return subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **QUIET})


WRONG = {
    "format": (["--format", "onx"], "unknown format 'onx': did you mean 'onnx'?"),
    "how": (["--how", "refold"], "argument --how: invalid choice: 'refold'"),
    "architecture": (["--architecture", "resnet"], "has no architecture 'resnet'; it has: lenet"),
    "trial": (["--trial", "lenet/7"], "has no trial 'lenet/7'; it has lenet/0 to lenet/1"),
    "folder": (["--out", "/dev/null/models"], "/dev/null is no folder"),
    "tracking": (["--format", "mlflow", "--tracking-uri", "htp://x"], "unknown 'htp'"),
}


@pytest.mark.training
@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_gets_one_line(outcome: refold.Outcome, tmp_path: Path, case: str) -> None:
    """And exit code 2, before anything is trained or written."""
    arguments, said = WRONG[case]
    run = command(outcome.home.path, "export", "two", "--out", str(tmp_path / "out"), *arguments)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert not (outcome.home.path / EXPORT).exists()


def test_if_no_format_is_left_the_export_is_refused() -> None:
    """With all reasons; of others MLflow's is not written in vain."""
    said: list[str] = []
    request: Any = SimpleRequest(formats=("keras", "onnx", "mlflow"), say=said.append)
    left = pipeline._without(request, {"keras": "no code", "mlflow": "no code there"})
    assert (left.formats, left.view) == (("onnx",), None)
    assert said == ["left out: no code", "left out: no code there"]
    with pytest.raises(UsageError, match="no format can hold the model: no code; no operation"):
        pipeline._without(
            replace(request, formats=("keras", "onnx")), {"keras": "no code", "onnx": "no operation"}
        )


@pytest.mark.slow
@pytest.mark.training
def test_a_disk_that_is_too_small_is_noticed_before_training(
    outcome: refold.Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The untrained model has told how large it is."""
    said: list[str] = []
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=10_000))
    with pytest.raises(UsageError, match=r"has 10\.0 kB left and the model needs \d+\.\d kB"):
        outcome.export(out=tmp_path / "out", say=said.append)
    assert said == []
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.training
def test_a_sweep_that_never_stops_is_verified_and_exported(tmp_path: Path) -> None:
    """All epochs of all fits, with a schedule; the refit that goes home trains as many."""
    write_npz(tmp_path / "data.npz")
    spec = refold.SweepSpec(
        name="never",
        trials=1,
        dataset=DatasetSource(source="data.npz"),
        cv=refold.CrossValidation(folds=2, epochs=3, stop="never"),
        training={"schedule": "cosine"},
        architectures=(refold.ArchitectureChoice(name="lenet"),),
        folder=tmp_path,
    )
    outcome = refold.run(spec, home=tmp_path / "home", workers=1, progress=False)
    (trial,) = outcome.record.trials
    for fold in trial.folds:
        result = fold.run.result
        assert (len(result.epochs), result.best_epoch) == (3, 3)
        assert result.weights_sha256 == result.epochs[-1].weights_sha256
    assert refold.verify("never", tmp_path / "home", everything=True, workers=1).differences == ()
    for how in ("refit", "best-fold"):
        exported = outcome.export(how=how, formats=("keras",), out=tmp_path / "models")
        assert exported.about.formats["keras"].proof is not None
    said = json.loads(next((tmp_path / "models").glob("*refit*/model.json")).read_text())
    assert (said["fits"][0]["spec"]["epochs"], said["fits"][0]["spec"]["horizon"]) == (3, 3)


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.server
def test_mlflow_serves_the_model_and_rm_takes_it_out(tmp_path: Path) -> None:
    """A real server on ``@champion`` answers a real request with the numbers of the Keras file."""
    home = tmp_path / "home"
    write_npz(tmp_path / "data.npz")
    cv = refold.CrossValidation(folds=2, epochs=1)
    own = (refold.ArchitectureChoice(name="lenet"),)
    data = DatasetSource(source="data.npz")
    spec = refold.SweepSpec(name="two", trials=1, dataset=data, cv=cv, architectures=own, folder=tmp_path)
    refold.run(spec, home=home, workers=1, progress=False)
    run = command(
        home, "export", "two", "--format", "keras,mlflow", "--out", str(tmp_path / "models"), "--json"
    )
    assert run.returncode == 0, run.stderr
    about = json.loads(run.stdout)
    form = about["formats"]["mlflow"]
    assert (form["uri"], form["champion_uri"]) == ("models:/two/1", "models:/two@champion")
    assert form["largest_difference"] <= 1e-5
    images = np.load(tmp_path / "data.npz")["test_images"]
    reference = loaded(Path(about["folder"]), "keras", images, tmp_path).probabilities
    with served(home, form["champion_uri"]) as address:
        for pixels in (images, images.astype(np.float32)):
            assert np.abs(posted(address, pixels) - reference).max() <= 1e-5
    printed = python(
        snippet("mlflow", ModelAbout.from_json(about)), cwd=Path(about["folder"])
    )  # after a progress bar of Keras
    said, _ = printed.splitlines()[-1].split()
    assert said in ("dark", "light")
    (home / "mlflow.db").write_text("garbage")
    rebuilt = command(home, "sync", "--rebuild")
    assert "registered again in MLflow: models:/two/1" in rebuilt.stderr, rebuilt.stderr
    with served(home, form["champion_uri"]) as address:
        assert np.abs(posted(address, images) - reference).max() <= 1e-5
    logged = list((home / "artifacts").rglob("models/*/artifacts/*"))
    assert {"MLmodel", "requirements.txt", "input_example.json"} <= {path.name for path in logged}
    assert not [path for path in logged if path.suffix in (".pkl", ".pickle")]
    requirements = next(path for path in logged if path.name == "requirements.txt").read_text().split()
    assert all("==" in line for line in requirements)
    assert {line.partition("==")[0] for line in requirements} == {"mlflow", "keras", "tensorflow", "numpy"}
    removed = command(home, "rm", "two", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert "1 exported model " in removed.stderr
    assert not [path for path in (home / "artifacts").rglob("*") if path.is_file()]
    with sqlite3.connect(home / "mlflow.db") as database:
        for table in ("registered_models", "model_versions", "logged_models", "runs"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


@contextmanager
def served(home: Path, uri: str) -> Iterator[str]:
    """Run the command that the model card names."""
    from tracking.mlflow.models.scoring import _free_port

    port = _free_port()
    command = ["mlflow", "models", "serve", "--env-manager", "local", "--port", str(port), "--model-uri", uri]
    binaries = Path(sys.executable).parent
    environment = {**os.environ, **QUIET, "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow.db'}"}
    environment["PATH"] = f"{binaries}:{environment['PATH']}"
    with subprocess.Popen(
        [str(binaries / command[0]), *command[1:]], env=environment, start_new_session=True
    ) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: answers(f"{address}/ping"))
            yield address
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def answers(url: str) -> bool:
    """Return whether somebody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - always http, on this host
            return True
    except OSError:
        return False


def posted(address: str, pixels: np.ndarray) -> np.ndarray:
    """Return what a server answers for pixels."""
    body = json.dumps({"inputs": pixels.tolist()}).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/invocations", body, kind)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - always http, on this host
        return np.array(json.load(answer)["predictions"])


def test_fashion_mnist_has_an_official_test_set() -> None:
    """10,000 images that nothing but export opens."""
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.exists():
        pytest.skip(f"{folder} is not here: apt-get install dataset-fashion-mnist")
    test = load(DatasetSource(source="fashion_mnist")).exam
    assert test is not None
    assert test.images.shape == (10_000, 28, 28, 1)
