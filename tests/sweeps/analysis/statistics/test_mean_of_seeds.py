"""The mean over seeds: against other software's interval, and by how often it covers."""

import numpy as np
import pytest
from scipy import stats

from sweeps.analysis.statistics.mean_of_seeds import mean_of_seeds


def test_it_is_the_t_interval_where_scores_hardly_spread() -> None:
    """The logit scale matters near 0 and 1 only."""
    scores = [0.5001, 0.4998, 0.5003, 0.5]
    mean, interval = mean_of_seeds(scores)
    expected = stats.ttest_1samp(scores, 0.5).confidence_interval(0.95)
    assert mean == pytest.approx(np.mean(scores))
    assert interval == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_it_covers_as_often_as_it_says() -> None:
    """Five scores each time, 2000 times: 95 % within four Monte Carlo errors of half a point."""
    rng = np.random.default_rng(1)
    within = 0
    for _ in range(2000):
        _, interval = mean_of_seeds((0.9 + 0.01 * rng.standard_normal(5)).tolist())
        assert interval is not None
        within += interval[0] <= 0.9 <= interval[1]
    assert 0.93 < within / 2000 < 0.97


def test_equal_scores_show_no_spread() -> None:
    """And a single one shows none either."""
    assert mean_of_seeds([0.7, 0.7, 0.7]) == (0.7, None)
    assert mean_of_seeds([1.0, 1.0]) == (1.0, None)
    with pytest.raises(ValueError, match="at least 2"):
        mean_of_seeds([0.7])
