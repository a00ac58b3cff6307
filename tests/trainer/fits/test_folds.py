"""Folds and stop sets: stratified, disjoint, complete, and a function of labels, K and seed alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.closed_formula import plan
from trainer.errors import UsageError
from trainer.fits.folds import held_out_folds, parts_of, stop_set
from trainer.fits.specs import FitSpec, Stopping


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Labels of 2 to 5 classes in any order, each with at least as many samples as there are folds."""
    folds = draw(st.integers(2, 5))
    counts = draw(st.lists(st.integers(folds, 30), min_size=2, max_size=5))
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    order = draw(st.permutations(range(len(labels))))
    return labels[list(order)], folds


def spec_for(folds: int, fold: int | None, *, share: float | None = 0.1, seed: int = 1) -> FitSpec:
    """A fit of the made-up plan."""
    made = plan(folds=folds, seed=seed)
    values = {"learning_rate": 1e-3, "batch_size": 32}
    spec = made.fit_specs(made.architectures[0], 0, values)[fold or 0]
    return replace(spec, fold=fold, stopping=None if share is None else Stopping(share=share))


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


@given(labelled(), st.sampled_from([0.1, 0.25, 0.5]))
def test_the_parts_of_a_fit_are_disjoint_and_complete(data: tuple[np.ndarray, int], share: float) -> None:
    """Nobody trains on what is watched or held out; every class with two samples left is watched."""
    labels, folds = data
    for fold in range(folds):
        parts = parts_of(spec_for(folds, fold, share=share), labels)
        everything = np.concatenate([parts.training, parts.stop, parts.held_out])
        assert sorted(everything) == list(range(len(labels)))
        rest = np.concatenate([parts.training, parts.stop])
        for label in np.unique(labels):
            size = int((labels[rest] == label).sum())
            watched = int((labels[parts.stop] == label).sum())
            assert watched == min(max(1, round(share * size)), size - 1)


def test_the_stop_set_is_never_the_held_out_fold_and_depends_on_its_seed() -> None:
    """Another stop seed watches other images; the held-out fold stays."""
    labels = np.arange(300) % 3
    first = spec_for(3, 1)
    second = replace(first, seeds=replace(first.seeds, stop=first.seeds.stop + 1))
    here, there = parts_of(first, labels), parts_of(second, labels)
    assert np.array_equal(here.held_out, there.held_out)
    assert not np.array_equal(here.stop, there.stop)


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
    watched = stop_set(np.arange(12) % 2, np.arange(12), share=0.34, seed=5)
    assert list(map(int, watched)) == [0, 2, 3, 11]


def test_a_refit_trains_on_everything() -> None:
    """Without a held-out fold and a stopping rule nothing is kept back."""
    parts = parts_of(spec_for(3, None, share=None), np.arange(30) % 3)
    assert list(parts.training) == list(range(30))
    assert parts.stop.size == parts.held_out.size == 0


@pytest.mark.parametrize(("rare", "words"), [(2, "2 samples, fewer than the 3 folds"), (1, "1 sample")])
def test_a_class_with_fewer_samples_than_folds_is_named(rare: int, words: str) -> None:
    """It is refused with its label and what to do."""
    labels = np.array([0] * 10 + [1] * rare)
    with pytest.raises(UsageError, match=f"class 1 has {words}"):
        held_out_folds(labels, folds=3, seed=1)
