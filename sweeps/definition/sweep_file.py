"""Reads a sweep file: from TOML to a ``SweepSpec``, or to one line that says what is wrong with it."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweeps.definition import checks
from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.checks import checked, shown
from sweeps.definition.spec import Compare, CrossValidation, Limits, Prune, Search, SweepSpec
from trainer.architectures.user import RESERVED
from trainer.bounded_text import toml_from
from trainer.canonical import recorded
from trainer.datasets import DatasetSource
from trainer.errors import UsageError
from trainer.limits import SWEEP_FILE
from trainer.space_json import KEYS as RANGE
from trainer.space_json import space_to_json
from trainer.spelling import nearest

#: Each table of plain values: the class that it becomes, and the keys that it may have.
TABLES: Mapping[str, tuple[Callable[..., Any], Collection[str]]] = {
    "cv": (CrossValidation, checks.CV),
    "search": (Search, checks.SEARCH),
    "prune": (Prune, checks.PRUNE),
    "limits": (Limits, checks.LIMITS),
    "compare": (Compare, checks.COMPARE),
}


def read_sweep_file(path: Path) -> tuple[SweepSpec, str]:
    """Return the sweep that the file describes, and the file's text.

    Raises:
        UsageError: if there is no such file, it is not TOML, or something in it is unknown, impossible or
            beyond a limit.
    """
    text = _text(path)
    try:
        return parse_sweep(toml_from(text), folder=path.parent), text
    except (UsageError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(SWEEP_FILE.most + 1)
        text = content.decode("utf-8")
    except FileNotFoundError:
        hint = "the smallest sweep file has one line: name = 'digits'"
        raise UsageError(f"{path}: no such file; {hint}") from None
    except (OSError, ValueError) as error:  # a ValueError: not UTF-8, or a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read ({reason})") from error
    if len(content) > SWEEP_FILE.most:
        raise UsageError(f"{path}: more than {SWEEP_FILE.said} bytes: that is no sweep file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_sweep(data: Mapping[str, Any], *, folder: Path = Path()) -> SweepSpec:
    """Return the sweep that ``data`` (a parsed sweep file) describes.

    Raises:
        UsageError: if a key or value is wrong; the message names the key, what is wrong and the nearest right
            spelling.
    """
    values = _keys("", data, (*checks.SWEEP, "dataset", *TABLES, "training", "mlflow", "architectures"))
    if "name" not in values:
        raise UsageError('name is missing: every sweep has one, like name = "digits"')
    for table, (type_, known) in TABLES.items():
        if table in values:
            values[table] = type_(**_keys(table, values[table], known))
    if "dataset" in values:
        values["dataset"] = _dataset(values["dataset"])
    if "mlflow" in values:
        values |= _keys("mlflow", values.pop("mlflow"), checks.MLFLOW)
    if not isinstance(values.get("training", {}), Mapping):
        raise UsageError(f"training = {shown(values['training'])}: must be a table: write [training]")
    if "architectures" in values:
        named = values["architectures"]
        if not isinstance(named, Mapping):
            raise UsageError(f"architectures = {shown(named)}: must be a table")
        values["architectures"] = [_architecture(name, table) for name, table in named.items()]
    return SweepSpec(**values, folder=folder)


def sweep_text(spec: SweepSpec) -> str:
    """Return the text of a sweep file for ``spec``; it is recorded for a sweep that was built in Python."""
    source = spec.source.to_json()
    tables: dict[str, Mapping[str, Any]] = {
        "dataset": source,
        "cv": recorded(spec.cv),
        "search": asdict(spec.search),
        "prune": asdict(spec.prune),
        "limits": asdict(spec.limits),
        "compare": asdict(spec.compare),
        "mlflow": {"experiment": spec.experiment},
    }
    if spec.training:
        tables["training"] = space_to_json(spec.training)
    top = {"name": spec.name, "seed": spec.seed, "trials": spec.trials, "device": spec.device}
    lines = [f"{key} = {_toml(value)}" for key, value in top.items()]
    for name, table in tables.items():
        lines += _table(f"[{name}]", table)
    for choice in spec.architectures:
        named = f"architectures.{choice.name}"
        own = {
            "source": choice.written,
            "files": list(choice.files) or None,
            "own_seeds": choice.own_seeds,
        }
        lines += _table(f"[{named}]", own | space_to_json(choice.ranges))
        for start in choice.start:
            lines += _table(f"[[{named}.start]]", start)
    return "\n".join(lines) + "\n"


def _table(head: str, table: Mapping[str, Any]) -> list[str]:
    return ["", head, *(f"{key} = {_toml(value)}" for key, value in table.items() if value is not None)]


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    # TOML writes texts, numbers, truth values and arrays as JSON does, except for surrogate pairs and DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _keys(table: str, data: Any, known: Collection[str]) -> dict[str, Any]:
    """Return a table whose keys are all known.

    Raises:
        UsageError: if a key is unknown; the message names it and the nearest right spelling.
    """
    if not isinstance(data, Mapping):
        raise UsageError(f"{table} = {shown(data)}: must be a table")
    prefix = f"{table}." if table else ""
    for key in data:
        if key not in known:
            raise UsageError(f"unknown key {prefix}{key}: {nearest(key, known)}")
    return dict(data)


def _dataset(value: Any) -> str | DatasetSource:
    if not isinstance(value, Mapping):
        return str(checked("dataset", value, checks.text))
    values = _keys("dataset", value, checks.DATASET)
    if "source" not in values:
        raise UsageError(
            'dataset.source is missing: a built-in name like "digits", a folder, a table or an .npz file'
        )
    return DatasetSource(**values)


def _architecture(name: str, table: Any) -> ArchitectureChoice:
    prefix = f"architectures.{name}"
    if not isinstance(table, Mapping):
        raise UsageError(f"{prefix} must be a table: write [{prefix}]")
    ranges = {key: value for key, value in table.items() if key not in RESERVED}
    start = ranges.pop("start") if _are_starts(prefix, table.get("start")) else ()
    return ArchitectureChoice(
        name=name,
        source=table.get("source"),
        ranges=ranges,
        files=table.get("files", ()),
        start=start,
        own_seeds=table.get("own_seeds"),
    )


def _are_starts(prefix: str, written: Any) -> bool:
    """Return whether the key ``start`` has starting points; a range or value is of a hyperparameter.

    Raises:
        UsageError: if it is one table with hyperparameters in place of a list of such.
    """
    if isinstance(written, Mapping) and not any(key in RANGE for key in written):
        raise UsageError(
            f"{prefix}.start must be a list of tables: write [[{prefix}.start]], with two brackets"
        )
    return isinstance(written, list | tuple)
