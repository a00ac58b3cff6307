"""``refold new``: the sweep file parses, fits the data, and says why in plain words."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sweeps.authoring import budget as budget_module
from sweeps.authoring.budget import EPOCHS, FEWEST_TRIALS, OF_FIT, START, TRAINED, fitting
from sweeps.authoring.new_sweep import new_sweep, sweep_name
from sweeps.definition.sweep_file import read_sweep_file
from sweeps.diagnostics.rehearsal import Rehearsal
from tests.command import here
from trainer.architectures import BUILT_IN
from trainer.errors import UsageError
from trainer.process.preflight_messages import StepFailed, StepPassed


def photo(path: Path, seed: int, size: tuple[int, int] = (32, 24), mode: str = "RGB") -> None:
    """Save a picture of noise; the size is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(path)


@pytest.fixture(autouse=True)
def timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of each architecture takes a tenth of a second, and one architecture fails."""
    steps: dict[str, Any] = {name: StepPassed(repeats=True, finite=True, seconds=0.1) for name in BUILT_IN}
    steps["vgg"] = StepFailed(error="out of shape")
    monkeypatch.setattr(budget_module, "rehearse", lambda _prepared: Rehearsal(steps=steps))


def made(folder: Path, source: str = "photos", hours: float = 1.0) -> Any:
    """Make a sweep file for a source in a folder."""
    return new_sweep(source, folder=folder, hours=hours, workers=2)


def good(folder: Path) -> None:
    """60 good photos of two classes, three a patient."""
    for number in range(60):
        photo(folder / "photos" / "ab"[number % 2] / f"p{number // 3:02}_{number}.png", number)


def test_the_file_parses_and_describes_the_sweep(tmp_path: Path) -> None:
    """What was written is what ``refold run`` reads; each setting has its reason beside it."""
    good(tmp_path)
    found = made(tmp_path)
    (tmp_path / "photos.toml").write_text(found.text)
    spec, _ = read_sweep_file(tmp_path / "photos.toml")
    assert spec == found.spec
    assert (spec.name, spec.cv.folds, spec.source.exam) == ("photos", 5, 0.2)
    assert "vgg" not in {choice.name for choice in spec.architectures}
    assert '# groups = "' in found.text
    assert all("#" in line for line in found.text.splitlines() if "=" in line)
    unlocked = tomllib.loads(found.text.replace("# groups", "groups"))
    assert unlocked["dataset"]["groups"] == found.fitted.groups


def mixed_sizes(folder: Path) -> None:
    """Portraits and landscapes."""
    good(folder)
    photo(folder / "photos/a/tall.png", 99, (24, 320))


def mixed_colours(folder: Path) -> None:
    """One grey image."""
    good(folder)
    photo(folder / "photos/a/grey.png", 99, mode="L")


def broken(folder: Path) -> None:
    """Files that cannot be read."""
    good(folder)
    for number in range(7):
        (folder / f"photos/b/broken{number}.png").write_bytes(b"?")


def large(folder: Path) -> None:
    """Images beyond what a processor trains on in hours."""
    for number in range(20):
        photo(folder / "photos" / "ab"[number % 2] / f"{number}.png", number, (200, 400))


def tiny(folder: Path) -> None:
    """Three images of a class."""
    for number in range(6):
        photo(folder / "photos" / "ab"[number % 2] / f"{number}.png", number)


def twice(folder: Path) -> None:
    """A quarter of the images twice, under another name."""
    good(folder)
    for path in sorted((folder / "photos").rglob("*.png"))[::4]:
        path.with_name(f"copy of {path.name}").write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("lay_out", "lines"),
    [
        (mixed_sizes, ["image_size = [24, 32]", 'fit = "pad"', "proportions differ"]),
        (mixed_colours, ['colour = "rgb"', "some are grey, some colour"]),
        (broken, ['unreadable = "leave-out"', "b/broken0.png", "and 2 more: 'refold inspect' lists them"]),
        (large, ["image_size = [96, 48]", "smaller ones train faster"]),
        (twice, ['duplicates = "keep-together"', "15 sets of equal images", '# groups = "']),
        (tiny, ["exam = 0.0", "too few to set some aside", "folds = 3"]),
    ],
)
def test_it_fits_what_people_have(tmp_path: Path, lay_out: Callable[[Path], None], lines: list[str]) -> None:
    """Each is settled in the file, with why."""
    lay_out(tmp_path)
    text = made(tmp_path).text
    for line in lines:
        assert line in text


def test_what_no_setting_helps_is_refused(tmp_path: Path) -> None:
    """One line, and nothing is written."""
    photo(tmp_path / "photos/a/1.png", 1)
    photo(tmp_path / "photos/b/2.png", 2)
    with pytest.raises(UsageError, match=r"1 image of class 'a'|every class needs"):
        made(tmp_path)
    done = here("new", "photos", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) <= 2
    assert not (tmp_path / "photos.toml").exists()
    assert here("new", "nowhere", cwd=tmp_path).returncode == 2
    assert "no number of hours" in here("new", "photos", "--hours", "-1", cwd=tmp_path).stderr


def test_an_existing_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless that is asked for; the next commands are named."""
    good(tmp_path)
    (tmp_path / "photos.toml").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert "is there already" in here("new", "photos", cwd=tmp_path).stderr
    assert (tmp_path / "photos.toml").read_text() == "mine"
    done = here("new", "photos", "--force", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "refold run photos.toml" in done.stdout
    assert "vgg" not in (tmp_path / "photos.toml").read_text()


@given(
    st.dictionaries(st.sampled_from(list(BUILT_IN)), st.floats(0.01, 1e4), min_size=1),
    st.floats(0.01, 100),
    st.integers(1, 16),
    st.floats(0, 20),
)
def test_the_budget_is_kept(seconds: dict[str, float], hours: float, workers: int, tracing: float) -> None:
    """What is proposed fits into the hours, unless one architecture alone is too much, which is said."""
    found = fitting(seconds, dict.fromkeys(seconds, tracing), hours=hours, workers=workers, folds=5)
    there = [each for name, each in seconds.items() if name not in found.too_slow]
    epochs = sum(there) * 5 * found.epochs * TRAINED * found.trials
    needed = START + (epochs + found.trials * len(there) * (tracing + 5 * OF_FIT)) / workers
    assert found.expected == pytest.approx(needed / 3600)
    assert found.expected <= hours * 1.0001 or (len(there) == 1 and found.trials == FEWEST_TRIALS)
    assert found.epochs in EPOCHS


@given(st.text(max_size=40))
def test_any_name_becomes_a_sweep_s(name: str) -> None:
    """With characters that file systems and commands take."""
    assert sweep_name(name)
    assert set(sweep_name(name)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
