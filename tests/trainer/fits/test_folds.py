"""Folds and stop sets: stratified, disjoint, complete, and a function of labels, K and seed alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import UsageError
from trainer.fits.folds import held_out_folds, part_of


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Labels of 2 to 5 classes in any order, each with at least as many samples as there are folds."""
    folds = draw(st.integers(2, 5))
    counts = draw(st.lists(st.integers(folds, 30), min_size=2, max_size=5))
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    order = draw(st.permutations(range(len(labels))))
    return labels[list(order)], folds


@given(labelled(), st.integers(0, 2**31 - 1))
def test_folds_part_the_data_evenly(data: tuple[np.ndarray, int], seed: int) -> None:
    """Folds are disjoint, cover everything, and hold each class to within one sample of its share."""
    labels, folds = data
    parts = held_out_folds(labels, folds=folds, seed=seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        held = [int((labels[part] == label).sum()) for part in parts]
        assert max(held) - min(held) <= 1
        assert sum(held) == count


def test_folds_depend_on_the_split_seed() -> None:
    """Another split seed gives other folds, the same one the same."""
    labels = np.arange(300) % 3
    one, again, other = (held_out_folds(labels, folds=3, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_folds_never_change() -> None:
    """A record made today must mean the same tomorrow."""
    folds = held_out_folds(np.arange(12) % 2, folds=3, seed=5)
    assert [list(map(int, fold)) for fold in folds] == [[3, 6, 8, 9], [2, 7, 10, 11], [0, 1, 4, 5]]
    watched = part_of(np.arange(12) % 2, np.arange(12), share=0.34, seed=5)
    assert list(map(int, watched)) == [0, 2, 3, 11]


@pytest.mark.parametrize(("rare", "words"), [(2, "2 samples, fewer than the 3 folds"), (1, "1 sample")])
def test_a_class_with_fewer_samples_than_folds_is_named(rare: int, words: str) -> None:
    """It is refused with its label and what to do."""
    labels = np.array([0] * 10 + [1] * rare)
    with pytest.raises(UsageError, match=f"class 1 has {words}"):
        held_out_folds(labels, folds=3, seed=1)
