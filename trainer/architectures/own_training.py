"""What a user's model says of its training is refused by name: refold's own recipe would ignore it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainer.errors import UsageError

if TYPE_CHECKING:
    import keras

#: The methods of a Keras model that train and score it; refold calls none of them.
REPLACED = (
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
    "fit",
    "make_train_function",
)


def refuse_own_training(model: "keras.Model", spec: str, name: str) -> None:
    """Refuse a model that is compiled, or that trains or scores in a way of its own.

    Args:
        model: what the user's code has built.
        spec: the code, like ``"net.py:Net"``.
        name: what the sweep calls the architecture.

    Raises:
        UsageError: one line that says what would be ignored, and where the sweep file says the same.
    """
    for method in REPLACED:
        if (owner := _owner(model, method)) is not None:
            raise UsageError(
                f"{spec} builds a model with a {method} of its own (class {owner}), which refold would never "
                f"call: build a plain keras.Model, and say in the sweep file how to train "
                f"and score it: {', '.join(dict.fromkeys(_PLACES.values())).format(name=name)}"
            )
    if not model.compiled:
        return
    found = dict(_compiled_with(model))
    words = ", ".join(f"{what} {value}" for what, value in found.items()) or "settings of its own"
    places = dict.fromkeys(_PLACES[what].format(name=name) for what in found)
    raise UsageError(
        f"{spec} builds a model that is compiled with {words}, which refold would ignore: leave compile() "
        f"out, and say it in the sweep file: {', '.join(places)}"
    )


#: What there is to say of metrics.
METRIC = "cv.stop (the metric itself is macro-F1)"

#: Where a sweep file says what a model is compiled with.
_PLACES = {
    "optimizer": "architectures.{name}.optimizer, architectures.{name}.learning_rate",
    "loss": "architectures.{name}.loss",
    "loss_weights": "architectures.{name}.loss",
    "metrics": METRIC,
    "weighted_metrics": METRIC,
}


def _compiled_with(model: "keras.Model") -> Iterator[tuple[str, str]]:
    """Yield what a model is compiled with, and in which words of the user's."""
    settings = getattr(getattr(model, "_compile_config", None), "config", None) or {
        "optimizer": model.optimizer,
        "loss": model.loss,
    }
    for what in _PLACES:
        if (value := settings.get(what)) not in (None, [], {}):
            yield what, _words(value)


def _words(value: Any) -> str:
    """Return how a user might call a setting: by the text itself, or by the name of its function or class."""
    if isinstance(value, str | float | int):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_words, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_words(item)}" for key, item in value.items()) + "}"
    return getattr(value, "__name__", type(value).__name__)


def _owner(model: "keras.Model", method: str) -> str | None:
    """Return the class that has the user's own version of a method; None if Keras' version is called."""
    if method in vars(model):
        return type(model).__name__
    owner = next(kind for kind in type(model).__mro__ if method in vars(kind))
    return None if owner.__module__.partition(".")[0] == "keras" else owner.__name__
