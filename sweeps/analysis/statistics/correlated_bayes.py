"""The Bayesian correlated t-test: the probabilities that one is worse, equivalent or better.

Sources: Corani & Benavoli, "A Bayesian approach for comparing cross-validated algorithms on multiple data
sets", Machine Learning 100 (2015); Benavoli, Corani, Demsar & Zaffalon, "Time for a Change: a Tutorial for
Comparing Multiple Classifiers Through Bayesian Analysis", JMLR 18(77), 2017. With a flat prior the posterior
of the true mean difference is Student's t with J - 1 degrees of freedom, centred at the mean difference,
with variance (1/J + rho / (1 - rho)) s^2; for K folds rho = 1/K, so rho / (1 - rho) = 1 / (K - 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from sweeps.analysis.statistics.paired_t import estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities:
    """The probabilities of three exclusive statements about a true difference; they add up to 1."""

    worse: float
    equivalent: float
    better: float


def probabilities(differences: Sequence[float], *, overlap: float, rope: float) -> Probabilities:
    """Return the probabilities that the true difference lies below, in and above [-rope, rope].

    Without spread all probability is at the mean difference. The edges belong to the region.

    Args:
        differences: at least 2 paired differences; positive if the first is better.
        overlap: n_test / n_train, at least 0.
        rope: half the width of the region of practical equivalence, at least 0.

    Raises:
        ValueError: if there are fewer than 2 differences or ``rope`` is negative.
    """
    if rope < 0:
        raise ValueError(f"a region of practical equivalence of {rope} does not exist: it is at least 0")
    found = estimate(differences, overlap=overlap)
    if found.standard_error == 0:
        return _certain(found.mean, rope)
    posterior = stats.t(found.freedom, loc=found.mean, scale=found.standard_error)
    worse, better = float(posterior.cdf(-rope)), float(posterior.sf(rope))
    return Probabilities(worse=worse, equivalent=max(0.0, 1.0 - worse - better), better=better)


def _certain(mean: float, rope: float) -> Probabilities:
    if rope == 0 and mean == 0:
        return Probabilities(worse=0.5, equivalent=0.0, better=0.5)
    return Probabilities(
        worse=float(mean < -rope), equivalent=float(abs(mean) <= rope), better=float(mean > rope)
    )
