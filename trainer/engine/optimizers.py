"""The optimisers, with one fused TensorFlow kernel for each variable.

Keras' own optimisers do the same arithmetic with a dozen elementary ops for each variable. On small images
those ops take longer than the network's. With fused kernels, tracing and first run take half the time, and a
wide dense layer trains an eighth faster (docs/performance.md). The tests compare each with Keras' own.
"""

from collections.abc import Sequence
from typing import Protocol

import keras
import tensorflow as tf

#: Keras' constant against division by zero.
EPSILON = 1e-7


class Optimizer(Protocol):
    """Changes weights by their gradients. Its state is in variables, so that it can be reset."""

    def reset(self) -> None:
        """Set the state back to that before the first step."""
        ...

    def apply(self, gradients: Sequence[tf.Tensor | None], learning_rate: tf.Tensor) -> None:
        """Take one step; a variable without a gradient stays as it is."""
        ...


class _Slots:
    """The state variables (slots) of an optimiser: as many for each weight as it needs."""

    def __init__(self, weights: Sequence[keras.Variable], count: int) -> None:
        self.weights = [weight.value for weight in weights]
        self.slots = [[tf.Variable(tf.zeros_like(weight)) for weight in self.weights] for _ in range(count)]

    def reset(self) -> None:
        """See ``Optimizer``."""
        for slot in (slot for slots in self.slots for slot in slots):
            slot.assign(tf.zeros_like(slot))


class Adam(_Slots):
    """Adam: Kingma & Ba (ICLR 2015), algorithm 1 in the form at the end of its section 2."""

    BETAS = (0.9, 0.999)

    def __init__(self, weights: Sequence[keras.Variable]) -> None:
        super().__init__(weights, 2)
        self._steps = tf.Variable(0.0, dtype=tf.float32)

    def reset(self) -> None:
        """See ``Optimizer``."""
        super().reset()
        self._steps.assign(0.0)

    def apply(self, gradients: Sequence[tf.Tensor | None], learning_rate: tf.Tensor) -> None:
        """See ``Optimizer``."""
        first, second = self.BETAS
        steps = self._steps.assign_add(1.0)
        powers = tf.pow(first, steps), tf.pow(second, steps)
        for weight, mean, square, gradient in zip(self.weights, *self.slots, gradients, strict=True):
            if gradient is not None:
                tf.raw_ops.ResourceApplyAdam(
                    var=weight.handle, m=mean.handle, v=square.handle,
                    beta1_power=powers[0], beta2_power=powers[1], lr=learning_rate,
                    beta1=first, beta2=second, epsilon=EPSILON, grad=tf.convert_to_tensor(gradient),
                )  # fmt: skip


class NesterovMomentum(_Slots):
    """Stochastic gradient descent with Nesterov's momentum 0.9: Sutskever et al. (ICML 2013), eq. 3 and 4."""

    MOMENTUM = 0.9

    def __init__(self, weights: Sequence[keras.Variable]) -> None:
        super().__init__(weights, 1)

    def apply(self, gradients: Sequence[tf.Tensor | None], learning_rate: tf.Tensor) -> None:
        """See ``Optimizer``."""
        for weight, momentum, gradient in zip(self.weights, *self.slots, gradients, strict=True):
            if gradient is not None:
                tf.raw_ops.ResourceApplyKerasMomentum(
                    var=weight.handle, accum=momentum.handle, lr=learning_rate,
                    grad=tf.convert_to_tensor(gradient), momentum=self.MOMENTUM, use_nesterov=True,
                )  # fmt: skip


class RMSProp(_Slots):
    """RMSProp with decay 0.9: Tieleman & Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012)."""

    RHO = 0.9

    def __init__(self, weights: Sequence[keras.Variable]) -> None:
        super().__init__(weights, 2)

    def apply(self, gradients: Sequence[tf.Tensor | None], learning_rate: tf.Tensor) -> None:
        """See ``Optimizer``."""
        for weight, square, unused, gradient in zip(self.weights, *self.slots, gradients, strict=True):
            if gradient is not None:
                tf.raw_ops.ResourceApplyRMSProp(
                    var=weight.handle, ms=square.handle, mom=unused.handle, lr=learning_rate,
                    rho=self.RHO, momentum=0.0, epsilon=EPSILON, grad=tf.convert_to_tensor(gradient),
                )  # fmt: skip


class Nadam(_Slots):
    """Adam with Nesterov's momentum: Dozat (ICLR workshop 2016), with the momentum schedule of Keras' Nadam.

    TensorFlow has no fused kernel for it.
    """

    BETAS, DECAY = (0.9, 0.999), 0.96

    def __init__(self, weights: Sequence[keras.Variable]) -> None:
        super().__init__(weights, 2)
        self._steps = tf.Variable(0.0, dtype=tf.float32)
        self._product = tf.Variable(1.0, dtype=tf.float32)

    def reset(self) -> None:
        """See ``Optimizer``."""
        super().reset()
        self._steps.assign(0.0)
        self._product.assign(1.0)

    def apply(self, gradients: Sequence[tf.Tensor | None], learning_rate: tf.Tensor) -> None:
        """See ``Optimizer``."""
        first, second = self.BETAS
        steps = self._steps.assign_add(1.0)
        now = first * (1.0 - 0.5 * tf.pow(self.DECAY, steps))
        following = first * (1.0 - 0.5 * tf.pow(self.DECAY, steps + 1.0))
        product = self._product.assign(self._product * now)
        for weight, mean, square, gradient in zip(self.weights, *self.slots, gradients, strict=True):
            if gradient is None:
                continue
            slope = tf.convert_to_tensor(gradient)
            mean.assign(mean + (slope - mean) * (1.0 - first))
            square.assign(square + (tf.square(slope) - square) * (1.0 - second))
            ahead = following * mean / (1.0 - product * following) + (1.0 - now) * slope / (1.0 - product)
            spread = square / (1.0 - tf.pow(second, steps))
            weight.assign_sub(ahead * learning_rate / (tf.sqrt(spread) + EPSILON))


OPTIMIZERS: dict[str, type[Adam] | type[NesterovMomentum] | type[RMSProp] | type[Nadam]] = {
    "adam": Adam,
    "sgd": NesterovMomentum,
    "rmsprop": RMSProp,
    "adamw": Adam,
    "nadam": Nadam,
}

#: Optimisers whose weight decay takes all variables, as Keras' AdamW does (Loshchilov & Hutter 2019, alg. 2).
#: The others spare biases and the scales and offsets of batch normalisation.
DECAY_EVERYTHING = frozenset({"adamw"})
