"""Export: the best model, proven to be the one that was trained, and the same from Python."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sweeps
from sweeps import exporting
from sweeps.exporting import model_name, pick, refit_spec
from sweeps.progress import Silent
from sweeps.running import run_sweep
from tests.closed_formula import InlineWorkers, in_memory_ledger, plan, prepared, starter
from tracking.records import SweepRecord
from trainer.datasets import DatasetSource, load_test
from trainer.errors import Mismatch, UsageError


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> SweepRecord:
    """A made-up sweep."""
    home = tmp_path_factory.mktemp("home")
    start = starter(InlineWorkers(1))
    ledger = in_memory_ledger()
    return run_sweep(prepared(plan()), home, ledger, start_workers=start, workers=1, progress=Silent())


def test_the_best_trial_is_picked(record: SweepRecord) -> None:
    """Over all architectures, or of one."""
    assert pick(record, None).f1 == max(trial.f1 for trial in record.trials if trial.f1 is not None)
    assert pick(record, "beta").architecture == "beta"
    with pytest.raises(UsageError, match="no architecture 'gamma'; it has: alpha, beta"):
        pick(record, "gamma")
    with pytest.raises(UsageError, match="no trial in the sweep 'made-up' is complete yet"):
        pick(replace(record, trials=()), None)


def test_a_refit_lasts_the_median_of_the_best_epochs(record: SweepRecord) -> None:
    """On everything, with seeds of its own; between two epochs it takes the later."""
    trial = pick(record, None)
    spec = refit_spec(record, trial)
    best = sorted(fold.run.result.best_epoch for fold in trial.folds)
    assert (spec.fold, spec.stopping, spec.epochs) == (None, None, best[1])
    assert spec.seeds.initialisation not in {fold.spec.seeds.initialisation for fold in trial.folds}
    two = replace(trial, folds=trial.folds[:2])
    expected = sum(fold.run.result.best_epoch for fold in two.folds) / 2
    assert expected <= refit_spec(record, two).epochs < expected + 1


def test_the_name_says_what_it_is(record: SweepRecord) -> None:
    """Sweep, architecture, score and hyperparameters, in letters that every file system takes."""
    trial = pick(record, None)
    name = model_name(record, trial)
    assert name.startswith(f"made-up-{trial.architecture}-f1_{trial.f1:.4f}-")
    assert f"batch_size_{trial.hyperparameters['batch_size']}" in name
    odd = replace(trial, architecture="a/b c", hyperparameters={f"x{n}": "é/" * 9 for n in range(40)})
    assert len(model_name(record, odd)) <= 200
    assert set(model_name(record, odd)) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"
    )


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
def outcome(tmp_path_factory: pytest.TempPathFactory) -> sweeps.Outcome:
    """A sweep built and run from Python, on data with an official test set."""
    folder = tmp_path_factory.mktemp("python")
    write_npz(folder / "data.npz")
    spec = sweeps.SweepSpec(
        name="two",
        trials=2,
        dataset=DatasetSource(source="data.npz"),
        cv=sweeps.CrossValidation(folds=2, epochs=4),
        architectures=(sweeps.ArchitectureChoice(name="lenet"),),
        folder=folder,
    )
    return sweeps.run(spec, home=folder / "home", workers=2, progress=False)


@pytest.mark.training
class TestExport:
    """The whole way, with real training."""

    def test_results_come_as_data_frames(self, outcome: sweeps.Outcome) -> None:
        """One row a trial, a fit, an epoch."""
        trials, folds, epochs = outcome.trials(), outcome.folds(), outcome.epochs()
        assert len(trials) == 2
        assert len(folds) == 4
        assert {"learning_rate", "f1", "architecture"} <= set(trials.columns)
        assert len(epochs) == folds["epochs"].sum()
        best = epochs.groupby(["architecture", "number", "fold"])["stop_f1"].max()
        assert (best <= 1).all()

    def test_the_file_is_the_model_and_its_test_score_is_true(self, outcome: sweeps.Outcome) -> None:
        """A process that imports only Keras gets the recorded score from raw pixels."""
        folder = outcome.home.path.parent
        done = outcome.export(out=folder / "models")
        script = (
            "import sys, numpy as np, keras\n"
            "data = np.load(sys.argv[2])\n"
            "model = keras.saving.load_model(sys.argv[1])\n"
            "predicted = model.predict(data['test_images'], verbose=0).argmax(axis=1)\n"
            "print((predicted == data['test_labels']).mean())\n"
            "assert not any(name.split('.')[0] in ('trainer', 'sweeps', 'tracking') for name in sys.modules)"
        )
        command = [sys.executable, "-c", script, str(done.model), str(folder / "data.npz")]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment)
        card = json.loads(done.card_file.read_text())
        assert float(run.stdout) == card["test"]["accuracy"]
        assert card["test"]["images"] == 40
        assert card["classes"] == ["dark", "light"]
        assert card["reloaded"]["largest_difference"] <= 1e-5
        assert [path.suffix for path in (folder / "models").iterdir()].count(".keras") == 1
        with pytest.raises(UsageError, match="add --force"):
            outcome.export(out=folder / "models")

    def test_exporting_twice_gives_the_same_weights(self, outcome: sweeps.Outcome) -> None:
        """The refit is seeded and recorded like any fit."""
        folder = outcome.home.path.parent
        one, two = (outcome.export(out=folder / name).card["weights_sha256"] for name in ("one", "two"))
        assert one == two

    def test_a_model_that_differs_leaves_no_file(
        self, outcome: sweeps.Outcome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If the file gave other probabilities, the command would say so and keep nothing."""
        whole = exporting._process

        def tampered(module: str, arguments: list[str], text: str) -> str:
            answer = whole(module, arguments, text)
            if module == "trainer.reload":
                np.save(arguments[2], np.load(arguments[2]) + 2e-5)
            return answer

        monkeypatch.setattr(exporting, "_process", tampered)
        folder = outcome.home.path.parent / "tampered"
        with pytest.raises(Mismatch, match=r"differs from the trained one by 2e-05"):
            outcome.export(out=folder)
        assert list(folder.iterdir()) == []

    def test_a_dataset_that_changed_is_noticed(self, outcome: sweeps.Outcome) -> None:
        """A test set that may not belong to the trained data is not scored."""
        folder = outcome.home.path.parent
        write_npz(folder / "data.npz", shift=1)
        try:
            with pytest.raises(UsageError, match="has changed since the sweep 'two'"):
                outcome.export(out=folder / "changed")
        finally:
            write_npz(folder / "data.npz")


def test_fashion_mnist_has_an_official_test_set() -> None:
    """10,000 images that nothing but export opens."""
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.exists():
        pytest.skip(f"{folder} is not here: apt-get install dataset-fashion-mnist")
    test = load_test(DatasetSource(source="fashion_mnist"))
    assert test is not None
    assert test.images.shape == (10_000, 28, 28, 1)
