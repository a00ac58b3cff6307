"""Reads ``model.json`` of any origin: what is wrong with it is one line."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sweeps.export.about import FormatReport, InMlflow, ModelAbout, Scores
from trainer.errors import UsageError, one_line
from trainer.escaping import for_terminal
from trainer.formats.catalogue import FORMATS
from trainer.json_shape import check, shown
from trainer.limits import CLASSES, IMAGE_SIDE, MODEL
from trainer.quantities import size

ABOUT = "model.json"


def read(folder: Path) -> ModelAbout:
    """Return the content of a model's ``model.json``; every part that refold reads has been checked.

    Raises:
        UsageError: if the file is missing, is no ordinary file in the folder, or says what no export writes.
    """
    file = folder / ABOUT
    try:
        data = json.loads(
            _text(file, folder), object_pairs_hook=_object, parse_constant=_no_number, parse_float=float
        )
        check(ModelAbout, {**data, "formats": {}} if isinstance(data, dict) else data, "")
        _check_formats(data.get("formats"))
        about = ModelAbout.from_json(data)
        for wrong in _contradictions(about):
            raise ValueError(wrong)
    except RecursionError:
        raise UsageError(f"{file} is no description of a model: it is nested too deeply") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{file} is no description of a model: {_reason(error)}") from error
    return about


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "it is not JSON"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return for_terminal(error if type(error) is ValueError else one_line(error))


def _text(file: Path, folder: Path) -> str:
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        raise ValueError("it is a link to a file outside of the model's folder")
    if file.exists() and not file.is_file():
        raise ValueError("it is no ordinary file")
    if (bytes_ := file.stat().st_size) > MODEL.most:
        raise ValueError(f"it has {size(bytes_)}, and at most {size(MODEL.most)} are read")
    return file.read_text(encoding="utf-8")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; a name that it has twice would mean one thing here and another elsewhere."""
    data = dict(pairs)
    if len(data) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"it has {shown(twice)!r} twice")
    return data


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number in JSON")


def _check_formats(data: Any) -> None:
    """Check the reports of the formats, which are flat in JSON."""
    if not isinstance(data, dict) or not data:
        raise ValueError("formats is no object with the model's formats")
    for name, report in data.items():
        where = f"formats.{shown(name)}"
        if name not in FORMATS:
            raise ValueError(f"{where} is no format of refold: it knows {', '.join(FORMATS)}")
        check(dict, report, where)
        check(FormatReport, {**report, "proof": {}, "mlflow": None} | {"proof": report}, where)
        if "uri" in report:
            check(InMlflow, report, where)


def _contradictions(about: ModelAbout) -> Iterator[str]:
    """Yield what the parts of a description say against each other, or against what an export writes."""
    yield from _wrong_classes(about)
    yield from _wrong_images(about)
    for name, report in about.formats.items():
        if report.file != FORMATS[name].file:
            yield f"formats.{name}.file is not {json.dumps(FORMATS[name].file)}, as in every export"


def _wrong_classes(about: ModelAbout) -> Iterator[str]:
    count = len(about.classes)
    if count > CLASSES.most:
        yield f"classes are {count}, and at most {CLASSES.said} are accepted"
    if count < 2 or len(set(about.classes)) < count or "" in about.classes:
        yield "classes are not at least two different names"
    for part in Scores.__dataclass_fields__:
        score = getattr(about.scores, part)
        if score and (len(score.confusion) != count or any(len(row) != count for row in score.confusion)):
            yield f"scores.{part}.confusion is no table of {count} x {count} counts for the {count} classes"


def _wrong_images(about: ModelAbout) -> Iterator[str]:
    height, width, channels = about.input_shape
    if not all(1 <= side <= IMAGE_SIDE.most for side in about.input_shape):
        yield f"input_shape is not three numbers from 1 to {IMAGE_SIDE.said}"
    if not about.pixel_max > 0:
        yield "pixel_max is not above 0"
    if about.image_size is not None and about.image_size != (height, width):
        yield "image_size is not the height and width of input_shape"
    if about.colour is not None and {"grey": 1, "rgb": 3}.get(about.colour) != channels:
        yield f"colour is neither null nor the colour of {channels} channels"
