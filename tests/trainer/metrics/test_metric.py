"""What a sweep asks of its metric: which value is better, what pruning may rely on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.fits.pruning import shortfall
from trainer.fits.specs import Rung, Thresholds
from trainer.fits.stopping import missed_rung
from trainer.metrics import of_counts
from trainer.metrics.metric import MACRO_F1, Metric


def error_rate(counts: np.ndarray) -> np.ndarray:
    """The share of wrong predictions: a metric of which less is better."""
    return 1.0 - of_counts.accuracy(counts)


#: Not a metric of refold's: it shows that nothing relies on more being better.
ERROR = replace(MACRO_F1, name="error", key="error", direction="minimize", of_counts=error_rate)

BOTH = st.sampled_from([MACRO_F1, ERROR])
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@pytest.mark.parametrize("key", ["", "F1", "f1:cat", "f1/cat", "1st", "a" * 40, "f 1"])
def test_a_key_is_safe_in_mlflow_and_in_file_names(key: str) -> None:
    """What one of them would refuse or change is no key."""
    with pytest.raises(ValueError, match="metric key"):
        replace(MACRO_F1, key=key)


@given(BOTH, SCORES)
def test_the_best_is_better_than_all_others(metric: Metric, scores: list[float]) -> None:
    """In either direction; perfect and worst are the ends, and nothing is better than itself."""
    best = metric.best(scores)
    assert metric.best_first(scores)[0] == best
    assert not any(metric.better(score, best) for score in scores)
    assert not any(metric.better(score, metric.perfect) for score in scores)
    assert not any(metric.better(metric.worst, score) for score in scores)
    assert metric.oriented(None) == metric.oriented(metric.worst)


@given(BOTH, st.floats(0, 1), st.floats(0, 2))
def test_an_improved_value_is_never_better_than_perfect(metric: Metric, value: float, by: float) -> None:
    """It is not worse than before, and by 1 or more it is perfect."""
    improved = metric.improved(value, by=by)
    assert metric.low <= improved <= metric.high
    assert not metric.better(value, improved)
    assert by < 1 or improved == metric.perfect


def test_less_is_better_prunes_the_other_way_round() -> None:
    """A trial ends when it cannot come down to the incumbent, and a rung is missed from above."""
    asked = Thresholds(
        rungs=(Rung(epoch=2, f1=0.3),), ceilings=(0.1, 0.1, 0.1), incumbent_mean=0.25, incumbent_f1=0.25
    )
    counts = ((4, 1), (0, 5))
    assert shortfall(asked, [0.5], [counts], 3, ERROR) is None  # (0.5 + 0.1 + 0.1) / 3 is below 0.25
    assert "0.2667 at best" in str(shortfall(asked, [0.6], [counts], 3, ERROR))
    assert missed_rung(asked, 2, 0.31, ERROR) == asked.rungs[0]
    assert missed_rung(asked, 2, 0.3, ERROR) is None


@given(st.lists(st.lists(st.integers(0, 8), min_size=4, max_size=4), min_size=1, max_size=3))
def test_no_folds_come_out_better_than_what_was_reachable(cells: list[list[int]]) -> None:
    """Folds of equal class sizes: however the rest is predicted, the bound holds, whatever the direction."""
    folds = [((10 - a, a), (b, 10 - b)) for a, b, _, _ in cells]
    rest = [((10 - c, c), (d, 10 - d)) for _, _, c, d in cells]
    for metric in (MACRO_F1, ERROR):
        reachable = metric.reachable(folds, len(folds) + len(rest))
        assert not metric.better(metric.over_folds([], [*folds, *rest]), reachable, by=1e-12)
