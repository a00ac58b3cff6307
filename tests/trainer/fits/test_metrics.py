"""Metrics: exact, and the same as scikit-learn's."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import f1_score, get_scorer, precision_recall_fscore_support

from trainer.fits.metrics import (
    MACRO_F1,
    METRICS,
    Metric,
    accuracy,
    class_scores,
    confusion_matrix,
    macro_f1,
    metric_called,
    pooled,
)
from trainer.fits.pruning import shortfall
from trainer.fits.specs import Rung, Stopping, Thresholds
from trainer.fits.stopping import missed_rung

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=80)


@given(PAIRS)
def test_scores_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """Counts are equal; precision, recall, F1, macro-F1 and accuracy agree to float64 precision."""
    true, predicted = zip(*pairs, strict=True)
    ours = confusion_matrix(true, predicted, classes=5)
    labels = list(range(5))
    assert np.array_equal(ours, sklearn_confusion(true, predicted, labels=labels))
    expected = precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    scores = class_scores(ours)
    for index, name in enumerate(("precision", "recall", "f1", "support")):
        assert [getattr(score, name) for score in scores] == pytest.approx(expected[index])
    macro = f1_score(true, predicted, average="macro", zero_division=0)
    assert macro_f1(ours) == pytest.approx(macro)
    assert accuracy(ours) == pytest.approx(np.mean(np.equal(true, predicted)))


@given(PAIRS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_pooling_equals_counting_all_at_once(pairs: list[tuple[int, int]], rng: Any, parts: int) -> None:
    """Confusion matrices form a monoid: any split, in any order, adds up to the same bits."""
    whole = confusion_matrix(*zip(*pairs, strict=True), classes=5)
    shuffled = rng.sample(pairs, len(pairs))
    chunks = [shuffled[start::parts] for start in range(parts)]
    matrices = [confusion_matrix([t for t, _ in c], [p for _, p in c], classes=5) for c in chunks]
    assert pooled(matrices) == whole
    assert macro_f1(pooled(matrices)) == macro_f1(whole)


def test_a_perfect_prediction_scores_one() -> None:
    """Everything on the diagonal is 1, whatever the class sizes."""
    assert macro_f1(((7, 0), (0, 1))) == 1.0


def test_a_class_that_is_neither_true_nor_predicted_does_not_count() -> None:
    """A fold or a stop set may lack a class; one that is only predicted, or only true, scores 0."""
    assert macro_f1(((3, 0, 0), (0, 3, 0), (0, 0, 0))) == 1.0
    assert macro_f1(((3, 0, 0), (0, 3, 0), (1, 0, 0))) == pytest.approx((6 / 7 + 1 + 0) / 3)
    assert macro_f1(((0, 0), (0, 0))) == 0.0


@pytest.mark.parametrize(("true", "predicted"), [([0, 1], [0]), ([0, 2], [0, 1]), ([0], [-1])])
def test_impossible_classes_are_refused(true: list[int], predicted: list[int]) -> None:
    """Lengths must agree and classes must exist."""
    with pytest.raises(ValueError, match="classes"):
        confusion_matrix(true, predicted, classes=2)


def test_an_empty_matrix_has_no_accuracy() -> None:
    """Nothing counted is 0, not a division error."""
    assert accuracy(confusion_matrix([], [], classes=2)) == 0.0


def error_rate(confusion: tuple[tuple[int, ...], ...]) -> float:
    """The share of wrong predictions: a metric of which less is better."""
    return 1.0 - accuracy(confusion)


#: Not a metric of refold's: it shows that nothing relies on more being better.
ERROR = replace(MACRO_F1, name="error", key="error", direction="minimize", of=error_rate)

BOTH = st.sampled_from([MACRO_F1, ERROR])
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def test_macro_f1_is_what_records_call_f1() -> None:
    """The stopping rule's default names it; another name is refused with those there are."""
    assert metric_called(Stopping().metric) is MACRO_F1
    assert METRICS == {"f1": MACRO_F1}
    with pytest.raises(ValueError, match="there is no metric 'f2'; the metrics are: f1"):
        metric_called("f2")


class Said(ClassifierMixin, BaseEstimator):
    """Stands in for a classifier: it predicts what it is given."""

    def fit(self, _images: np.ndarray, labels: np.ndarray) -> "Said":
        """Learn which classes there are."""
        self.classes_ = np.unique(labels)
        return self

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the given predictions."""
        return images


@given(st.integers(2, 5), PAIRS)
def test_each_metric_is_scikit_learns_of_that_name(classes: int, pairs: list[tuple[int, int]]) -> None:
    """Where every class occurs, its scorer gives the same for the same predictions."""
    some = [(t % classes, p % classes) for t, p in pairs] + [(label, label) for label in range(classes)]
    true, predicted = (np.array(column) for column in zip(*some, strict=True))
    for metric in METRICS.values():
        expected = get_scorer(metric.name)(Said().fit(predicted, true), predicted, true)
        ours = metric.of(confusion_matrix(true, predicted, classes=classes))
        assert ours == pytest.approx(expected, abs=1e-12)


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
        assert not metric.better(metric.pooled([*folds, *rest]), reachable, by=1e-12)
