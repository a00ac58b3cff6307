"""What a mistyped command gets: one line with what was probably meant, and exit code 2."""

import pytest

from sweeps.cli.main import grammar


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a command line is refused with."""
    with pytest.raises(SystemExit) as caught:
        grammar().parse(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("rnu digits.toml", "refold: there is no command 'rnu': did you mean 'run'?"),
        ("exprot digits", "refold: there is no command 'exprot': did you mean 'export'?"),
        ("frobnicate", "refold: there is no command 'frobnicate' ('refold --help' shows the usage)"),
        ("run x.toml --wrokers=2", "refold run: unknown option '--wrokers=2': did you mean '--workers'?"),
        ("show digits --jsno", "refold show: unknown option '--jsno': did you mean '--json'?"),
        ("show a b", "refold show: unknown argument 'b' ('refold show --help' shows the usage)"),
        (
            "ls --frobnicate",
            "refold ls: unknown option '--frobnicate' ('refold ls --help' shows the usage)",
        ),
    ],
)
def test_the_nearest_is_named_and_nothing_else(
    capsys: pytest.CaptureFixture[str], arguments: str, line: str
) -> None:
    """Not seventeen commands; where nothing is near, where to look."""
    assert refused(capsys, *arguments.split()) == line
