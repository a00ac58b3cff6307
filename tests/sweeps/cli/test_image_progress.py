"""How far reading is: nothing of quick work, and a line now and then of slow work."""

import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from sweeps.cli import image_progress
from sweeps.cli.image_progress import IN_FILE, ON_TERMINAL, ImageProgress
from tests.command import here
from trainer.datasets import decoding


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that are printed."""
    lines: list[str] = []
    monkeypatch.setattr(image_progress, "say", lines.append)
    return lines


@pytest.mark.parametrize(("terminal", "every"), [(True, ON_TERMINAL), (False, IN_FILE)])
def test_lines_come_now_and_then(said: list[str], *, terminal: bool, every: float) -> None:
    """More often on a terminal than in a log; the last image needs no line."""
    now = [0.0]
    shown = ImageProgress(Console(file=io.StringIO(), force_terminal=terminal), lambda: now[0])
    for step in range(1, 101):
        now[0] = step * every / 10
        shown.reading(step * 50, 5000)
    assert len(said) == 9
    assert said[0] == "reading 5,000 images: 10 %"


def test_quick_or_quiet_work_says_nothing(said: list[str]) -> None:
    """A folder that is read in half a second, and a run that is told to be quiet."""
    now = [0.0]
    for quiet, seconds in ((False, 0.5), (True, 60.0)):
        shown = ImageProgress(Console(force_terminal=True), lambda: now[0], quiet=quiet)
        now[0] += seconds
        shown("comparing", 10, 20)
    assert said == []


@pytest.mark.parametrize("command", [("run", "pets.toml", "--dry-run"), ("inspect", "pets", "--exact")])
def test_commands_say_how_far_they_are(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of images is given the progress."""
    monkeypatch.setattr(image_progress, "IN_FILE", 0.0)
    monkeypatch.setattr(decoding, "_EVERY", 0.0)
    for number in range(40):
        path = tmp_path / "pets" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(path)
    (tmp_path / "pets.toml").write_text("name = 'pets'\ntrials = 1\ndataset = 'pets'\n")
    done = here(*command, cwd=tmp_path)
    assert "reading 40 images: 2 %\n" in done.stderr, done.stderr
    assert "reading 40 images: 97 %\n" in done.stderr
    assert "reading" not in done.stdout
