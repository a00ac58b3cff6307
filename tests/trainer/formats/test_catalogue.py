"""The names of formats, and what they need."""

import pytest

from trainer.errors import UsageError
from trainer.formats import catalogue
from trainer.formats.catalogue import FORMATS, parse, require


def test_formats_are_named_once_and_in_order() -> None:
    """However they were given."""
    assert parse(["onnx,keras", "onnx"]) == ("keras", "onnx")
    assert parse(["all"]) == tuple(FORMATS) == ("keras", "savedmodel", "onnx", "litert", "mlflow")
    assert parse([" keras , litert "]) == ("keras", "litert")


@pytest.mark.parametrize("text", ["h5", "", "keras,,onnx", "pickle"])
def test_an_unknown_format_is_refused_with_those_there_are(text: str) -> None:
    """Or with the one that was probably meant."""
    with pytest.raises(UsageError, match="there is: all, keras, litert, mlflow, onnx, savedmodel"):
        parse([text])
    with pytest.raises(UsageError, match="unknown format 'onx': did you mean 'onnx'"):
        parse(["onx"])


def test_a_missing_extra_gives_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can be typed as it stands."""
    monkeypatch.setattr(
        catalogue, "find_spec", lambda module: None if module in ("tf2onnx", "onnx") else module
    )
    with pytest.raises(UsageError, match=r"onnx needs tf2onnx and onnx, .*: pip install 'refold\[onnx\]'"):
        require("onnx")
    for name in FORMATS:
        if name != "onnx":
            require(name)
