"""What ``rm`` removes is listed first, and nothing is removed where only the record says that it is ours."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import refold
from sweeps.cli.main import grammar
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import InlineWorkers, plan, prepared, starter
from tracking.ledger.ledger import Ledger
from trainer.errors import UsageError
from trainer.quantities import size


def record(home: Path, name: str, *, trials: int = 2) -> None:
    """Run a made-up sweep; sweeps of one home share their images, and fits of equal trials."""
    made = prepared(plan(trials=trials, architectures=1), name)
    with Ledger.open(home) as ledger:
        run_sweep(made, home, ledger, start_workers=starter(InlineWorkers(1)), workers=1, progress=Silent())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one sweep, beside a folder that nobody may remove."""
    record(tmp_path / "home", "made")
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "thesis.tex").write_text("years of work")
    return tmp_path / "home"


def name_dataset(home: Path, fingerprint: object) -> None:
    """Change the fingerprint in the record."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:
        ledger.execute(
            "UPDATE sweeps SET dataset = json_set(dataset, '$.fingerprint', json(?))",
            (json.dumps(fingerprint),),
        )


def remove(home: Path, *more: str) -> None:
    """Do what ``refold rm`` does, in this process."""
    options = grammar().parse(["rm", "made", "--home", str(home), "--keep-mlflow", *more])
    options.action(options)


def tree(folder: Path) -> set[str]:
    """Return all paths in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


FORGED: dict[str, Callable[[Path], object]] = {
    "parent": lambda _: "../../victim",
    "absolute": lambda home: str(home.parent / "victim"),
    "empty": lambda _: "",
    "here": lambda _: ".",
    "home": lambda _: "..",
    "capitals": lambda _: "F" * 64,
    "too short": lambda _: "f" * 63,
    "a line more": lambda _: "f" * 64 + "\n",
    "a number": lambda _: 64,
    "a list": lambda _: ["f" * 64],
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_fingerprint_that_is_none_is_refused_by_name(home: Path, forged: str) -> None:
    """In one line that names it and the sweep; nothing is deleted, neither there nor in the home."""
    fingerprint = FORGED[forged](home)
    name_dataset(home, fingerprint)
    before = tree(home.parent)
    with pytest.raises(UsageError, match="made") as caught:
        remove(home, "--yes")
    if isinstance(fingerprint, str):
        assert repr(fingerprint)[:40] in str(caught.value)
    else:  # no text is refused as the record is read
        assert "is damaged" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tree(home.parent) == before
    with Ledger.read(home) as ledger:
        assert ledger.sweep_names() == ["made"]


def test_the_python_interface_refuses_it_too(home: Path) -> None:
    """``refold.remove`` asks nobody, so it must look itself."""
    name_dataset(home, "../../victim")
    with pytest.raises(UsageError, match=r"\.\./\.\./victim"):
        refold.remove("made", home, mlflow=False)
    assert (home.parent / "victim" / "thesis.tex").exists()


@pytest.mark.parametrize("linked", ["datasets", "fingerprint"])
def test_images_behind_a_link_stay(home: Path, linked: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of the home may lead into another home: what is behind a link is listed as staying."""
    (stored,) = (home / "datasets").iterdir()
    elsewhere = home.parent / "elsewhere"
    if linked == "datasets":
        (home / "datasets").rename(elsewhere)
        (home / "datasets").symlink_to(elsewhere)
    else:
        stored.rename(elsewhere)
        stored.symlink_to(elsewhere)
    before = tree(elsewhere)
    remove(home, "--yes")
    assert f"the images in {stored} stay: a symbolic link leads there" in capsys.readouterr().err
    assert tree(elsewhere) == before


@pytest.mark.parametrize("more", [(), ("--yes",)])
def test_what_goes_is_listed_before_it_goes(
    home: Path, more: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep, its fits, its images with their size; with ``--yes`` as well, which only does not ask."""
    (stored,) = (home / "datasets").iterdir()
    bytes_there = size(sum(file.stat().st_size for file in stored.iterdir()))
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n", raising=False)
    if more:
        remove(home, *more)
    else:
        with pytest.raises(UsageError, match="nothing was removed"):
            remove(home)
    said = capsys.readouterr().err
    assert "removes the sweep made: 2 trials, 6 fits" in said
    assert f"and its images, {stored} ({bytes_there})" in said
    assert stored.exists() is not bool(more)


def test_what_other_sweeps_have_too_stays_and_is_not_listed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fits are shared by sweeps with equal trials, images by all of one dataset."""
    record(home, "longer", trials=3)
    remove(home, "--yes")
    said = capsys.readouterr().err
    assert "2 trials; its 6 fits stay, because other sweeps have them too" in said
    assert "images" not in said
    assert len(list((home / "datasets").iterdir())) == 1
    with Ledger.read(home) as ledger:
        assert [len(trial.folds) for trial in ledger.sweep("longer").trials][:2] == [3, 3]


def test_images_that_are_gone_are_not_listed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to remove then."""
    shutil.rmtree(home / "datasets")
    remove(home, "--yes")
    assert "images" not in capsys.readouterr().err
