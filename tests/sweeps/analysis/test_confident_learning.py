"""Confident learning: the equations of Northcutt et al. by hand, and errors whose truth is known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sweeps.analysis.statistics.confident_learning import label_errors


def test_the_equations_by_hand() -> None:
    """Thresholds are mean self-confidences; an image counts for the best class whose threshold it reaches."""
    labels = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.1, 0.9], [0.2, 0.8], [0.55, 0.45]])
    found = label_errors(labels, probabilities)
    assert found.thresholds == pytest.approx([(0.9 + 0.7 + 0.1) / 3, (0.8 + 0.45) / 2])
    assert found.suggested.tolist() == [0, 0, 1, 1, 1]  # the last reaches neither 0.567 nor 0.625
    assert found.flagged.tolist() == [False, False, True, False, False]
    assert found.order[0] == 2
    assert found.margin[2] == pytest.approx(-0.8)


def test_flipped_labels_come_first() -> None:
    """3 % of labels flipped, probabilities of a good but not perfect model: nearly all are at the top."""
    rng = np.random.default_rng(1)
    true = rng.integers(0, 5, 4000)
    logits = rng.normal(0, 1, (4000, 5))
    logits[np.arange(4000), true] += 4
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given, flipped = true.copy(), rng.permutation(4000)[:120]
    given[flipped] = (true[flipped] + rng.integers(1, 5, 120)) % 5
    found = label_errors(given, probabilities)
    wrong = given != true
    assert wrong[found.order[:120]].mean() > 0.85
    assert roc_auc_score(wrong, -found.margin) > 0.99


def test_a_class_that_nobody_has_is_never_suggested() -> None:
    """It has no threshold; shapes that do not fit are refused."""
    found = label_errors(np.array([0, 0, 1]), np.array([[0.2, 0.1, 0.7], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1]]))
    assert 2 not in found.suggested
    with pytest.raises(ValueError, match="do not go with"):
        label_errors(np.array([0, 1]), np.zeros((3, 2)))
