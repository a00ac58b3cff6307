"""The hyperparameters' part: the exact F interval in a full table, and what holds where rows end early."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks import variance_simulations as simulations
from benchmarks.variance_simulations import World
from sweeps.analysis.statistics.variance_ratio import RowComponent, row_component
from sweeps.definition.spec import Prune

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from statsmodels.regression.mixed_linear_model import MixedLM

SIZES = {"seed": st.integers(0, 10_000), "rows": st.integers(3, 15), "columns": st.integers(2, 8)}


def table(seed: int, rows: int, columns: int, spread: float = 0.02) -> np.ndarray:
    """Return scores of rows that differ with this spread, with a noise of 0.01."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, spread, (rows, 1)) + rng.normal(0, 0.05, (1, columns))
    scores: np.ndarray = 0.8 + effects + rng.normal(0, 0.01, (rows, columns))
    return scores


def cut(scores: np.ndarray, seed: int) -> list[list[float]]:
    """Return rows of which each has its first few columns only; the first two are whole."""
    ends = np.random.default_rng(seed).integers(1, scores.shape[1] + 1, len(scores))
    ends[:2] = scores.shape[1]
    return [row[:end].tolist() for row, end in zip(scores, ends, strict=True)]


def close(one: RowComponent, other: RowComponent, *, factor: float = 1.0) -> None:
    """Compare two estimates; the second one's unit is ``factor`` times the first one's."""
    for name in ("value", "low", "high"):
        assert getattr(other.share, name) == pytest.approx(getattr(one.share, name), rel=1e-6, abs=1e-9)
        expected = factor * getattr(one.deviation, name)
        assert getattr(other.deviation, name) == pytest.approx(expected, rel=1e-6, abs=1e-9 * factor)
    assert other.noise == pytest.approx(factor * one.noise, rel=1e-6)


@given(**SIZES, spread=st.sampled_from([0.0, 0.005, 0.02]))
@settings(max_examples=80, deadline=None)
def test_a_full_table_has_the_exact_interval(seed: int, rows: int, columns: int, spread: float) -> None:
    """Searle, Casella & McCulloch, section 3.6, with SciPy's quantiles and the mean squares of the layout."""
    scores = table(seed, rows, columns, spread)
    found = row_component(scores.tolist())
    freedom = rows - 1, (rows - 1) * (columns - 1)
    left = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    error = (left**2).sum() / freedom[1]
    quotient = columns * scores.mean(axis=1).var(ddof=1) / error
    for name, divisor in {
        "value": 1.0,
        "low": stats.f.isf(0.025, *freedom),
        "high": stats.f.ppf(0.025, *freedom),
    }.items():
        ratio = max(0.0, (quotient / divisor - 1) / columns)
        assert getattr(found.share, name) == pytest.approx(ratio / (1 + ratio), rel=1e-6, abs=1e-9)
    sum_of_squares = freedom[0] * quotient * error
    for name, f_quantile, chi_quantile in (
        ("low", stats.f.isf(0.025, *freedom), stats.chi2.isf(0.025, freedom[0])),
        ("high", stats.f.ppf(0.025, *freedom), stats.chi2.ppf(0.025, freedom[0])),
    ):
        limit = max(0.0, sum_of_squares * (1 - f_quantile / quotient) / (columns * chi_quantile))
        assert getattr(found.deviation, name) == pytest.approx(limit**0.5, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_the_estimate_is_that_of_statsmodels(seed: int) -> None:
    """REML of a mixed model with fixed folds and random trials, some of which end early."""
    rows = cut(table(seed, 12, 5), seed)
    found = row_component(rows)
    scores = np.concatenate([np.array(row) for row in rows])
    folds = np.concatenate([np.eye(5)[: len(row)] for row in rows])
    trials = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = MixedLM(100 * scores, folds, groups=trials).fit(reml=True)
    expected = float(fitted.cov_re[0, 0]), float(fitted.scale)
    assert (100 * found.deviation.value) ** 2 == pytest.approx(expected[0], rel=1e-2)
    assert (100 * found.noise) ** 2 == pytest.approx(expected[1], rel=1e-2)


@given(**SIZES, factor=st.sampled_from([0.01, 3.0, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_units_folds_and_the_order_of_trials_do_not_matter(
    seed: int, rows: int, columns: int, factor: float
) -> None:
    """How hard each fold is, the unit and the order change nothing but the unit of the spread."""
    cuts = cut(table(seed, rows, columns), seed)
    assume(sum(map(len, cuts)) > rows + columns)
    found = row_component(cuts)
    assert 0 <= found.share.low <= found.share.value <= found.share.high <= 1
    assert found.deviation.low <= found.deviation.high
    shift = np.random.default_rng(seed + 1).normal(0, 0.1, columns)
    moved = [(factor * (np.array(row) + shift[: len(row)])).tolist() for row in cuts]
    close(found, row_component(moved[::-1]), factor=factor)


def test_a_row_with_one_score_adds_to_the_spread_of_rows_only() -> None:
    """A far trial with one fold widens the spread; the noise is told by the others alone."""
    rows = table(3, 6, 5).tolist()
    near, far = row_component([*rows, [0.8]]), row_component([*rows, [0.5]])
    assert far.deviation.value > 1.5 * near.deviation.value
    assert far.noise == pytest.approx(near.noise, rel=0.2)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[0.9, 0.8], [0.8, 0.9]], "2 rows of scores: at least 3 rows"),
        ([[0.9, 0.8], [0.8, 0.9], []], "3 rows of scores: at least 3 rows of 1 score"),
        ([[0.9, 0.8], [0.8], [0.7]], "4 scores of 3 rows: too few"),
        ([[0.9], [0.8], [0.7]], "3 scores of 3 rows: too few"),
        ([[0.9, 0.9]] * 3, "without noise"),
        ([[0.9, 0.8], [0.7, 0.6], [0.5, 0.4]], "without noise"),
    ],
)
def test_what_has_no_answer_is_refused(rows: list[list[float]], said: str) -> None:
    """A sentence, never a NaN or a division by zero."""
    with pytest.raises(ValueError, match=said):
        row_component(rows)


def test_pruned_trials_count() -> None:
    """Ten trials that are pruned after some folds: most sweeps have an answer, and it is not too small."""
    every = simulations.simulated(World(effects="skewed"), Prune(keep=1.0), 10, 100, seed=1)
    complete = simulations.simulated(
        World(effects="skewed"), Prune(keep=1.0), 10, 100, seed=1, complete_only=True
    )
    assert every.answered > 0.9
    assert complete.answered < 0.8
    assert every.deviation > 0.014
    assert complete.deviation < 0.012


@pytest.mark.campaign
@pytest.mark.parametrize("name", ["0.8, normal", "0.2, normal"])
@pytest.mark.parametrize("rule", simulations.RULES)
@pytest.mark.parametrize("trials", simulations.TRIALS)
def test_intervals_cover(name: str, rule: str, trials: int) -> None:
    """Nearly 95 % of the share's and of the spread's intervals, with pruned trials as without."""
    found = simulations.simulated(
        simulations.WORLDS[name], simulations.RULES[rule], trials, 1000, seed=trials
    )
    assert 0.93 <= found.covers <= 0.99
    assert 0.93 <= found.covers_deviation <= 0.995
    assert found.answered > 0.8


@pytest.mark.campaign
def test_the_bootstrap_did_not_cover() -> None:
    """What refold had before holds the true spread of five trials in two of three experiments."""
    assert simulations.bootstrapped(World(), 5, 500, seed=5) < 0.75
