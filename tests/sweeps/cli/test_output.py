"""What is said reaches standard error, whatever happened to an earlier print."""

import io

import pytest
from rich.console import Console

from sweeps.cli import output
from sweeps.execution.events import Interrupted
from sweeps.execution.progress import PlainProgress


def test_a_line_after_a_print_that_was_cut_off_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that says how to go on comes after Ctrl-C, wherever in a print that came."""
    file = io.StringIO()
    console = Console(file=file)
    console._enter_buffer()  # what Rich is left with when the signal comes before its print's second step
    console.print("is kept back")
    assert not file.getvalue()
    monkeypatch.setattr(output, "err", console)
    output.say("interrupted; run the same command again to go on")
    PlainProgress(console).handle(Interrupted(under_way=2))
    assert "run the same command again" in file.getvalue()
    assert "2 fits" in file.getvalue()
