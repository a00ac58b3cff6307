"""The documentation is right about commands, their options, names of ``import refold`` and JSON keys."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import refold
from sweeps.analysis.trial_scores import trial_scores
from sweeps.cli.main import grammar
from sweeps.cli.record_json import predictions_json, sweep_json, trial_json
from tests.made_up_records import make_sweep

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

#: A command in a text (``refold show digits``), or in a block, alone or after a prompt or ``&&``.
COMMAND = re.compile(r"(?:`|^(?:\$ )?|&& )refold ([a-z]+)([^`\n#]*)", re.MULTILINE)
OPTION = re.compile(r"(?<!\S)--[a-z-]+")
#: A name of the package, but not a tag of MLflow's runs (``tags.refold.kind``, ``refold.key``).
NAME = re.compile(r"(?<![\w.`])refold\.([A-Za-z_]+)")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pages
def test_commands_and_their_options_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has a verb of the command line, and only options that its help names."""
    wrong = [
        f"{verb} {option}"
        for verb, rest in _commands(page.read_text(encoding="utf-8"))
        for option in [f"refold {verb}", *OPTION.findall(rest)]
        if option not in _help(verb, capsys)
    ]
    assert wrong == []


@pages
def test_names_of_the_package_exist(page: Path) -> None:
    """Each name after ``refold.`` in a block of Python is public."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    named = [name for block in blocks for name in NAME.findall(block)]
    assert [name for name in named if name not in refold.__all__] == []


def test_all_keys_of_the_json_are_described() -> None:
    """docs/architecture.md names every key that ``show --json`` and ``show --trial --json`` print."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("## What `refold show SWEEP --json` prints")[2].partition("\n## ")[0]
    described = set(re.findall(r'"(\w+)"', section))
    record = make_sweep()
    trial, classes = record.trials[0], record.dataset.classes
    predictions = predictions_json(trial, classes, trial_scores(trial, record.dataset, None))
    predictions["by_class"] = predictions["by_class"][classes[0]]
    printed = {*_keys(sweep_json(record)), *_keys(trial_json(trial)), *_keys(predictions), "tracking_uri"}
    assert {"running", "complete", "pruned", "failed"} <= set(re.findall(r"\w+", section))
    assert printed - described == set()


def test_the_checks_see_something(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands and names are found in the pages, and a wrong option or verb is noticed."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(list(_commands(text))) > 60
    assert len(NAME.findall(text)) > 5
    assert "--no-such-option" not in _help("show", capsys)
    assert _help("nothing", capsys) == ""


def _commands(text: str) -> Iterator[tuple[str, str]]:
    for found in COMMAND.finditer(text):
        yield found[1], found[2]


def _help(verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return a verb's help, which has the verb and its options; empty if there is no such verb."""
    with pytest.raises(SystemExit) as ended:
        grammar().parse([verb, "--help"])
    printed = capsys.readouterr().out
    return printed if ended.value.code == 0 else ""


def _keys(value: object, above: str = "") -> Iterator[str]:
    """Yield the keys of a JSON value at any depth; hyperparameters' are names that a sweep chooses."""
    if isinstance(value, Mapping) and above != "hyperparameters":
        for key, inner in value.items():
            yield key
            yield from _keys(inner, key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _keys(inner, above)
