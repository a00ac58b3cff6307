"""``compare_speed``: what goes into the tools, what comes out, and the table; and one tiny run for real."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import compare_speed, virtual_environments
from benchmarks.compare_speed import MODULES, Results, ToolFailed, arguments, measure, page, run_tool
from benchmarks.speed_table import HEADER, TOOLS, Mode, Row, tables
from benchmarks.task import Task, Trial, best_f1, fold_epochs, read_trials, write_trials
from benchmarks.with_refold import sweep_file, trials_of_record
from trainer.hyperparameters import Value

TASK = Task(
    dataset="digits", samples=400, architectures=("lenet",), trials=2, folds=2, epochs=2, patience=1, seed=3
)
VALUES: dict[str, Value] = {
    "optimizer": "adam",
    "learning_rate": 0.003,
    "batch_size": 64,
    "weight_decay": 1e-5,
}
TRIALS = (
    Trial(architecture="lenet", number=0, hyperparameters=VALUES, epochs=(2, 1), f1=0.5),
    Trial(
        architecture="lenet",
        number=1,
        hyperparameters=VALUES | {"learning_rate": 0.002},
        epochs=(1,),
        f1=None,
    ),
)


def row(mode: Mode, tool: str, seconds: float, trials: tuple[Trial, ...] = TRIALS) -> Row:
    """A measured run."""
    return Row(
        mode=mode,
        tool=tool,
        seconds=seconds,
        trials=trials,
        load=0.0,
        started_at="2026-01-01 00:00",
        versions={"python": "3.11"},
    )


def test_a_task_survives_its_file(tmp_path: Path) -> None:
    """What a tool's process reads is what was asked for, the given trials included."""
    for task in (TASK, replace(TASK, given=TRIALS)):
        task.write(tmp_path / "task.json")
        assert Task.read(tmp_path / "task.json") == task
    write_trials(TRIALS, tmp_path / "trials.json")
    assert tuple(read_trials(tmp_path / "trials.json")) == TRIALS


def test_given_trials_are_found_by_their_hyperparameters() -> None:
    """Each fit trains exactly as long as the recorded one; a free search has nothing to look up."""
    given = replace(TASK, given=TRIALS[::-1])
    assert [trial.number for trial in given.given_trials("lenet")] == [0, 1]
    assert given.given_trials("vgg") == ()
    assert given.epochs_of("lenet", dict(reversed(VALUES.items()))) == (2, 1)
    assert TASK.epochs_of("lenet", VALUES) is None


def test_work_and_best_are_counted() -> None:
    """Every epoch of every fold counts, a trial that ended early has no score."""
    assert fold_epochs(TRIALS) == 4
    assert best_f1(TRIALS) == 0.5
    assert best_f1(TRIALS[1:]) is None


def test_the_table_compares_with_refold() -> None:
    """A table for each mode, the tools in their order, times and scores against refold's."""
    better = (replace(TRIALS[0], f1=0.51),)
    text = tables([row("search", "by_hand", 30.0, better), row("search", "refold", 10.0)])
    lines = text.splitlines()
    assert lines[0].startswith("Each tool searches by itself")
    assert [line.count("|") for line in lines[2:]] == [len(HEADER) + 1] * 4
    assert lines[4] == "| refold | 10.0 s | 1.00 | 2 | 4 | 2500 ms | 0.5000 | +0.0000 |"
    assert lines[5].endswith("| 30.0 s | 3.00 | 1 | 3 | 10000 ms | 0.5100 | +0.0100 |")


def test_without_refold_there_is_nothing_to_compare_with() -> None:
    """The ratio's cells stay empty."""
    assert "| 30.0 s |  | 2 | 4 | 7500 ms | 0.5000 |  |" in tables([row("equal", "by_hand", 30.0)])


def test_the_sweep_file_is_the_task() -> None:
    """What refold reads is what the other tools are given; pruning has one switch."""
    pruning, plain = sweep_file(TASK, prune=True), sweep_file(TASK, prune=False)
    assert "[prune]" not in pruning
    assert plain.replace("\n[prune]\nenabled = false\n", "") == pruning
    for line in ('source = "digits"', "samples = 400", "seed = 3", "trials = 2", "folds = 2", "patience = 1"):
        assert line in pruning.splitlines()
    assert "samples" not in sweep_file(replace(TASK, samples=None), prune=True)


def test_a_record_of_refolds_becomes_trials() -> None:
    """From what ``refold show --json`` prints."""
    shown = {
        "trials": [
            {
                "architecture": trial.architecture,
                "number": trial.number,
                "hyperparameters": trial.hyperparameters,
                "f1": trial.f1,
                "state": "complete",
                "folds": [{"fold": fold, "epochs": count} for fold, count in enumerate(trial.epochs)],
            }
            for trial in TRIALS
        ]
    }
    assert tuple(trials_of_record(json.dumps(shown))) == TRIALS


def test_results_are_kept_and_gone_on_with(tmp_path: Path) -> None:
    """The file holds every row as soon as it is there; another task's file is refused."""
    path = tmp_path / "out.json"
    Results(path, TASK).add(row("equal", "refold", 10.0))
    again = Results(path, TASK)
    assert again.row("equal", "refold") == row("equal", "refold", 10.0)
    assert again.row("search", "refold") is None
    with pytest.raises(ValueError, match="another task"):
        Results(path, replace(TASK, folds=3))


def test_the_others_repeat_refolds_trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With equal work refold goes first, asked for or not; in a search nobody is given anything."""
    ran: list[tuple[str, str, object]] = []

    def run(tool: str, mode: Mode, task: Task, python: Path) -> Row:
        ran.append((mode, tool, task.given))
        return row(mode, tool, 1.0)

    monkeypatch.setattr(compare_speed, "run_tool", run)
    monkeypatch.setattr(virtual_environments, "interpreter", lambda _tool, _folder: Path(sys.executable))
    results = Results(None, TASK)
    measure(TASK, ("equal", "search"), ("by_hand",), tmp_path, results)
    assert ran == [
        ("equal", "refold", None),
        ("equal", "by_hand", TRIALS),
        ("search", "by_hand", None),
    ]
    measure(TASK, ("equal", "search"), ("by_hand",), tmp_path, results)
    assert len(ran) == 3
    report = page(results, TASK, "the command")
    for part in ("digits (400 images)", "the command", "python 3.11", "loop by hand"):
        assert part in report


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--only", "by_hand,optuna"], "'optuna' is unknown"),
        (["--architectures", "lenet,alexnet"], "'alexnet' is unknown"),
        (["--modes", "free"], "'free' is unknown"),
        (["--folds", "1"], "2 folds are needed"),
        (["--trials", "0"], "at least 1 trial"),
    ],
)
def test_wrong_arguments_get_one_line(
    given: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, and what there is."""
    with pytest.raises(SystemExit):
        arguments(given)
    assert says in capsys.readouterr().err


def test_every_tool_has_a_module_and_pinned_requirements() -> None:
    """Names without a version are pinned by refold's own constraints; no package index is named."""
    constraints = (virtual_environments.ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {line.split("==")[0] for line in constraints.splitlines()}
    for tool in TOOLS:
        text = (virtual_environments.REQUIREMENTS / f"{tool}.txt").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert lines[0] == "-c ../../constraints.txt"
        assert all("==" in line or line in pinned for line in lines[1:])
        assert "://" not in text
        if tool != "refold":
            assert (virtual_environments.ROOT / "benchmarks" / f"{MODULES[tool]}.py").exists()


@pytest.mark.slow
def test_a_tool_that_fails_says_why() -> None:
    """Its last lines are in the error."""
    with pytest.raises(ToolFailed, match="no built-in architecture 'none'"):
        run_tool("by_hand", "search", replace(TASK, architectures=("none",)), Path(sys.executable))


@pytest.mark.slow
@pytest.mark.training
def test_equal_work_is_equal() -> None:
    """By hand as many epochs in every fold as in refold's record, with its hyperparameters."""
    python = Path(sys.executable)
    ours = run_tool("refold", "equal", TASK, python)
    theirs = run_tool("by_hand", "equal", replace(TASK, given=ours.trials), python)
    assert len(ours.trials) == TASK.trials
    for mine, other in zip(ours.trials, theirs.trials, strict=True):
        assert (mine.number, dict(mine.hyperparameters), mine.epochs) == (
            other.number,
            dict(other.hyperparameters),
            other.epochs,
        )
        assert other.f1 is not None
        assert 0 < other.f1 < 1
