"""A home from somebody else is looked at without running anything of it; its code runs when it is trusted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.cli.main import grammar
from tests.own_architecture import FILE, record
from trainer.errors import UsageError

#: Everything that answers without training.
LOOKING = {
    "ls": ("ls",),
    "ls --json": ("ls", "--json"),
    "show": ("show", "made"),
    "show --json": ("show", "made", "--json"),
    "show --trial": ("show", "made", "--trial", "mine/0"),
    "show --code": ("show", "made", "--code"),
    "show --code --json": ("show", "made", "--code", "--json"),
    "plan": ("plan", "made", "--on", "folds"),
    "study": ("study", "made", "--storage", "sqlite:///study.db"),
    "variance --dry-run": ("variance", "made", "--dry-run"),
    "sync": ("sync",),
    "rm": ("rm", "made"),
}


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with somebody's home; its architecture writes ``imported`` there as soon as it is imported."""
    folder = tmp_path_factory.mktemp("received")
    record(folder)
    (folder / FILE).unlink()
    return folder


def refold(folder: Path, *arguments: str) -> None:
    """Do in this process what the command line does; errors are raised."""
    options = grammar().parse([*arguments, "--home", str(folder / "home")])
    options.action(options)


@pytest.mark.usefixtures("quick_pictures")
@pytest.mark.parametrize("looking", LOOKING)
def test_looking_runs_no_recorded_code(
    looking: str,
    received: Path,
    empty_database: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither in this process nor in another: the file that it would write is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n", raising=False)
    shutil.copy(empty_database, received / "home" / "mlflow.db")
    try:
        refold(received, *LOOKING[looking])
        refused = False
    except UsageError:
        refused = True
    assert refused == (looking == "rm")  # the answer was no
    assert not (received / "imported").exists()
    assert capsys.readouterr().out or looking in ("rm", "sync")


def test_the_code_is_shown_as_it_would_run(received: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line of every file, with the digest that is trusted then; as JSON for programs."""
    refold(received, "show", "made", "--code")
    shown = capsys.readouterr().out
    refold(received, "show", "made", "--code", "--json")
    told = json.loads(capsys.readouterr().out)
    ((file, text),) = told["mine"]["files"]
    assert file == FILE
    assert text in shown
    assert f"# mine: {FILE}:Net, digest {told['mine']['digest']}" in shown


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code could hide lines from its reader: by erasing them, or by changing the direction of the text."""
    home = record(tmp_path, more="x = 1  # \x1b[2K\x1b[1A \u202e\u2066 \x9b1m [red]bold\r# overwritten\n")
    refold(home.parent, "show", "made", "--code")
    shown = capsys.readouterr().out
    assert not {"\x1b", "\u202e", "\u2066", "\x9b", "\r"} & set(shown)
    assert r"x = 1  # \x1b[2K\x1b[1A \u202e\u2066 \x9b1m [red]bold" in shown
    assert "# overwritten" in shown


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.parametrize("command", [("verify", "--trial", "mine/0"), ("export", "--trial", "mine/0")])
def test_trusted_code_really_runs_and_other_does_not(
    received: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """In real processes: refused, nothing has run; trusted, it has (the formula's scores do not come out)."""
    folder = tmp_path / "copy"
    shutil.copytree(received / "home", folder / "home")
    mark = received / "imported"
    verb, *more = command

    def run(*trusting: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "refold", verb, "made", *more, "--home", str(folder / "home"), *trusting],
            capture_output=True, text=True, check=False, timeout=600, cwd=tmp_path,
            env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")},
        )  # fmt: skip

    refused = run()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--trust-code" in refused.stderr
    assert not mark.exists()
    try:
        trusted = run("--trust-code")
        assert mark.exists(), trusted.stderr
    finally:
        mark.unlink(missing_ok=True)
