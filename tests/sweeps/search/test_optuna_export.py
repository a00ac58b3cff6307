"""A sweep as Optuna studies: all of it is there once, whoever writes it and how often."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from sweeps.search.optuna_export import frozen_trial, write_studies
from sweeps.search.proposals import optuna_package
from tests.closed_formula import InlineWorkers, Killed, in_memory_ledger, plan, prepared, starter
from tests.postgresql import PostgreSQL
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.mlflow.content import sweep_identity
from tracking.records import SweepRecord
from trainer.errors import UsageError
from trainer.fits.results import Epoch, FitResult

STATES = {"complete": "COMPLETE", "failed": "FAIL", "pruned": "PRUNED"}


def swept(
    tmp_path: Path, *, trials: int = 4, window: int = 1, kill_after: int | None = None, seed: int = 1
) -> tuple[SweepRecord, SweepEntry]:
    """A sweep by the closed formula; killed after so many fits where that is asked for."""
    ledger: Ledger = in_memory_ledger()
    made = prepared(plan(trials=trials, window=window, seed=seed))
    workers = InlineWorkers(2, kill_after=kill_after)
    with suppress(Killed):
        run_sweep(made, tmp_path, ledger, start_workers=starter(workers), workers=2, progress=Silent())
    entry = ledger.entry("made-up")
    assert entry is not None
    return ledger.sweep("made-up"), entry


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: a file, and a real server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'study.db'}"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        yield server.database()


def reported_of(result: FitResult) -> float:
    """The held-out score, or of a fit that was pruned the best one on its stop set."""
    stop = [epoch.stop_f1 for epoch in result.epochs if epoch.stop_f1 is not None]
    return max(stop) if result.f1 is None else result.f1


def assert_holds(storage: str, record: SweepRecord) -> None:
    """Compare all that the studies hold with the record."""
    for architecture in record.architectures:
        study = optuna.load_study(study_name=f"{record.name}-{architecture}", storage=storage)
        ended = [t for t in record.trials if t.architecture == architecture and t.state != "running"]
        assert study.user_attrs["refold.sweep_key"] == sweep_identity(record)
        assert [trial.number for trial in study.trials] == [trial.number for trial in ended]
        for written, trial in zip(study.trials, ended, strict=True):
            assert written.state.name == STATES[trial.state]
            reported = [
                reported_of(fold.run.result) for fold in trial.folds if fold.run.result.state != "failed"
            ]
            assert written.value == (reported[-1] if trial.state == "pruned" else trial.f1)
            assert written.params == dict(trial.hyperparameters)
            assert written.intermediate_values == dict(enumerate(reported))
            assert written.user_attrs["refold.trial"] == trial.number
            assert written.user_attrs["seed"] == trial.seed
            assert written.user_attrs.get("reason") == trial.reason
            digests = [fold.run.result.weights_sha256 for fold in trial.folds]
            assert written.user_attrs["weights_sha256"] == digests
            assert written.datetime_start is not None
            assert written.datetime_start.timestamp() == pytest.approx(trial.proposed_at, abs=1e-3)


@pytest.mark.slow
def test_every_trial_is_there_once_however_often_it_is_written(storage: str, tmp_path: Path) -> None:
    """States, scores, folds, hyperparameters, seeds and times are the record's."""
    record, entry = swept(tmp_path)
    assert {trial.state for trial in record.trials} == {"complete", "failed", "pruned"}
    first = write_studies(record, entry, storage, tmp_path)
    assert [(each.trials, each.added, each.waiting) for each in first] == [(4, 4, 0)] * 2
    assert_holds(storage, record)
    again = write_studies(record, entry, storage, tmp_path)
    assert [(each.trials, each.added) for each in again] == [(4, 0)] * 2
    assert_holds(storage, record)


def test_a_sweep_that_goes_on_adds_what_is_missing(storage: str, tmp_path: Path) -> None:
    """Trials that have not ended wait, and so do those behind them: numbers stay refold's."""
    whole, entry = swept(tmp_path, trials=6, window=3)
    for cut in (1, 7, 12):
        trials = tuple(
            replace(trial, state="running", folds=trial.folds[:1]) if place == cut - 1 else trial
            for place, trial in enumerate(whole.trials[:cut])
        )
        written = write_studies(replace(whole, trials=trials), entry, storage, tmp_path)
        assert sum(each.trials + each.waiting for each in written) == 12
    write_studies(whole, entry, storage, tmp_path)
    assert_holds(storage, whole)


def test_optuna_s_own_plots_take_it(tmp_path: Path) -> None:
    """Importance, best trials and the data frame: what a dashboard does."""
    record, entry = swept(tmp_path, trials=8)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    write_studies(record, entry, storage, tmp_path)
    study = optuna.load_study(study_name="made-up-alpha", storage=storage)
    best = next(trial for trial in record.ranking if trial.architecture == "alpha")
    assert (study.best_trial.number, study.best_value) == (best.number, best.f1)
    assert "learning_rate" in optuna.importance.get_param_importances(study)
    assert len(study.trials_dataframe()) == 8
    assert study.metric_names == ["macro-F1"]


def test_a_pruned_trial_keeps_what_it_reported(tmp_path: Path) -> None:
    """Held-out folds, then the best on the stop set of the fit that was cut; with a cut one only, or none."""
    record, _ = swept(tmp_path)
    trial = next(t for t in record.trials if t.state == "complete" and t.architecture == "alpha")
    space = plan().architectures[0].space
    cut = trial.folds[1]
    epochs = tuple(
        Epoch(loss=1.0, accuracy=0.5, stop_loss=1.0, stop_accuracy=0.5, stop_f1=f1, weights_sha256="")
        for f1 in (0.3, 0.6, 0.5)
    )
    result = replace(cut.run.result, state="pruned", f1=None, confusion=(), epochs=epochs)
    pruned = replace(cut, run=replace(cut.run, result=result))
    for folds, expected in (
        ((trial.folds[0], pruned), {0: trial.folds[0].run.result.f1, 1: 0.6}),
        ((pruned,), {0: 0.6}),
        ((trial.folds[0],), {0: trial.folds[0].run.result.f1}),
    ):
        frozen = frozen_trial(optuna_package(), replace(trial, state="pruned", folds=folds), space)
        assert frozen.state is optuna.trial.TrialState.PRUNED
        assert frozen.intermediate_values == expected
        assert frozen.value == (list(expected.values())[-1] if expected else None)


def test_another_sweep_of_the_same_name_is_refused(tmp_path: Path) -> None:
    """The line says which study, and how to delete it; nothing is added."""
    record, entry = swept(tmp_path)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    write_studies(record, entry, storage, tmp_path)
    other, other_entry = swept(tmp_path, seed=2)
    with pytest.raises(UsageError, match="optuna delete-study --study-name made-up-alpha"):
        write_studies(other, other_entry, storage, tmp_path)
    assert_holds(storage, record)


def test_somebody_s_own_study_is_refused(tmp_path: Path) -> None:
    """Trials that a person made there stay alone."""
    record, entry = swept(tmp_path)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(study_name="made-up-alpha", storage=storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(UsageError, match="not of this sweep"):
        write_studies(record, entry, storage, tmp_path)
    assert len(study.trials) == 1


def test_mlflow_s_database_is_left_alone(database: str, tmp_path: Path) -> None:
    """Optuna would add its tables and break it for MLflow."""
    record, entry = swept(tmp_path)
    path = Path(database.removeprefix("sqlite:///"))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="another program's"):
        write_studies(record, entry, database, tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("study.db", "no database's URL"),
        ("sqlite:///", "no database's URL"),
        ("sqlite:///:memory:", "no database's URL"),
        ("foo://host/x", "cannot be used"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("postgresql+psycopg2://me:secret@127.0.0.1:9/x", "me:***@"),
    ],
)
def test_a_bad_url_gets_one_line(url: str, words: str, tmp_path: Path) -> None:
    """What is wrong and what a good one looks like; never a password."""
    record, entry = swept(tmp_path, trials=1)
    with pytest.raises(UsageError) as caught:
        write_studies(record, entry, url, tmp_path)
    line = str(caught.value)
    assert words in line
    assert "\n" not in line
    assert "secret" not in line
    assert "sqlite:///study.db" in line


def test_a_kill_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """SIGKILL after some trials, then once more from the start."""
    made = prepared(plan(trials=6))
    with Ledger.open(tmp_path) as ledger:
        start = starter(InlineWorkers(2))
        record = run_sweep(made, tmp_path, ledger, start_workers=start, workers=2, progress=Silent())
        entry = ledger.entry("made-up")
    assert entry is not None
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "import optuna\n"
        "from sweeps.search.optuna_export import write_studies\n"
        "from tracking.ledger.ledger import Ledger\n"
        "add, done = optuna.Study.add_trial, []\n"
        "def adding(self, trial):\n"
        "    if len(done) == 8: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    add(self, trial); done.append(trial)\n"
        "optuna.Study.add_trial = adding\n"
        "with Ledger.read(Path(sys.argv[1])) as ledger:\n"
        "    record, entry = ledger.sweep('made-up'), ledger.entry('made-up')\n"
        "write_studies(record, entry, sys.argv[2], Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), storage]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert killed.returncode == -9, killed.stderr
    written = write_studies(record, entry, storage, tmp_path)
    assert sum(each.added for each in written) == 4
    assert_holds(storage, record)


def test_two_writers_of_one_home_do_not_meet(tmp_path: Path) -> None:
    """The second is told, at once."""
    import fcntl

    record, entry = swept(tmp_path, trials=1)
    with (tmp_path / "study.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another 'refold study'"):
            write_studies(record, entry, f"sqlite:///{tmp_path / 'study.db'}", tmp_path)
