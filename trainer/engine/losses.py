"""What is minimised: cross-entropy, smoothed or focal, weighted by class. Scoring always uses the plain one.

What a trial leaves alone is not traced: such a trial computes what it did before these parts existed.
"""

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.hyperparameters import Hyperparameters
from trainer.recipe.class_weights import class_weights
from trainer.recipe.table import CLASS_WEIGHTS, EFFECTIVE_BETA, FOCAL_GAMMA, LABEL_SMOOTHING, LOSS

#: The least probability that a logarithm is taken of, as in Keras.
LEAST = keras.config.epsilon()


def traced_parts(hyperparameters: Hyperparameters) -> tuple[str, ...]:
    """Return the parts of the loss that are compiled into a trial's trace; their values are not."""
    found = (
        LOSS.of(hyperparameters),
        "smoothed" if LABEL_SMOOTHING.of(hyperparameters) > 0 else "",
        "weighted" if CLASS_WEIGHTS.of(hyperparameters) != "none" else "",
    )
    return tuple(part for part in found if part not in ("", "cross-entropy"))


class Loss:
    """The loss of each image of a batch; its values are variables of the trace.

    Args:
        hyperparameters: say which parts there are.
        classes: names of the classes.
    """

    def __init__(self, hyperparameters: Hyperparameters, classes: Sequence[str]) -> None:
        self._parts = traced_parts(hyperparameters)
        self._classes = tuple(classes)
        self._gamma = tf.Variable(0.0, dtype=tf.float32)
        self._smoothing = tf.Variable(0.0, dtype=tf.float32)
        self._weights = tf.Variable(tf.ones(len(classes)), dtype=tf.float32)

    def reset(self, hyperparameters: Hyperparameters, counts: npt.NDArray[np.integer]) -> None:
        """Take the values of a fit.

        Args:
            hyperparameters: of the fit; with the same parts.
            counts: ``[classes]`` number of its training images of each class.
        """
        self._gamma.assign(FOCAL_GAMMA.of(hyperparameters))
        self._smoothing.assign(LABEL_SMOOTHING.of(hyperparameters))
        rule, beta = CLASS_WEIGHTS.of(hyperparameters), EFFECTIVE_BETA.of(hyperparameters)
        self._weights.assign(class_weights(rule, counts, self._classes, beta=beta))

    def __call__(self, true: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        """Return the losses ``[n]``, in nats, of true classes ``[n]`` and probabilities ``[n, classes]``."""
        losses = self._unweighted(true, probabilities)
        return losses * tf.gather(self._weights, true) if "weighted" in self._parts else losses

    def _unweighted(self, true: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        if "focal" in self._parts:
            # Lin et al. (ICCV 2017), eq. 4: -(1 - p) ** gamma * log(p) of the true class.
            chosen = tf.gather(probabilities, true, axis=1, batch_dims=1)
            chosen = tf.clip_by_value(chosen, LEAST, 1.0 - LEAST)
            return -tf.pow(1.0 - chosen, self._gamma) * tf.math.log(chosen)
        if "smoothed" in self._parts:
            # Szegedy et al. (CVPR 2016), section 7: a share of the target is spread over all classes.
            hard = tf.one_hot(true, len(self._classes))
            target = hard * (1.0 - self._smoothing) + self._smoothing / len(self._classes)
            return keras.losses.categorical_crossentropy(target, probabilities)
        return keras.losses.sparse_categorical_crossentropy(true, probabilities)
