"""The statistics against other people's programs, on random inputs."""

import warnings
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.metrics import f1_score

from sweeps.analysis.statistics import bbc, shares
from sweeps.analysis.statistics.correlated_bayes import probabilities
from sweeps.analysis.statistics.holm import holm
from sweeps.analysis.statistics.paired_t import estimate, overlap_of
from sweeps.analysis.statistics.spread import plausible_spreads, spread_of
from sweeps.analysis.statistics.unpaired_runs import average_power, runs_on_average
from sweeps.analysis.statistics.wins import pairs_for_sign

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import baycomp
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.power import TTestIndPower


@given(seed=st.integers(0, 10_000), folds=st.integers(2, 10), repeats=st.integers(1, 10))
@settings(max_examples=60)
def test_bayesian_correlated_t_is_baycomps(seed: int, folds: int, repeats: int) -> None:
    """Baycomp's two_on_single, for any number of folds and runs."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0.9, 0.02, (2, folds * repeats))
    rope = float(rng.choice([0.0, 0.005, 0.02]))
    expected = baycomp.two_on_single(one, other, rope, runs=repeats)
    found = probabilities(other - one, overlap=overlap_of(folds), rope=rope)
    if rope:
        assert (found.worse, found.equivalent, found.better) == pytest.approx(expected, abs=1e-12)
    else:
        assert (found.worse, found.better) == pytest.approx(expected, abs=1e-12)
        assert found.equivalent == pytest.approx(0, abs=1e-12)


@given(seed=st.integers(0, 10_000), runs=st.integers(2, 20))
@settings(max_examples=25)
def test_plain_paired_t_is_scipys(seed: int, runs: int) -> None:
    """Without a correction it is SciPy's paired t-test, interval included."""
    one, other = np.random.default_rng(seed).normal(0.8, 0.05, (2, runs))
    found, oracle = estimate(one - other, overlap=0), stats.ttest_rel(one, other)
    assert (found.t, found.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-9)
    interval = oracle.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=100)
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    """Statsmodels' multipletests, method "holm"."""
    with mock.patch(
        "gc.collect"
    ):  # it collects garbage each time, which takes seconds beside all other tests
        expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(expected), abs=1e-12)


@given(effect=st.floats(0.05, 4), power=st.floats(0.3, 0.99), alpha=st.sampled_from([0.05, 0.01, 0.05 / 15]))
@settings(max_examples=60)
@example(effect=0.0625, power=0.9375, alpha=0.05)  # 6,252 runs: beyond 10,000 degrees of freedom
def test_power_is_statsmodels(effect: float, power: float, alpha: float) -> None:
    """Statsmodels' TTestIndPower, and the number of runs is the fewest that reaches the power."""
    runs = runs_on_average(effect, 1.0, power=power, alpha=alpha)
    assert runs is not None
    oracle = TTestIndPower()
    reached, before = (oracle.power(effect, count, alpha) for count in (runs, max(2, runs - 1)))
    assume(np.isfinite([reached, before]).all())  # SciPy's distribution, which it uses, fails at some points
    assert average_power(effect, 1.0, runs, alpha=alpha) == pytest.approx(reached, abs=1e-6)
    assert reached >= power - 1e-6
    assert runs == 2 or before < power + 1e-6


@given(
    spread=st.floats(0.001, 0.05),
    freedom=st.integers(1, 9),
    runs=st.integers(2, 300),
    shared=st.sampled_from([0.0, 1e-6]),
)
@settings(max_examples=8, deadline=None)
def test_power_on_average_is_an_integral(spread: float, freedom: int, runs: int, shared: float) -> None:
    """SciPy's quadrature over the chi-squared distribution, where 400 plausible spreads are averaged."""
    reach = spread * np.sqrt(freedom / 2)
    known = spread_of([0.5 - reach, 0.5 + reach, *[0.5] * (freedom - 1)])

    def power(probability: float) -> float:
        variance = 2 * spread**2 * freedom / stats.chi2.ppf(probability, freedom) / runs
        free = (2 * runs - 2) * (1 + shared / variance) ** 2
        critical, shift = stats.t.isf(0.025, free), 0.01 / np.sqrt(variance + shared)
        if shift > critical + 30:
            return 1.0
        return float(stats.nct.sf(critical, free, shift) + stats.nct.sf(critical, free, -shift))

    expected = integrate.quad(power, 0, 1, limit=200)[0]
    found = average_power(0.01, plausible_spreads(known), runs, shared=shared)
    assert found == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(("share", "power"), [(0.75, 0.8), (0.25, 0.8), (0.9, 0.95)])
def test_pairs_of_the_sign_test_are_scipys(share: float, power: float) -> None:
    """The first number of pairs at which SciPy's exact binomial test finds the share often enough."""

    def reached(pairs: int) -> float:
        counts = np.arange(pairs + 1)
        found = [stats.binomtest(int(won), pairs).pvalue <= 0.05 for won in counts]
        return float(stats.binom.pmf(counts, pairs, share)[found].sum())

    expected = next(pairs for pairs in range(1, 200) if reached(pairs) >= power)
    assert pairs_for_sign(share, power=power) == expected


def bbc_by_the_book(true: np.ndarray, predicted: np.ndarray, seed: int, samples: int) -> np.ndarray:
    """Tsamardinos et al., algorithm 3, written down line by line with scikit-learn's F1."""
    generator = np.random.Generator(np.random.Philox(seed))
    found = []
    for _ in range(samples):
        rows = generator.integers(0, len(true), len(true))
        outside = np.setdiff1d(np.arange(len(true)), rows)
        inside = [f1_score(true[rows], column[rows], average="macro") for column in predicted.T]
        best = int(np.argmax(np.round(inside, 12)))
        found.append(f1_score(true[outside], predicted[outside, best], average="macro"))
    return np.array(found)


@pytest.mark.parametrize(("classes", "images", "trials"), [(2, 40, 3), (3, 30, 5), (10, 120, 4)])
def test_bias_correction_by_the_book(classes: int, images: int, trials: int) -> None:
    """The vectorised bootstrap is the algorithm as printed, sample by sample."""
    rng = np.random.default_rng(classes)
    true = np.arange(images) % classes
    wrong = rng.random((images, trials)) < 0.3
    predicted = np.where(wrong, rng.integers(0, classes, (images, trials)), true[:, None])
    scorer = bbc.macro_f1_scorer(true, predicted, classes)
    found = bbc.bootstrap_scores(scorer, images, seed=7, samples=120)
    assert found == pytest.approx(bbc_by_the_book(true, predicted, 7, 120), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_total_shares_are_scipys(seed: int) -> None:
    """SciPy's sobol_indices takes scores that were worked out before; its total share is Jansen's too."""
    rng = np.random.default_rng(seed)
    base, other = rng.normal(size=(2, 3, 32))

    def score(inputs: np.ndarray) -> np.ndarray:
        return inputs[0] + 2 * inputs[1] * inputs[2] + inputs[2]

    mixed = np.array([np.where(np.arange(3)[:, None] == i, other, base) for i in range(3)])
    changed = [score(inputs) for inputs in mixed]
    expected = stats.sobol_indices(
        func={
            "f_A": score(base)[None],
            "f_B": score(other)[None],
            "f_AB": np.array(changed)[:, None],
        },
        n=32,
    )
    lists = {name: values.tolist() for name, values in zip("abc", changed, strict=True)}
    found = shares.sobol_shares(score(base).tolist(), score(other).tolist(), lists, seed=1)
    ratio = np.var([*score(base), *score(other)], ddof=1) / np.var([*score(base), *score(other)])
    totals = [source.total.value * ratio for source in found.sources.values()]
    assert totals == pytest.approx(list(expected.total_order), rel=1e-9)
