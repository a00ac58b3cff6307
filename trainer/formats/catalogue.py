"""The formats of an exported model: names, files, required packages. Imports no TensorFlow."""

from dataclasses import dataclass
from importlib.util import find_spec

from trainer.errors import UsageError
from trainer.spelling import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of an exported model.

    Attributes:
        name: its name for ``--format``.
        title: its name in texts.
        file: its file or folder in the model's folder; None if it is kept elsewhere.
        extra: the extra of refold that it needs, as in ``refold[onnx]``, or None.
        modules: the modules that come with the extra.
        holds_code: whether it can hold layers that are not Keras' own. A graph of operations can. A Keras
            file cannot: it has only the name of the layer's class, not its code.
    """

    name: str
    title: str
    file: str | None
    extra: str | None = None
    modules: tuple[str, ...] = ()
    holds_code: bool = False


FORMATS = {
    form.name: form
    for form in (
        Format(name="keras", title="Keras", file="model.keras"),
        Format(name="savedmodel", title="TensorFlow SavedModel", file="saved_model", holds_code=True),
        Format(
            name="onnx",
            title="ONNX",
            file="model.onnx",
            extra="onnx",
            modules=("tf2onnx", "onnx", "onnxruntime"),
            holds_code=True,
        ),
        Format(
            name="litert",
            title="LiteRT (TensorFlow Lite)",
            file="model.tflite",
            extra="litert",
            modules=("ai_edge_litert",),
            holds_code=True,
        ),
        Format(name="mlflow", title="MLflow model", file=None),
    )
}

#: The name that means all formats.
ALL = "all"


def parse(texts: list[str]) -> tuple[str, ...]:
    """Return the formats that a user names, each once, in the order of ``FORMATS``.

    >>> parse(["onnx,keras", "onnx"])
    ('keras', 'onnx')

    Raises:
        UsageError: if a format does not exist.
    """
    asked = _asked(texts)
    for name in sorted(asked - {ALL}):
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}: {nearest(name, [*FORMATS, ALL])}")
    return tuple(name for name in FORMATS if ALL in asked or name in asked)


def unnamed(texts: list[str]) -> tuple[str, ...]:
    """Return the formats that a user asks for with ``all`` alone: they may be left out.

    >>> unnamed(["all,keras", "onnx"])
    ('savedmodel', 'litert', 'mlflow')
    """
    asked = _asked(texts)
    return tuple(name for name in FORMATS if ALL in asked and name not in asked)


def _asked(texts: list[str]) -> set[str]:
    return {name.strip() for text in texts for name in text.split(",")}


def require(name: str) -> None:
    """Check that the packages of a format are installed.

    Raises:
        UsageError: with the command that installs it.
    """
    form = FORMATS[name]
    missing = [module for module in form.modules if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"the format {name} needs {' and '.join(missing)}, which is not installed: "
            f"pip install 'refold[{form.extra}]'"
        )
