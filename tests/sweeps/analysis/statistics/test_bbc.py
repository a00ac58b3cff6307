"""Bias-corrected cross-validation: exact, repeatable, and only as pessimistic as it has to be."""

import numpy as np
import pytest

from sweeps.analysis.statistics.bbc import corrected, macro_f1_scorer
from trainer.metrics.confusion import confusion_matrix, macro_f1


def guesses(trials: int, images: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and the predictions of trials that are all right in 60 % of cases, by chance alone."""
    rng = np.random.default_rng(3)
    true = np.arange(images) % 2
    right = rng.random((images, trials)) < 0.6
    return true, np.where(right, true[:, None], 1 - true[:, None])


def test_scores_are_the_trials_own() -> None:
    """With all weights 1 the scorer gives the macro-F1 that the ledger has."""
    true, predicted = guesses(4)
    scores = macro_f1_scorer(true, predicted, 2)(np.ones((1, len(true))))[0]
    own = [macro_f1(confusion_matrix(true, column, classes=2)) for column in predicted.T]
    assert list(scores) == pytest.approx(own, abs=1e-15)


def test_the_more_trials_the_more_luck() -> None:
    """The best of many coins looks good; what it owes to luck is taken away again."""
    few, many = (corrected(*guesses(trials), classes=2, seed=1, samples=200) for trials in (2, 200))
    assert many.uncorrected > 0.66
    assert many.luck > few.luck
    assert many.score == pytest.approx(0.6, abs=0.03)
    assert many.low < many.score < many.high


def test_one_trial_leaves_nothing_to_choose() -> None:
    """A single trial was not chosen: its score is corrected by no more than the bootstrap's noise."""
    found = corrected(*guesses(1), classes=2, seed=1)
    assert found.luck == pytest.approx(0, abs=0.01)


def test_the_seed_decides_every_bit() -> None:
    """Counts are whole numbers: the same seed gives the same bits."""
    one, again, other = (corrected(*guesses(5), classes=2, seed=seed, samples=100) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_class_that_a_sample_leaves_out_does_not_count() -> None:
    """Perfect predictions score 1 in every sample, however rare a class is."""
    true = np.array([0] * 20 + [1] * 2)
    found = corrected(true, np.column_stack([true, true]), classes=2, seed=1, samples=300)
    assert (found.score, found.low, found.high, found.luck) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(("images", "trials"), [(1, 2), (5, 0)])
def test_too_little_to_correct(images: int, trials: int) -> None:
    """No trials, or a single image: said, not divided by."""
    with pytest.raises(ValueError, match="do not go with"):
        corrected(np.zeros(images, int), np.zeros((images, trials), int), classes=2, seed=1)
