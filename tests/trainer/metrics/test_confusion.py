"""Metrics: exact, and the same as scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import f1_score, precision_recall_fscore_support

from trainer.metrics.confusion import accuracy, class_scores, confusion_matrix, macro_f1, pooled

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
