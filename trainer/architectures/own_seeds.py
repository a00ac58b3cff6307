"""Finds initial weights that the fit's seed does not decide: they would be the same in all folds.

Such weights were drawn with a seed of the user's own, or are constants, or come from a file.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.architectures.user import KEEP
from trainer.errors import UsageError
from trainer.quantities import counted

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Built:
    """A model that was built under a seed, and the states of the generators that its code may have set."""

    model: "keras.Model"
    generators: tuple[Any, Any]

    @classmethod
    def now(cls, model: "keras.Model") -> "Built":
        """Describe a model that was built, and called, just now."""
        state: Any = np.random.get_state(legacy=False)
        return cls(model, (random.getstate(), (state["state"]["key"].tobytes(), state["state"]["pos"])))

    def sets_seeds(self, other: "Built") -> bool:
        """Whether the code has set a global seed: after other seeds the generators would differ."""
        return any(mine == theirs for mine, theirs in zip(self.generators, other.generators, strict=True))


@dataclass(frozen=True, slots=True)
class Fixed:
    """A layer with initial weights that the fit's seed does not decide.

    Attributes:
        layer: the layer, in words.
        seeded: which of its initialisers has a seed of its own, in words; empty if none is known to.
    """

    layer: str
    seeded: str = ""


def fixed_layers(one: "keras.Model", other: "keras.Model") -> list[Fixed]:
    """Return the layers with weights that are the same in two models built under different seeds.

    Weights that are all equal (a bias of zeros) and Keras' own constants (``Identity``) do not count. Of a
    layer that is not known to have a seed only weights count that are trained: others are constants.
    """
    found = []
    for layer, twin in zip(_layers(one), _layers(other), strict=False):
        pairs = zip(_own_weights(layer), _own_weights(twin), strict=False)
        weights = [mine for mine, theirs in pairs if _same(mine, theirs)]
        if not weights:
            continue
        words = f"{layer.name!r} ({type(layer).__name__})"
        seeded = next(iter(_seeds(layer, twin)), "")
        if seeded or any(weight.trainable and not _is_constant(layer, weight) for weight in weights):
            found.append(Fixed(words, seeded))
    return found


def judge_own_seeds(
    builds: Sequence[Built], spec: str, name: str, *, keep: bool, files: Sequence[str]
) -> list[str]:
    """Refuse a network whose code decides initial weights with seeds of its own, unless that is meant.

    Args:
        builds: the network, built under two different seeds.
        spec: the code, like ``"net.py:Net"``.
        name: what the sweep calls the architecture.
        keep: whether the sweep file says that own seeds are meant.
        files: the files that the code is declared to read; weights may come from them.

    Returns:
        What is worth knowing: which layers begin with the same weights in all fits, in a sentence.

    Raises:
        UsageError: one line that names the first such layer.
    """
    one, other = builds
    fixed = fixed_layers(one.model, other.model)
    if not fixed:
        return []
    first = next((each for each in fixed if each.seeded), fixed[0])
    sets = not first.seeded and one.sets_seeds(other)
    if keep:
        return [f'{name}: {_begin(first, fixed)} in all fits, whatever their seeds (own_seeds = "{KEEP}")']
    if files and not first.seeded and not sets:
        come = f"they seem to come from its files ({', '.join(files)})"
        return [f"{name}: {_begin(first, fixed)} in all fits: {come}"]
    raise UsageError(_refusal(first, fixed, spec, name, sets=sets))


def _begin(first: Fixed, fixed: Sequence[Fixed]) -> str:
    if len(fixed) == 1:
        return f"the layer {first.layer} begins with the same weights"
    others = counted(len(fixed) - 1, "other layer")
    return f"the layer {first.layer} and {others} begin with the same weights"


def _refusal(first: Fixed, fixed: Sequence[Fixed], spec: str, name: str, *, sets: bool) -> str:
    instead = "leave that out"
    if first.seeded:
        what = f"the layer {first.layer} has {first.seeded}"
    elif sets:
        what = f"its code sets a seed for all random numbers: {_begin(first, fixed)} under any other"
    else:
        what = f"{_begin(first, fixed)} under any seed"
        instead = "draw them without a seed, declare the file that they come from (files)"
    return (
        f'{spec}: {what}, so all folds would begin alike: {instead}, or write own_seeds = "{KEEP}" in '
        f"[architectures.{name}] to mean it"
    )


def _layers(model: "keras.Model") -> list["keras.layers.Layer"]:
    return list(model._flatten_layers())


def _own_weights(layer: "keras.layers.Layer") -> list["keras.Variable"]:
    """Return the weights of a layer without those of the layers in it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _same(one: "keras.Variable", other: "keras.Variable") -> bool:
    """Whether two weights are equal, and not the same number in all places."""
    mine, theirs = np.asarray(one), np.asarray(other)
    if mine.shape != theirs.shape or mine.size < 2 or mine.dtype.kind not in "fiuV":
        return False
    return mine.tobytes() == theirs.tobytes() and bool((mine != mine.flat[0]).any())


def _initialisers(layer: "keras.layers.Layer") -> dict[str, Any]:
    import keras

    kinds = keras.initializers.Initializer
    return {name: value for name, value in vars(layer).items() if isinstance(value, kinds)}


def _seeds(layer: "keras.layers.Layer", twin: "keras.layers.Layer") -> Iterator[str]:
    """Yield which initialisers of a layer have a seed that no build changes."""
    again = _initialisers(twin)
    for name, value in _initialisers(layer).items():
        if getattr(value, "_init_seed", None) is not None:
            yield f"a seed of its own ({name})"
        elif value is again.get(name) and hasattr(value, "_init_seed"):
            yield f"an initialiser that is made once, outside of build ({name})"


def _is_constant(layer: "keras.layers.Layer", weight: "keras.Variable") -> bool:
    """Whether an initialiser of Keras' own that draws nothing has made a weight."""
    made_by = _initialisers(layer).get(f"{weight.name}_initializer")
    if made_by is None or hasattr(made_by, "_init_seed"):
        return False
    return type(made_by).__module__.partition(".")[0] == "keras"
