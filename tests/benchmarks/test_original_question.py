"""The experiment of docs/reproducibility.md: how runs become a table, and one tiny run for real."""

import os
from pathlib import Path

import pytest

from benchmarks.one_training import fit_spec
from benchmarks.original_question import arguments, child_environment, measure, page, random_images
from benchmarks.settings import MAIN, REMOVED, Setting
from benchmarks.summary import HEADER, Row, Training, cells, compared, digests, promise_kept, spread, table
from trainer.datasets import open_stored, store
from trainer.fits.seeds import Seeds
from trainer.fits.split import Split
from trainer.runtime import determinism

SETTINGS = (*MAIN, *REMOVED)


def row(key: str, *found: tuple[float, float, str], reference: str | None = None) -> Row:
    """A row of runs, each (loss, accuracy, digest)."""
    trainings = tuple(
        Training(loss=loss, accuracy=accuracy, weights_sha256=digest) for loss, accuracy, digest in found
    )
    return Row(key=key, title=f"title of {key}", images=30_000, trainings=trainings, reference=reference)


STEADY = row("steady", (2.5, 0.1, "a"), (2.5, 0.1, "a"))
MOVING = row("moving", (2.5, 0.1, "b"), (2.75, 0.125, "c"), (2.25, 0.1, "b"), reference="steady")
ROWS = {"steady": STEADY, "moving": MOVING}


def test_spread_is_the_range() -> None:
    """The largest value minus the smallest, in any order; of equal values exactly zero."""
    assert spread([2.5, 2.25, 2.75]) == 0.5
    assert spread([0.1, 0.1, 0.1]) == 0.0


def test_digests_are_counted_once() -> None:
    """Runs with the same bytes count as one."""
    assert digests(MOVING) == {"b", "c"}
    assert digests(STEADY) == {"a"}


@pytest.mark.parametrize(
    ("found", "says"), [("aaa", "yes"), ("bcb", "no"), ("aab", "2 of 3"), ("bba", "1 of 3")]
)
def test_comparison_counts_the_runs_with_the_references_bytes(found: str, says: str) -> None:
    """All, none, or how many of how many."""
    runs = row("other", *((1.0, 0.1, digest) for digest in found), reference="steady")
    assert compared(runs, ROWS) == says


def test_a_reference_is_not_compared() -> None:
    """A setting without a reference says that it is one."""
    assert compared(STEADY, ROWS) == "is a reference"


def test_a_difference_is_never_rounded_to_zero() -> None:
    """The table's 0 means equal: the smallest difference of two floats is printed as what it is."""
    close = row("close", (1.0, 0.5, "a"), (1.0 + 2**-52, 0.5, "a"))
    assert cells(close, {})[4:6] == ("2.2e-16", "0")


def test_the_table_has_a_line_for_each_setting() -> None:
    """Markdown: a header, a rule and the rows in their order, each with as many cells as the header."""
    lines = table([STEADY, MOVING]).splitlines()
    assert [line.count("|") for line in lines] == [len(HEADER) + 1] * 4
    assert lines[2] == "| title of steady | 30,000 | 2 | 2.500000 | 0 | 0 | 1 | is a reference |"
    assert lines[3].startswith(
        "| title of moving | 30,000 | 3 | 2.250000 to 2.750000 | 0.5 | 0.025 | 2 | no |"
    )


def test_the_report_names_machine_command_and_posted_losses() -> None:
    """Whoever reads the table sees where it comes from, and the figures it answers."""
    report = page([STEADY], "python -m benchmarks.original_question --quick", 90.0)
    for part in (
        "- date: ",
        "- processor: ",
        "tensorflow 2.",
        "--quick",
        "12.5042 to 12.5062",
        "title of steady",
    ):
        assert part in report


@pytest.mark.parametrize("other", [(2.5, 0.1, "b"), (2.5, 0.2, "a"), (2.75, 0.1, "a")])
def test_the_promise_is_about_every_byte(other: tuple[float, float, str]) -> None:
    """One run with another digest, accuracy or loss breaks it; settings that promise nothing do not."""
    assert promise_kept([STEADY, MOVING], ["steady"])
    assert not promise_kept([row("steady", (2.5, 0.1, "a"), other)], ["steady"])


def test_the_images_are_the_same_every_time() -> None:
    """Only training may vary: the data have one fingerprint, pinned here."""
    images = random_images(20)
    assert images.fingerprint == "d51e803969777fa7fd6529b31fc24a21a2c5766294e115bb67e960156b1bc123"
    assert images.input_shape == (28, 28, 1)
    assert 0 <= images.images.min() < images.images.max() < 1


def test_refold_trains_on_every_image(tmp_path: Path) -> None:
    """One epoch, no held-out fold, no stop set: the experiment of the question."""
    stored = store(random_images(20), tmp_path)
    spec = fit_spec(stored)
    parts = Split.of_fit(spec, open_stored(stored)).parts(spec)
    assert (len(parts.training), len(parts.stop), len(parts.held_out), spec.epochs) == (20, 0, 0, 1)


def test_references_exist_and_have_the_same_images() -> None:
    """A setting is compared with one of its own size; keys are unique."""
    by_key = {setting.key: setting for setting in SETTINGS}
    assert len(by_key) == len(SETTINGS)
    for setting in SETTINGS:
        if setting.reference is not None:
            assert by_key[setting.reference].at_full_size == setting.at_full_size
    assert all(setting.at_full_size for setting in MAIN)
    assert not any(setting.at_full_size for setting in REMOVED)


def test_redrawn_seeds_exist() -> None:
    """Each name is a seed of a fit."""
    names = Seeds.of_fit(1, trial=0, repeat=0, fold=0).__slots__
    assert {name for setting in SETTINGS for name in setting.redrawn} <= set(names)


def differing(setting: Setting) -> dict[str, str | None]:
    """What a setting's environment has and a training process's has not, or the other way round."""
    usual, here = determinism.training_environment(), child_environment(setting)
    return {name: here.get(name) for name in {*usual, *here} if usual.get(name) != here.get(name)}


def test_a_removed_measure_removes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control has a training process's environment; each other row differs in what it says."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    found = {setting.key: differing(setting) for setting in REMOVED}
    assert found["control"] == found["no-determinism"] == found["keras-order"] == {}
    assert found["threads"] == {"OMP_NUM_THREADS": "2", "TF_NUM_INTRAOP_THREADS": "2"}
    assert found["inter-threads"] == {"TF_NUM_INTEROP_THREADS": "2"}
    assert found["no-onednn"] == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert found["avx2"] == {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    assert found["hash-seed"] == {"PYTHONHASHSEED": None}


def test_plain_keras_finds_no_measure_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process gets no hash seed, thread count or oneDNN switch, whatever is set outside."""
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    here = child_environment(MAIN[0])
    shared = {"CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND"}
    assert {name for name in determinism.CPU.variables if name in here} == shared
    assert not set(determinism.FORBIDDEN) & set(here)
    assert os.environ["PYTHONHASHSEED"] == "0"


@pytest.mark.parametrize("given", [["--runs", "1"], ["--images", "100"], ["--processes", "0"]])
def test_sizes_that_say_nothing_are_refused(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One run has no spread, and a handful of images no batches: one line says what is needed."""
    with pytest.raises(SystemExit):
        arguments(given)
    assert "at least 2 runs" in capsys.readouterr().err


def test_quick_is_small() -> None:
    """It tries everything out in a few minutes."""
    asked = arguments(["--quick"])
    assert (asked.runs, asked.images) == (2, 1280)


@pytest.mark.slow
@pytest.mark.training
def test_refold_repeats_every_byte(tmp_path: Path) -> None:
    """Two fresh processes, one digest; and the experiment's own way of training gives the same one."""
    stored = store(random_images(200), tmp_path)
    wanted = {"small", "control", "keras-order", "no-initialisation", "other-thread"}
    settings = [setting for setting in REMOVED if setting.key in wanted]
    rows = list(measure(settings, stored, runs=2, processes=2))
    reference, control, reordered, *moving = rows
    assert len(digests(reference)) == 1
    assert digests(control) == digests(reference)
    assert len(digests(reordered)) == 1
    assert digests(reordered) != digests(reference)
    assert [len(digests(row)) for row in moving] == [2, 2]
    assert promise_kept(rows, ("small",))
