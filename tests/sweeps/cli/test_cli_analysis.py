"""plan, compare and variance as a user types them, with real training on a few digits."""

import json
import signal
from pathlib import Path

import pytest

from tests.command import FORMULA_SWEEP, SWEEP, Command, here, one_line, refold, write_two_classes

QUESTION = ("plan", "--scores", "0.8905", "0.8796", "0.8849")


def test_a_plan_answers_the_original_question(tmp_path: Path) -> None:
    """A table for people, JSON for programs; no home is needed, none is made."""
    done = here(*QUESTION, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "A true difference of 1 point needs 22 runs of each architecture" in done.stdout.splitlines()[1]
    assert "difference  spread known  on average  upper limit\n" in done.stdout
    assert "0.5 points            20          49           85\n" in done.stdout
    report = json.loads(here(*QUESTION, "--json", cwd=tmp_path).stdout)
    assert (report["spread"]["freedom"], report["test_images"]) == (2, None)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_counts_the_test_images(tmp_path: Path) -> None:
    """What they leave of a plan, for people and for programs."""
    done = here(*QUESTION, "--test-images", "10000", cwd=tmp_path)
    assert done.stdout.splitlines()[1].startswith("With 10,000 test images a true difference of 1 point")
    assert "0.2 points         never       never        never        19 %\n" in done.stdout
    report = json.loads(here(*QUESTION, "--test-images", "10000", "--json", cwd=tmp_path).stdout)
    assert report["test_images"]["images"] == 10_000
    assert report["runs"][2]["with_test_images"]["power_of_runs_upper"] == pytest.approx(0.52, abs=0.005)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("plan", "name a recorded sweep, or give --scores"),
        ("plan x --scores 0.1 0.2", "one of the two"),
        ("plan --scores 0.9", "one score has no spread"),
        ("plan --scores 89 88", "89 does not (89 % is 0.89)"),
        ("plan --scores 0.5 0.5", "all 2 scores are 0.5"),
        ("plan --scores a", "invalid float value: 'a'"),
        ("plan --scores 0.5 0.6 --test-images 0", "'0' is not a whole number of at least 1"),
        ("plan --scores 0.5 0.6 --test-images 1e4", "'1e4' is not a whole number"),
        ("plan x --test-images 100", "--test-images goes with --scores"),
        ("plan x", "no sweep has run in"),
        ("compare x", "no sweep has run in"),
        ("compare x --repeats 1", "at least 2 are needed"),
        ("compare x --rope 2", "--rope 2"),
        ("compare x --html none/page.html", "there is no folder none"),
        ("compare x --tracking-uri foo://x", "foo"),
        ("compare x --claim all", "invalid choice: 'all'"),
        ("variance x", "no sweep has run in"),
    ],
)
def test_wrong_input_gets_one_line(arguments: str, words: str, tmp_path: Path) -> None:
    """Exit code 2, and nothing is left behind."""
    assert words in one_line(here(*arguments.split(), cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_sweep_is_compared_and_its_variance_shared_out(train: Command, tmp_path: Path) -> None:
    """From the sweep to the page: interrupted, gone on with, in MLflow."""
    write_two_classes(tmp_path)
    (tmp_path / "sweep.toml").write_text(SWEEP if train is refold else FORMULA_SWEEP)
    assert "is not finished" not in one_line(refold("compare", "tiny", cwd=tmp_path))
    done = train("run", "sweep.toml", "--quiet", cwd=tmp_path)
    assert "refold compare tiny" in done.stdout
    digest = json.loads(refold("show", "tiny", "--json", cwd=tmp_path).stdout)["digest"]

    comparing = ("compare", "tiny", "--on", "folds", "--repeats", "2")
    with train.started(*comparing, cwd=tmp_path) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        for line in process.stderr:
            if line.startswith("1/8"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 130
    assert first.startswith("8 fits of 2 architectures, 0 recorded already, 8 to train: about")
    assert "run the same command again" in rest
    assert "Traceback" not in rest

    done = train(
        "compare", "tiny", "--on", "folds", "--repeats", "2", "--html", "page.html", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert " 0 recorded already" not in done.stderr
    found = json.loads(done.stdout)
    assert [len(each["scores"]) for each in found["architectures"]] == [4, 4]
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    said = refold(*comparing, cwd=tmp_path)
    assert said.stderr == ""  # nothing to train
    assert "The claim: how the architectures would compare on another training set" in said.stdout

    assert (
        "from 2 fresh repeats of the winners" in refold("plan", "tiny", "--on", "folds", cwd=tmp_path).stdout
    )
    cost = refold("variance", "tiny", "--rows", "4", "--dry-run", cwd=tmp_path).stdout
    assert "24 fits of 1 architecture, 0 recorded already, 24 to train: about" in cost
    assert json.loads(refold("show", "tiny", "--json", cwd=tmp_path).stdout)["digest"] == digest
    pages = list((tmp_path / "refold-runs" / "artifacts").rglob("comparison.html"))
    assert len(pages) == 1
