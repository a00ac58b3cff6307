"""Splits: nobody in two parts, everybody in one, made once, and a function of labels, K and seed alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.closed_formula import plan
from tests.labels import labels_of
from trainer.fits import split as split_module
from trainer.fits.folds import held_out_folds
from trainer.fits.specs import FitSpec, Stopping
from trainer.fits.split import KEPT, Split

SEEDS = st.integers(0, 2**31 - 1)


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


@given(labelled(), SEEDS)
def test_folds_part_the_images(data: tuple[np.ndarray, int], seed: int) -> None:
    """Every image is held out exactly once."""
    labels, folds = data
    split = Split.of(labels, folds=folds, seed=seed)
    assert sorted(np.concatenate(split.folds)) == list(range(len(labels)))
    for fold, drawn in enumerate(held_out_folds(labels, folds=folds, seed=seed)):
        assert np.array_equal(split.held_out(fold), drawn)


@given(labelled(), st.sampled_from([0.1, 0.25, 0.5]), st.integers(1, 1000))
def test_the_parts_of_a_fit_are_disjoint_and_complete(
    data: tuple[np.ndarray, int], share: float, seed: int
) -> None:
    """Nobody trains on what is watched or held out; every class with two samples left is watched."""
    labels, folds = data
    for fold in range(folds):
        spec = spec_for(folds, fold, share=share, seed=seed)
        split = Split.of_fit(spec, labels_of(labels))
        parts = split.parts(spec)
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
    here, there = (Split.of_fit(spec, labels_of(labels)).parts(spec) for spec in (first, second))
    assert np.array_equal(here.held_out, there.held_out)
    assert not np.array_equal(here.stop, there.stop)


def test_a_refit_trains_on_everything() -> None:
    """Without a held-out fold and a stopping rule nothing is kept back."""
    spec = spec_for(3, None, share=None)
    parts = Split.of_fit(spec, labels_of(np.arange(30) % 3)).parts(spec)
    assert list(parts.training) == list(range(30))
    assert parts.stop.size == parts.held_out.size == 0


def test_folds_are_drawn_once_for_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All fits of a repeat share them, whatever type the labels have; another repeat's are drawn for it."""
    drawn: list[int] = []

    def counted(labels: np.ndarray, *, seed: int, **more: Any) -> Sequence[np.ndarray]:
        drawn.append(seed)
        return held_out_folds(labels, seed=seed, **more)

    monkeypatch.setattr(split_module, "held_out_folds", counted)
    labels = np.arange(90) % 3
    for fold in (0, 1, 2, 0):
        spec = spec_for(3, fold, seed=77)
        Split.of_fit(spec, labels_of(labels.astype([np.int32, np.int64, np.uint8][fold]))).parts(spec)
    assert drawn == [spec_for(3, 0, seed=77).seeds.split]
    Split.of(labels, folds=3, seed=78).held_out(0)
    Split.of(labels[::-1], folds=3, seed=78).held_out(0)
    assert drawn[1:] == [78, 78]


def test_a_process_keeps_few_splits() -> None:
    """A long study of many repeats does not fill the memory."""
    labels = np.arange(12) % 2
    first = Split.of(labels, folds=3, seed=0)
    assert Split.of(labels, folds=3, seed=0) is first
    for seed in range(1, KEPT + 1):
        Split.of(labels, folds=3, seed=seed)
    assert Split.of(labels, folds=3, seed=0) is not first


def test_what_is_shared_cannot_be_changed() -> None:
    """A fit that wrote into its fold would change all later ones."""
    split = Split.of(np.arange(12) % 2, folds=3, seed=5)
    everything: tuple[np.ndarray, ...] = (split.labels, *split.folds)
    for shared in everything:
        with pytest.raises(ValueError, match="read-only"):
            shared[:1] = 7


def test_no_folds_are_drawn_for_a_refit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that only trains on everything need not import scikit-learn."""
    monkeypatch.setattr(split_module, "held_out_folds", None)
    spec = spec_for(4, None, share=None)
    assert len(Split.of_fit(spec, labels_of(np.arange(44) % 4)).parts(spec).training) == 44
