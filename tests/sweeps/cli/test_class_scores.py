"""What show and evaluate print of a classifier's predictions, class by class."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from sweeps.analysis.statistics.clustered import ModelScores, scored
from sweeps.cli import class_scores, output
from sweeps.cli.main import grammar
from tests.hostile_names import HOSTILE, assert_seen
from tests.labelled_trainer import LabelledWorkers, record, record_sweep, sweep_of_table
from tracking.reports.text_table import cell_length
from trainer.metrics.confusion import Confusion


def scores_of(confusion: Confusion, groups: int | None = None) -> ModelScores:
    """Return the scores of a matrix; its images are dealt out to some groups."""
    counts = np.asarray(confusion)
    true, predicted = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    numbers = None if groups is None else np.arange(len(true)) % groups
    return scored(true, predicted, classes=len(counts), groups=numbers)


def show(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> str:
    """Return what ``refold show`` prints of the first trial."""
    words = ["show", "made", "--trial", "lenet/0", *arguments, "--home", str(home)]
    options = grammar().parse(words)
    assert options.action(options) == 0
    return capsys.readouterr().out


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    """A terminal of 80 columns in place of standard output."""
    console = output._Output(
        highlight=False, soft_wrap=True, markup=False, emoji=False, force_terminal=True, width=80,
        color_system=None,
    )  # fmt: skip
    monkeypatch.setattr(output, "_out", console)
    return console


def test_the_lowest_f1_is_on_top_and_what_has_no_score_is_said() -> None:
    """A class that is never predicted, one without images, one with neither; ties in label order."""
    confusion = ((8, 0, 2, 0, 0), (4, 0, 1, 0, 0), (0, 0, 5, 0, 0), (0, 0, 0, 0, 0), (1, 0, 0, 0, 9))
    lines = class_scores.class_table("abcde", scores_of(confusion).classes, None).lines()
    rows = [line.split("  ") for line in lines]
    assert [row[0] for row in rows] == ["class", "b", "a", "c", "e", "d"]
    assert "never predicted" in lines[1]
    assert lines[1].split()[-4:-1] == ["(0-52.2)", "0", "(0-52.2)"]
    assert "no image" in lines[-1]
    assert lines[-1].endswith(" 0")
    assert lines[4].split()[1:3] == ["100", "(66.4-100)"], "9 of 9: Clopper and Pearson's interval"


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("groups", [None, 30])
def test_forty_classes_have_all_columns_that_fit(width: int, groups: int | None) -> None:
    """With names as short as is needed for them: at 80 columns all columns are there, with groups too."""
    classes = [f"spotted bird number {label}" for label in range(40)]
    confusion = tuple(tuple(map(int, row)) for row in 20 * np.eye(40, dtype=int) + 1)
    lines = class_scores.class_table(classes, scores_of(confusion, groups).classes, width).lines(width)
    assert max(map(cell_length, lines)) <= width
    assert {"precision", "recall", "F1", "images"} <= set(lines[0].split())
    assert len({line.split("  ")[0] for line in lines[1:41]}) == 40, "names can be told apart"
    assert ("groups" in lines[0]) == (groups is not None)
    assert width > 80 or cell_length(lines[0]) == 80


def test_a_narrow_terminal_has_recall_and_f1() -> None:
    """Other columns are left out and named; names take the room."""
    classes = ["a long name of a class", "and another long name"]
    lines = class_scores.class_table(classes, scores_of(((30, 10), (9, 50))).classes, 55).lines(55)
    assert lines[0].split() == ["class", "recall", "F1"]
    assert cell_length(lines[0]) == 55
    assert lines[-1] == "(no room for: precision, images)"


def test_hostile_names_take_nothing_over(terminal: Console, capsys: pytest.CaptureFixture[str]) -> None:
    """Table, matrix and mistakes of classes with such names, on a terminal of 80 columns."""
    assert terminal.width == 80
    for start in range(0, len(HOSTILE), 6):
        classes = HOSTILE[start : start + 6]
        confusion = tuple(map(tuple, (1 + np.eye(len(classes), dtype=int)).tolist()))
        class_scores.put_classes(classes, scores_of(confusion).classes)
        class_scores.put_confusion(classes, confusion)
    printed = capsys.readouterr().out
    assert_seen(printed)
    assert max(map(cell_length, printed.splitlines())) <= 80


def test_a_matrix_too_wide_is_said_and_the_mistakes_are_there(
    terminal: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 40 classes at 80 columns."""
    assert terminal.is_terminal
    confusion = tuple(map(tuple, (30 * np.eye(40, dtype=int) + 1).tolist()))
    class_scores.put_confusion([f"c{label}" for label in range(40)], confusion)
    printed = capsys.readouterr().out
    assert "the 40 x 40 confusion matrix is too wide to print here; --json has it" in printed
    assert "c0 taken for c1: 1 of 70 (1.4 %)" in printed
    assert "not shown: 1,550 mistakes in 1550 other pairs of classes" in printed


def test_one_trial_is_shown_with_intervals_for_groups(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the stored images nobody knows the groups: scores without intervals, and why."""
    home = record(sweep_of_table(tmp_path, "lenet"), LabelledWorkers({"lenet": 0.8}))
    text = show(capsys, home)
    assert "95 % intervals for new groups (groups count, not images), classified by the networks of" in text
    assert "images  groups" in text
    told = json.loads(show(capsys, home, "--json"))
    assert told["by_class"]["0"]["groups"] == 40
    assert told["f1_interval"]["units"] == 40
    shutil.rmtree(home / "datasets")
    text = show(capsys, home)
    assert "no intervals: they would count groups" in text
    assert "classes most often mistaken for others" in text
    told = json.loads(show(capsys, home, "--json"))
    assert (told["by_class"], told["f1_interval"], told["accuracy"]) == (None, None, None)


def test_the_json_has_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Scores of each class, all kinds of mistakes, and how much of the cross-validation there is."""
    home = record_sweep(tmp_path, LabelledWorkers({"lenet": 0.8}, fails=("lenet", 0, 2)), "lenet")
    text, told = show(capsys, home), json.loads(show(capsys, home, "--json"))
    assert "out-of-fold predictions of 2 of 3 folds:" in text
    for each in told["confused"]:
        words = f"{each['true']} taken for {each['predicted']}: {each['images']} of {each['of']} "
        assert words + f"({100 * each['share']:.1f} %)" in text
    assert sum(each["images"] for each in told["confused"]) == len(told["mistakes"])
    for name in told["classes"]:
        found = told["by_class"][name]["recall"]
        assert f"{100 * found['score']:.1f} ({100 * found['low']:.1f}-{100 * found['high']:.1f})" in text
    accuracy = told["accuracy"]
    assert f"accuracy  {accuracy['score']:.4f} ({accuracy['low']:.4f} to {accuracy['high']:.4f})" in text
    assert f"macro-F1  {told['f1_interval']['score']:.4f} (" in text
