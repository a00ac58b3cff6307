"""Shares and means of simulated experiments, with their Monte Carlo errors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Share:
    """A share in [0, 1] of so many experiments; as text in percent, with its standard error."""

    value: float
    experiments: int

    @property
    def error(self) -> float:
        """The Monte Carlo standard error; too large, if anything, for a mean of several an experiment."""
        return math.sqrt(max(self.value * (1 - self.value), 0) / self.experiments)

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % ± {100 * self.error:.1f}"


def points(differences: Sequence[float]) -> str:
    """Return the mean of differences of scores in points, with its Monte Carlo standard error."""
    values = 100 * np.asarray(differences)
    return f"{values.mean():+.2f} ± {values.std(ddof=1) / math.sqrt(len(values)):.2f}"
