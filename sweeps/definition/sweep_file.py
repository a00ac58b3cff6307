"""Reads a sweep file: TOML in, a ``SweepSpec`` out, or one line that says what is wrong with it."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweeps.definition.spec import ArchitectureChoice, CrossValidation, Limits, Prune, Search, SweepSpec
from trainer.architectures import BUILT_IN
from trainer.datasets import DatasetSource
from trainer.errors import UsageError
from trainer.hyperparameters import Range
from trainer.space_json import range_from_json, space_to_json
from trainer.spelling import nearest

#: What a timer can wait for, with much to spare.
MOST_MINUTES = 43_200

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

#: ``check(value) -> value``; raises ValueError with what was expected.
Check = Callable[[Any], Any]


def read_sweep_file(path: Path) -> tuple[SweepSpec, str]:
    """Return the sweep that the file describes, and the file's text.

    Raises:
        UsageError: if there is no such file, it is not TOML, or something in it is unknown or impossible.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; 'examples/digits.toml' is one to start from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    try:
        return parse_sweep(tomllib.loads(text), folder=path.parent), text
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def parse_sweep(data: Mapping[str, Any], *, folder: Path = Path()) -> SweepSpec:
    """Return the sweep that ``data`` (a parsed sweep file) describes.

    Raises:
        UsageError: naming the key, what is wrong with it and the nearest right spelling.
    """
    values = _read("", data, TOP)
    if "name" not in values:
        raise UsageError('name is missing: every sweep has one, like name = "digits"')
    for table, type_, keys in (
        ("cv", CrossValidation, CV),
        ("search", Search, SEARCH),
        ("prune", Prune, PRUNE),
        ("limits", Limits, LIMITS),
    ):
        if table in values:
            values[table] = type_(**_read(f"{table}.", values[table], keys))
    _check_rungs(values.get("prune", Prune()), values.get("cv", CrossValidation()))
    if "dataset" in values:
        values["dataset"] = _dataset(values["dataset"])
    if "mlflow" in values:
        values |= _read("mlflow.", values.pop("mlflow"), {"experiment": _text})
    if "architectures" in values:
        values["architectures"] = tuple(
            _architecture(name, table) for name, table in values["architectures"].items()
        )
        if not values["architectures"]:
            raise UsageError("architectures is empty: leave it out for all six, or name at least one")
    return SweepSpec(**values, folder=folder)


def sweep_text(spec: SweepSpec) -> str:
    """Return the sweep file that describes ``spec``: what is recorded of a sweep built in Python."""
    source = {"source": spec.dataset.source, "samples": spec.dataset.samples, "colour": spec.dataset.colour}
    size = spec.dataset.image_size
    tables: dict[str, Mapping[str, Any]] = {
        "dataset": source | {"image_size": list(size) if size else None},
        "cv": asdict(spec.cv),
        "search": asdict(spec.search),
        "prune": asdict(spec.prune),
        "limits": asdict(spec.limits),
        "mlflow": {"experiment": spec.experiment},
    }
    for choice in spec.architectures:
        tables[f"architectures.{choice.name}"] = {"source": choice.source} | space_to_json(choice.ranges)
    top = {"name": spec.name, "seed": spec.seed, "trials": spec.trials, "device": spec.device}
    lines = [f"{key} = {_toml(value)}" for key, value in top.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in table.items() if value is not None]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    # A TOML text, number, truth value or array is written as in JSON, but for surrogate pairs and DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(prefix: str, data: Any, checks: Mapping[str, Check]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise UsageError(f"{prefix.rstrip('.')} must be a table, not {data!r}")
    values = {}
    for key, value in data.items():
        if key not in checks:
            raise UsageError(f"unknown key {prefix}{key}: {nearest(key, checks)}")
        try:
            values[key] = checks[key](value)
        except ValueError as error:
            raise UsageError(f"{prefix}{key} = {_show(value)}: {error}") from None
    return values


def _show(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if value is True else str(value)


def _dataset(value: Any) -> DatasetSource:
    if isinstance(value, str):
        return DatasetSource(source=value)
    values = _read("dataset.", value, DATASET)
    if "source" not in values:
        raise UsageError(
            'dataset.source is missing: a built-in name like "digits", a folder, or an .npz file'
        )
    return DatasetSource(**values)


def _check_rungs(prune: Prune, cv: CrossValidation) -> None:
    late = [rung for rung in prune.rungs or () if rung >= cv.epochs]
    if late:
        raise UsageError(
            f"prune.rungs: {late[0]} must lie below cv.epochs = {cv.epochs}: after the last epoch there is "
            "nothing left to spare"
        )


def _architecture(name: str, table: Any) -> ArchitectureChoice:
    prefix = f"architectures.{name}"
    if not isinstance(table, Mapping):
        raise UsageError(f"{prefix} must be a table: write [{prefix}]")
    source = table.get("source")
    if source is None and name not in BUILT_IN:
        hint = nearest(name, BUILT_IN)
        raise UsageError(f'unknown architecture {name!r}: {hint} Your own needs source = "file.py:Name"')
    if source is not None and not re.fullmatch(r".+\.py:[A-Za-z_]\w*", str(source)):
        raise UsageError(f'{prefix}.source = {_show(source)}: must look like "file.py:Name"')
    ranges = {key: _range(f"{prefix}.{key}", value) for key, value in table.items() if key != "source"}
    return ArchitectureChoice(name=name, source=source, ranges=ranges)


def _range(key: str, value: Any) -> Range:
    try:
        return range_from_json(value)
    except ValueError as error:
        raise UsageError(f"{key} = {_show(value)}: {error}") from None


def _whole(low: int, high: int | None = None) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        if value < low or (high is not None and value > high):
            raise ValueError(f"must be at least {low}" if high is None else f"must lie in {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("must be a number")
        if not low <= value <= high:
            raise ValueError(f"must lie in {low:g} to {high:g}")
        return float(value)

    return check


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if not 0 < value <= 1:
        raise ValueError("must lie above 0 and be at most 1")
    return float(value)


def _rungs(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list of epochs like [3, 9]")
    epochs = [_whole(1)(epoch) for epoch in value]
    if epochs != sorted(set(epochs)):
        raise ValueError("must be in ascending order, each epoch once")
    return tuple(epochs)


def _minutes(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_MINUTES:
        raise ValueError(f"must be a number of minutes above 0, and at most {MOST_MINUTES} (30 days)")
    return float(value)


def _device(value: Any) -> str:
    if value not in ("cpu", "gpu"):
        raise ValueError("must be 'cpu' or 'gpu'")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text in quotes")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, '-', '_' or '.', beginning with a letter or digit")
    return value


def _table(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("must be a table")
    return value


def _text_or_table(value: Any) -> Any:
    return value if isinstance(value, Mapping) else _text(value)


def _image_size(value: Any) -> tuple[int, int]:
    whole = _whole(8, 4096)
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("must be [height, width] in pixels, like [64, 64]")
    height, width = value
    return whole(height), whole(width)


def _colour(value: Any) -> str:
    if value not in ("grey", "rgb"):
        raise ValueError("must be 'grey' or 'rgb'")
    return str(value)


TOP: Mapping[str, Check] = {
    "name": _name,
    "seed": _whole(0, 2**31 - 1),
    "dataset": _text_or_table,
    "trials": _whole(1),
    "device": _device,
    "cv": _table,
    "search": _table,
    "prune": _table,
    "limits": _table,
    "mlflow": _table,
    "architectures": _table,
}
CV: Mapping[str, Check] = {
    "folds": _whole(2),
    "epochs": _whole(1),
    "patience": _whole(1),
    "min_delta": _number(0.0, 0.999),
    "stop_share": _number(0.01, 0.5),
}
PRUNE: Mapping[str, Check] = {
    "enabled": _truth,
    "margin": _number(0.0, 1.0),
    "rungs": _rungs,
    "keep": _share,
    "startup": _whole(1),
}
LIMITS: Mapping[str, Check] = {"fit_minutes": _minutes}
SEARCH: Mapping[str, Check] = {"startup": _whole(1), "window": _whole(1)}
DATASET: Mapping[str, Check] = {
    "source": _text,
    "samples": _whole(4),
    "image_size": _image_size,
    "colour": _colour,
}
