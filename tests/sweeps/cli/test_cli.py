"""The command line as a user types it: what is printed, what it exits with, what it leaves behind."""

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sweeps.api.record import open as open_sweep
from sweeps.cluster.certificates import make_certificates
from tests.cluster import Cluster
from tests.command import FORMULA_SWEEP, SWEEP, Command, here, one_line, refold, shown, write_two_classes
from trainer.limits import TRIALS


@pytest.mark.parametrize(
    "verb",
    [
        "run",
        "ls",
        "show",
        "verify",
        "compare",
        "plan",
        "variance",
        "doctor",
        "export",
        "predict",
        "ui",
        "study",
        "sync",
        "rm",
        "scheduler",
        "worker",
        "certificates",
    ],
)
def test_every_verb_has_help_with_an_example(verb: str, tmp_path: Path) -> None:
    """What it does, its options, and a line to copy."""
    done = refold(verb, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"Example: refold {verb}" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["ls"], ["show", "x"]])
def test_answers_come_without_heavy_imports(arguments: Sequence[str], tmp_path: Path) -> None:
    """Help and looking at records import neither TensorFlow nor MLflow, Optuna, Dask or scikit-learn."""
    script = (
        "import sys\nfrom sweeps.cli.main import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    heavy = {'tensorflow', 'keras', 'mlflow', 'optuna', 'distributed', 'sklearn', 'pandas'}\n"
        "    print('imported:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "imported: []" in done.stdout


def npz(path: Path, **arrays: np.ndarray) -> str:
    """Write an .npz file and return the line of a sweep file that names it."""
    np.savez(path, allow_pickle=False, **arrays)
    return f'dataset = "{path.name}"'


IMAGES = np.zeros((20, 8, 8), dtype=np.uint8)
LABELS = np.arange(20) % 2

WRONG: dict[str, tuple[str, str]] = {
    "unknown key": ("trails = 2", "unknown key trails: did you mean 'trials'?"),
    "range": ("[architectures.lenet]\ndropout = {low = 0.5, high = 0.1}", "low 0.5 is above high 0.1"),
    "architecture": ("[architectures.lenett]", "unknown architecture 'lenett': did you mean 'lenet'?"),
    "dataset": ('dataset = "digitz"', "digits"),
    "hyperparameter": ("[architectures.lenet]\ndropuot = 0.1", "did you mean 'dropout'?"),
    "few samples": (npz.__name__, "class 1 has 3 samples, fewer than the 5 folds"),
    "few for an exam": (npz.__name__, "3 images of class '1', too few to set 0.2 of them aside"),
    "no arrays": (npz.__name__, "images"),
    "lengths": (npz.__name__, "20"),
    "corrupt image": ('dataset = "photos"', "broken.png"),
    "no module": ('[architectures.mine]\nsource = "none.py:Net"', "none.py"),
    "no such name": ('[architectures.mine]\nsource = "mine.py:Nte"', "did you mean 'Net'?"),
    "does not import": ('[architectures.mine]\nsource = "bad.py:Net"', "bad.py"),
    "wrong output": ('[architectures.mine]\nsource = "mine.py:Wide"', "(None, 7)"),
}

MINE = """
import keras

def _net(input_shape, classes):
    return keras.Sequential(
        [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax")]
    )

def Net(hyperparameters, input_shape, classes):
    return _net(input_shape, classes)

def Wide(hyperparameters, input_shape, classes):
    return _net(input_shape, 7)
"""


def prepare(case: str, folder: Path) -> str:
    """Lay out what the case needs; return what the sweep file says beyond its name."""
    text, _ = WRONG[case]
    if case in ("few samples", "few for an exam"):
        line = npz(folder / "d.npz", images=IMAGES, labels=np.array([0] * 17 + [1] * 3))
        return line if case == "few for an exam" else 'dataset = { source = "d.npz", exam = 0 }'
    if case == "no arrays":
        return npz(folder / "d.npz", pictures=IMAGES)
    if case == "lengths":
        return npz(folder / "d.npz", images=IMAGES, labels=LABELS[:-1])
    if case == "corrupt image":
        for name in ("cats", "dogs"):
            (folder / "photos" / name).mkdir(parents=True)
            (folder / "photos" / name / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "mine.py").write_text(MINE)
    (folder / "bad.py").write_text("import keras\nNet = undefined_name\n")
    return text


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow) if case in ("no such name", "does not import") else case
        for case in WRONG
    ],
)
def test_wrong_input_gets_one_line_and_changes_nothing(case: str, tmp_path: Path) -> None:
    """Exit code 2, no home folder, for dry runs as well."""
    text = f'name = "x"\n{prepare(case, tmp_path)}\n'
    (tmp_path / "sweep.toml").write_text(text)
    for extra in ([], ["--dry-run"]) if "source" not in text else ([],):
        line = one_line(here("run", "sweep.toml", *extra, cwd=tmp_path))
        assert WRONG[case][1] in line
    assert not (tmp_path / "refold-runs").exists()


def test_files_homes_and_names_that_are_not_there(tmp_path: Path) -> None:
    """Each is named, with what to do."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    (tmp_path / "file").write_text("")
    assert "no such file" in one_line(here("run", "none.toml", cwd=tmp_path))
    assert "cannot be written" in one_line(here("run", "sweep.toml", "--home", "file/x", cwd=tmp_path))
    assert "no sweep has run in" in one_line(here("ls", cwd=tmp_path))
    assert "no sweep has run in" in one_line(here("show", "x", cwd=tmp_path, REFOLD_HOME="elsewhere"))
    bad_uri = here("run", "sweep.toml", "--tracking-uri", "foo://x", cwd=tmp_path)
    assert "tracking" in one_line(bad_uri).lower()
    done = here("run", "sweep.toml", "--workers", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert "whole number of at least 1" in done.stderr


def test_a_dry_run_lists_everything_and_starts_nothing(tmp_path: Path) -> None:
    """Trials, folds, fits and ranges; the same as JSON."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    done = here("run", "sweep.toml", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 architectures x 2 trials x 2 folds = 8 fits of at most 3 epochs" in done.stdout
    assert "lenet/0 to lenet/1, each on folds 0 to 1: 4 fits" in done.stdout
    report = json.loads(here("run", "sweep.toml", "--dry-run", "--json", cwd=tmp_path).stdout)
    assert report["fits"] == 8
    assert report["trials"]["lenet"] == {"first": "lenet/0", "last": "lenet/1"}
    assert report["architectures"]["lenet"]["batch_size"] == "32 (fixed)"
    assert report["starts"] == {}
    assert not (tmp_path / "refold-runs").exists()


def test_the_dry_run_of_the_longest_sweep_is_as_short_as_any(tmp_path: Path) -> None:
    """Trials and fits are counted, not listed: the text does not grow with them."""
    text = SWEEP.replace("trials = 2", f"trials = {TRIALS.most}").replace("folds = 2", "folds = 10")
    (tmp_path / "sweep.toml").write_text(text)
    done = here("run", "sweep.toml", "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["fits"] == 2 * TRIALS.most * 10
    assert json.loads(done.stdout)["trials"]["lenet"]["last"] == f"lenet/{TRIALS.most - 1}"
    assert len(done.stdout) < 2_000


#: Every part of the recipe that goes with the others, for ``SWEEP``.
WHOLE_RECIPE = """
[prune]
enabled = false
[training]
optimizer = "nadam"
clip_norm = 1.0
schedule = "plateau"
warmup_epochs = 1
plateau_patience = 1
decay_factor = { low = 0.1, high = 0.5 }
loss = "focal"
focal_gamma = { low = 0.5, high = 3.0 }
class_weights = "effective"
augment = "strong"
augment_flip = "both"
augment_crop = { low = 0.1, high = 0.3 }
[architectures.lenet]
"""


@pytest.fixture(scope="module")
def finished(train: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny sweep has run."""
    folder = tmp_path_factory.mktemp("finished")
    write_two_classes(folder)
    (folder / "sweep.toml").write_text(SWEEP if train is refold else FORMULA_SWEEP)
    done = train("run", "sweep.toml", "--workers", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "macro-F1" in done.stdout
    assert "refold export tiny" in done.stdout
    assert done.stderr.count("fold") >= 6  # eight fits, but for what is pruned
    return folder


@pytest.mark.slow
@pytest.mark.training
def test_training_repeats_bit_for_bit(tmp_path: Path) -> None:
    """With one worker in another environment, and proven by the record alone: the same digest."""
    (tmp_path / "sweep.toml").write_text(SWEEP.replace("trials = 2", "trials = 1"))
    done = refold("run", "sweep.toml", "--workers", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    digest = json.loads(done.stdout)["digest"]
    done = refold(
        "run", "sweep.toml", "--workers", "1", "--home", "one", "--json", "--quiet", cwd=tmp_path,
        OMP_NUM_THREADS="2", TF_NUM_INTRAOP_THREADS="4", PYTHONHASHSEED="77", LC_ALL="C", TZ="Asia/Tokyo",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digest"] == digest
    done = refold("verify", "tiny", "--trial", "lenet/0", "--fold", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "MATCH  tiny" in done.stdout


@pytest.mark.slow
@pytest.mark.training
def test_the_whole_recipe_repeats_bit_for_bit(tmp_path: Path) -> None:
    """Over workers, and over a kill in the middle, with every part of the recipe switched on."""
    text = SWEEP.replace("epochs = 3", "epochs = 6\nstop_share = 0.2").replace(
        "[architectures.lenet]", WHOLE_RECIPE
    )
    (tmp_path / "sweep.toml").write_text(text)
    done = refold("run", "sweep.toml", "--workers", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    digest = json.loads(done.stdout)["digest"]
    epochs = open_sweep("tiny", home=tmp_path / "refold-runs").epochs()
    assert epochs.groupby(["architecture", "number"]).learning_rate.nunique().max() > 2, "no reduction"
    with refold.started("run", "sweep.toml", "--home", "killed", "--workers", "1", cwd=tmp_path) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.lstrip().startswith("1/8"):
                break
        process.send_signal(signal.SIGKILL)
    done = refold("run", "sweep.toml", "--home", "killed", "--workers", "1", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "recorded by an earlier run" in done.stderr
    assert json.loads(done.stdout)["digest"] == digest
    done = refold("verify", "tiny", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


class TestFinishedSweep:
    """What can be done with a sweep that has run."""

    def test_show_prints_the_documented_object(self, finished: Path) -> None:
        """The keys of the design's page, and nothing is missing."""
        record = shown(finished)
        assert {"sweep", "seed", "key", "digest", "dataset", "trials"} <= set(record)
        trials = record["trials"]
        assert isinstance(trials, list)
        assert len(trials) == 4
        wanted = {
            "architecture", "number", "state", "hyperparameters", "seed", "f1", "f1_mean", "f1_std",
            "duration_s", "folds",
        }  # fmt: skip
        assert wanted <= set(trials[0])
        wanted = {"repeat", "fold", "f1", "best_epoch", "epochs", "weights_sha256", "key"}
        assert wanted <= set(trials[0]["folds"][0])

    def test_show_and_ls_speak_to_people(self, finished: Path) -> None:
        """Leaderboard, trials, one trial with its report, the list of sweeps."""
        text = refold("show", "tiny", cwd=finished).stdout
        assert "lenet" in text
        assert "complete" in text
        text = refold("show", "tiny", "--trial", "lenet/1", cwd=finished).stdout
        for word in ("weights", "precision", "recall", "lowest F1 first", "taken for", "learning_rate"):
            assert word in text
        assert "lenet/0 to lenet/1" in one_line(refold("show", "tiny", "--trial", "lenet/7", cwd=finished))
        assert "tiny" in refold("ls", cwd=finished).stdout
        assert json.loads(refold("ls", "--json", cwd=finished).stdout)[0]["sweep"] == "tiny"

    def test_running_again_trains_nothing(self, train: Command, finished: Path) -> None:
        """The same leaderboard at once."""
        before = shown(finished)
        done = train("run", "sweep.toml", cwd=finished)
        assert done.returncode == 0, done.stderr
        assert "epoch" not in done.stderr
        assert shown(finished) == before

    def test_a_changed_sweep_of_the_same_name_is_refused(self, finished: Path) -> None:
        """What differs is listed; the record stays."""
        before = shown(finished)
        text = (finished / "sweep.toml").read_text()
        (finished / "other.toml").write_text(text.replace("epochs = 3", "epochs = 4"))
        assert "cv.epochs: 3 before, 4 now" in one_line(refold("run", "other.toml", cwd=finished))
        assert shown(finished) == before

    @pytest.mark.slow
    def test_kill_minus_nine_and_again_gives_the_same_digest(self, train: Command, finished: Path) -> None:
        """The coordinator is killed half way; running again goes on from the last finished fit."""
        with train.started("run", "sweep.toml", "--home", "killed", cwd=finished) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.lstrip().startswith("3/8"):
                    break
            process.send_signal(signal.SIGKILL)
        done = train("run", "sweep.toml", "--home", "killed", cwd=finished)
        assert done.returncode == 0, done.stderr
        assert "fits were recorded by an earlier run" in done.stderr
        assert shown(finished, "killed")["digest"] == shown(finished)["digest"]

    @pytest.mark.slow
    def test_a_cluster_gives_the_same_digest(self, train: Command, finished: Path, tmp_path: Path) -> None:
        """Over TLS, with a worker that joins late and one that is killed in the middle; the same fits."""
        certificates = make_certificates(tmp_path / "certificates").folder
        cluster = Cluster(tmp_path, certificates, seconds=None if train is refold else 0.5)
        with cluster.running():
            cluster.start_worker(environment={"PREDICTIONS": "1"})
            where = ["--home", str(tmp_path / "home"), "--cluster", cluster.address, *cluster.options]
            with train.started("run", "sweep.toml", *where, cwd=finished) as run:
                assert run.stderr is not None
                lines = []
                for line in run.stderr:
                    lines.append(line)
                    if line.lstrip().startswith("1/8"):
                        cluster.start_worker(environment={"PREDICTIONS": "1"})
                        cluster.workers[0].end()
                assert run.wait(60) == 0, "".join(lines)
        assert any("1 worker gone" in line for line in lines)
        elsewhere = {"trials": [], "tracking_uri": ""}
        assert shown(finished, str(tmp_path / "home")) | elsewhere == shown(finished) | elsewhere

    def test_interrupting_says_how_to_go_on(self, train: Command, finished: Path) -> None:
        """Ctrl-C ends at once with 130 and one line."""
        text = (finished / "sweep.toml").read_text()
        longer, count = re.subn(
            r"(?m)^trials = \d+", "trials = 40", text
        )  # it must not end before the signal comes
        assert count == 1
        (finished / "longer.toml").write_text(longer)
        with train.started("run", "longer.toml", "--home", "interrupted", cwd=finished) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.lstrip().startswith("1/"):
                    break
            process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            rest = process.stderr.read()
            assert process.wait(60) == 130
        assert time.monotonic() - begin < 30
        assert "run the same command again" in rest
        assert "Traceback" not in rest

    def test_a_ledger_in_use_is_named(self, finished: Path) -> None:
        """A second run on the same home is told who is at it."""
        script = (
            "import time; from pathlib import Path; from tracking.ledger.ledger import Ledger\n"
            "with Ledger.open(Path('refold-runs')): print('open', flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", script]
        with subprocess.Popen(command, cwd=finished, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            line = one_line(refold("run", "sweep.toml", cwd=finished))
            assert f"held by process {holder.pid}" in line
            holder.kill()

    def test_a_study_is_written_once(self, finished: Path) -> None:
        """What was added is said; a second time nothing is."""
        arguments = ("study", "tiny", "--storage", "sqlite:///study.db")
        done = refold(*arguments, cwd=finished)
        assert done.returncode == 0, done.stderr
        assert "tiny-lenet     2 trials, 2 added now" in done.stdout
        assert "optuna-dashboard sqlite:///study.db" in done.stdout
        again = json.loads(refold(*arguments, "--json", cwd=finished).stdout)
        assert [(each["study"], each["trials"], each["added"]) for each in again] == [
            ("tiny-lenet", 2, 0),
            ("tiny-baseline", 2, 0),
        ]
        assert "no database's URL" in one_line(refold("study", "tiny", "--storage", "x", cwd=finished))
        assert "no sweep is called" in one_line(refold("study", "none", "--storage", "x", cwd=finished))

    @pytest.mark.slow
    def test_a_record_that_was_deleted_is_rebuilt(self, finished: Path) -> None:
        """From the ledger alone, in a home that has moved."""
        shutil.copytree(finished / "refold-runs", finished / "moved")
        done = refold("sync", "--rebuild", "--home", "moved", cwd=finished)
        assert done.returncode == 0, done.stderr
        assert "removed from MLflow: 1 run of the sweep and 4 of its trials" in done.stderr
        assert "MLflow has all of tiny: 4 trials" in done.stderr
        for name in ("mlflow.db", "artifacts"):
            path = finished / "moved" / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        done = refold("sync", "--home", "moved", cwd=finished)
        assert done.returncode == 0, done.stderr
        assert len(list((finished / "moved" / "artifacts").rglob("learning_curves.png"))) == 4

    @pytest.mark.slow
    def test_removing_asks_first_and_takes_only_its_own(self, train: Command, finished: Path) -> None:
        """Without an answer nothing goes; with --yes the sweep is gone from ledger and MLflow."""
        text = (finished / "sweep.toml").read_text()
        (finished / "second.toml").write_text(text.replace('"tiny"', '"second"'))
        assert train("run", "second.toml", cwd=finished).returncode == 0
        done = refold("rm", "second", cwd=finished)
        assert done.returncode == 2
        assert "nothing was removed" in done.stderr
        done = refold("rm", "second", "--yes", cwd=finished)
        assert done.returncode == 0, done.stderr
        names = [entry["sweep"] for entry in json.loads(refold("ls", "--json", cwd=finished).stdout)]
        assert names == ["tiny"]


@pytest.mark.slow
def test_a_sweep_whose_trials_all_fail_says_so(train: Command, tmp_path: Path) -> None:
    """Each failure is recorded with its reason, the other architecture goes on, the exit code is 1."""
    write_two_classes(tmp_path)
    text = FORMULA_SWEEP.replace("batch_size = 32\ndropout = 0.1", "dropout = 0.5")
    if train is refold:
        text = SWEEP.replace(
            "batch_size = 32", 'learning_rate = 1000\nweight_decay = 1000\noptimizer = "sgd"'
        )
    (tmp_path / "sweep.toml").write_text(text)
    done = train("run", "sweep.toml", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "lenet: none of its 2 trials is complete: training diverged" in done.stdout
    record = shown(tmp_path)
    states = [(t["architecture"], t["state"]) for t in record["trials"]]  # type: ignore[attr-defined]
    assert states.count(("lenet", "failed")) == 2
    assert ("baseline", "complete") in states


@pytest.mark.slow
def test_an_architecture_of_the_users_own(train: Command, tmp_path: Path) -> None:
    """Its file is found beside the sweep file, wherever the command is run."""
    (tmp_path / "sub").mkdir()
    write_two_classes(tmp_path / "sub")
    (tmp_path / "sub" / "mine.py").write_text(MINE)
    own = '[architectures.mine]\nsource = "mine.py:Net"'
    text = (SWEEP if train is refold else FORMULA_SWEEP).replace("[architectures.lenet]", own)
    text = text.replace('mine.py:Net"\nbatch_size = 32\ndropout = 0.1', 'mine.py:Net"')
    (tmp_path / "sub" / "sweep.toml").write_text(text)
    done = train("run", "sub/sweep.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    states = {(t["architecture"], t["state"]) for t in shown(tmp_path)["trials"]}  # type: ignore[attr-defined]
    assert ("mine", "complete") in states


def run_id(folder: Path, name: str) -> str:
    """Return the id of a run in the home's MLflow."""
    connection = sqlite3.connect(folder / "refold-runs" / "mlflow.db")
    (found,) = connection.execute("SELECT run_uuid FROM runs WHERE name = ?", (name,)).fetchone()
    connection.close()
    return str(found)


@pytest.mark.slow
def test_a_record_is_verified_from_the_command_line(train: Command, finished: Path) -> None:
    """By the sweep's name or by the id of a run in MLflow; a changed bit is named and exits with 1."""
    done = train("verify", "tiny", cwd=finished)
    assert done.returncode == 0, done.stderr
    trials = shown(finished)["trials"]
    fits = {(t["architecture"], t["number"]): len(t["folds"]) for t in trials}  # type: ignore[attr-defined]
    assert f"MATCH  tiny: 4 trials proposed again, 2 of {sum(fits.values())} fits trained" in done.stdout
    report = json.loads(train("verify", run_id(finished, "lenet/1"), "--json", cwd=finished).stdout)
    assert (report["match"], report["fits_trained"]) == (True, fits["lenet", 1])
    assert "neither a sweep nor a run" in one_line(train("verify", "0" * 32, cwd=finished))
    assert "no such trial or fold" in one_line(train("verify", "tiny", "--fold", "9", cwd=finished))

    shutil.copytree(finished / "refold-runs", finished / "tampered")
    connection = sqlite3.connect(finished / "tampered" / "ledger.sqlite")
    connection.execute("UPDATE sweeps SET seed = seed + 1")
    connection.commit()
    connection.close()
    done = train("verify", "tiny", "--home", "tampered", cwd=finished)
    assert done.returncode == 1
    assert "MISMATCH  tiny: sweep seed: 2 recorded, 1 derived" in done.stdout
