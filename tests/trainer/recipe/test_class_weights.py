"""Class weights: against scikit-learn and the paper, and what cannot be one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from trainer.recipe.class_weights import as_text, class_weights, from_text, problem

CLASSES = ("cat", "dog", "eel")

counts = st.lists(st.integers(1, 5000), min_size=2, max_size=8).map(np.array)


def names(number: int) -> tuple[str, ...]:
    """Return so many names of classes."""
    return tuple(map(str, range(number)))


@given(counts)
def test_balanced_is_scikit_learns(found: np.ndarray) -> None:
    """Each class has the same part of the loss."""
    labels = np.repeat(np.arange(len(found)), found)
    theirs = compute_class_weight("balanced", classes=np.arange(len(found)), y=labels)
    np.testing.assert_allclose(class_weights("balanced", found, names(len(found)), beta=0.0), theirs)


@given(counts, st.sampled_from([0.0, 0.9, 0.99, 0.999, 0.9999]))
def test_effective_is_the_papers_up_to_scale_and_one_on_average(found: np.ndarray, beta: float) -> None:
    """Cui et al. 2019, eq. 2; with beta 0 all classes weigh the same."""
    ours = class_weights("effective", found, names(len(found)), beta=beta)
    theirs = (1 - beta) / (1 - beta ** found.astype(float))
    np.testing.assert_allclose(ours / ours[0], theirs / theirs[0], rtol=1e-8)
    assert (ours * found).sum() / found.sum() == pytest.approx(1.0)


def test_a_class_without_images_has_no_weight() -> None:
    """It has no image that a weight could count for."""
    for rule in ("balanced", "effective"):
        found = class_weights(rule, np.array([5, 0, 5]), CLASSES, beta=0.9)
        assert found.tolist() == pytest.approx([1.0, 0.0, 1.0])


def test_a_table_is_taken_as_it_is_written() -> None:
    """Classes that it leaves out weigh 1; two tables that say the same are one text."""
    text = as_text({"eel": 3, "cat": 0.5})
    assert text == as_text({"cat": 0.5, "eel": 3.0})
    assert class_weights(text, np.array([9, 9, 1]), CLASSES, beta=0.9).tolist() == [0.5, 1.0, 3.0]
    assert from_text(text) == {"cat": 0.5, "eel": 3.0}
    assert problem(text, CLASSES) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (as_text({"dgo": 2}), "there is no class 'dgo': did you mean 'dog'"),
        (as_text({"cat": 0, "dog": 0, "eel": 0}), "all classes weigh 0: nothing would be learnt"),
        ("balancd", "'balancd' is not possible: did you mean 'balanced'"),
        ("[1]", "'[1]' is not possible"),
        ('{"cat": -1}', "the weight of 'cat' must be a number from 0 to 1,000, not -1"),
    ],
)
def test_what_cannot_weigh_classes_is_said(text: str, words: str) -> None:
    """In one line."""
    assert words in str(problem(text, CLASSES))
