"""The forms in which a model can be exported: their names, their files, and what they need. No TensorFlow."""

from dataclasses import dataclass
from importlib.util import find_spec

from trainer.errors import UsageError
from trainer.spelling import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One form of an exported model.

    Attributes:
        name: what ``--format`` calls it.
        title: what people call it.
        file: its file or folder in the model's folder; None where it is kept elsewhere.
        extra: refold's optional dependencies that it needs, or None.
        modules: the modules that come with the extra.
        holds_code: whether a layer can be written down in it that is not one of Keras' own. A graph of
            operations can; a Keras file only names the layer's class, whose code would have to travel too.
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

#: Stands for every format.
ALL = "all"


def parse(texts: list[str]) -> tuple[str, ...]:
    """Return the formats that a user names, each once, in the order of ``FORMATS``.

    >>> parse(["onnx,keras", "onnx"])
    ('keras', 'onnx')

    Raises:
        UsageError: for one that does not exist.
    """
    asked = {name.strip() for text in texts for name in text.split(",")}
    for name in sorted(asked - {ALL}):
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}: {nearest(name, [*FORMATS, ALL])}")
    return tuple(name for name in FORMATS if ALL in asked or name in asked)


def require(name: str) -> None:
    """Check that what the format needs is installed.

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
