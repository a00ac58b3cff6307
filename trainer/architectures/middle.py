"""The middle of a search space: hyperparameters for trying out an architecture before a search."""

import math

from trainer.hyperparameters import Choice, Fixed, Float, Hyperparameters, Integer, Range, Space, Value


def middle(space: Space) -> Hyperparameters:
    """Return the middle of each range: the geometric one on a logarithmic scale, the lower of two choices.

    >>> middle({"rate": Float(low=1e-4, high=1e-2, log=True), "blocks": Choice((2, 3)), "units": Fixed(64)})
    {'rate': 0.001, 'blocks': 2, 'units': 64}
    """
    return {name: _middle(values) for name, values in space.items()}


def _middle(values: Range) -> Value:
    match values:
        case Fixed(value=value):
            return value
        case Choice(values=choices):
            return choices[(len(choices) - 1) // 2]
        case Float(low=low, high=high, log=log):
            return math.sqrt(low * high) if log else (low + high) / 2
        case Integer(low=low, high=high, log=True):
            return round(math.sqrt(low * high))
        case Integer(low=low, high=high, step=step):
            return low + (high - low) // step // 2 * step
