"""How much of the differences between trials one hyperparameter explains alone, and how much chance would.

Trials are few, and the search prefers good regions, so no model of all hyperparameters is fitted. Scores and
numbers are replaced by their ranks: otherwise one collapsed trial would dominate the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracking.records import TrialRecord
from trainer.hyperparameters import Value

#: The fewest complete trials for which an importance is computed.
FEWEST_TRIALS = 6
#: A number with at most this many values counts as a choice, like a batch size.
CHOICES = 4
_SHUFFLES = 400
_CHANCE = 0.95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """The importance of one hyperparameter.

    Attributes:
        name: the hyperparameter's.
        share: adjusted R² (Ezekiel 1930), at most 1; 0 on average if the hyperparameter has no effect.
        chance: the share below which 95 of 100 random shufflings of the scores stay (a permutation test's
            threshold).
    """

    name: str
    share: float
    chance: float


def importances(trials: Sequence[TrialRecord]) -> tuple[Importance, ...]:
    """Return the importance of each hyperparameter that varied, the largest share first.

    For a number a parabola through its ranks is fitted, so that a best value in the middle counts. For a
    choice the means of its groups are fitted.

    What only some trials have, because it does nothing in the others, is left out.

    Args:
        trials: of one architecture; those without a score are left out.
    """
    scored = [trial for trial in trials if trial.score is not None]
    if len(scored) < FEWEST_TRIALS:
        return ()
    ranks = _ranks([trial.score or 0.0 for trial in scored])
    if np.ptp(ranks) == 0:
        return ()
    shuffler = np.random.default_rng(0)
    shuffled = np.stack([ranks, *(shuffler.permutation(ranks) for _ in range(_SHUFFLES))])
    found = []
    everywhere = set.intersection(*(set(trial.hyperparameters) for trial in scored))
    for name in sorted(everywhere):
        basis = _basis([trial.hyperparameters[name] for trial in scored])
        if basis is not None:
            shares = _adjusted(basis, shuffled)
            chance = float(np.quantile(shares[1:], _CHANCE))
            found.append(Importance(name=name, share=float(shares[0]), chance=chance))
    return tuple(sorted(found, key=lambda each: -each.share))


def _basis(values: Sequence[Value]) -> Floats | None:
    """Return an orthonormal basis ``[n, p]`` of a hyperparameter's model; None if it cannot be fitted."""
    distinct = sorted(set(values), key=str)
    if len(distinct) < 2:
        return None
    if len(distinct) <= CHOICES or any(isinstance(value, str | bool) for value in values):
        columns = [np.array([value == one for value in values], dtype=float) for one in distinct[1:]]
    else:
        ranks = _ranks([float(value) for value in values])
        columns = [ranks, ranks**2]
    design = np.column_stack([column - column.mean() for column in columns])
    if len(values) <= design.shape[1] + 1:
        return None
    basis: Floats = np.linalg.qr(design)[0]
    return basis


def _adjusted(basis: Floats, scores: Floats) -> Floats:
    """Return adjusted R² of each row of ``scores`` ``[k, n]``."""
    count, size = basis.shape
    centred = scores - scores.mean(axis=1, keepdims=True)
    explained = ((centred @ basis) ** 2).sum(axis=1) / (centred**2).sum(axis=1)
    adjusted: Floats = 1 - (1 - explained) * (count - 1) / (count - size - 1)
    return adjusted


def _ranks(numbers: Sequence[float]) -> Floats:
    """Return ranks from 0; equal numbers get the mean of their ranks."""
    values = np.asarray(numbers, dtype=float)
    ordered = np.sort(values)
    ranks: Floats = (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right") - 1) / 2
    return ranks
