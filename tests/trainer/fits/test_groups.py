"""Groups and given folds: no split ever divides a group, and every class can be learned in every fit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.labels import Labels, labels_of
from tests.trainer.fits.test_split import spec_for
from trainer.errors import UsageError
from trainer.fits import folds as folds_module
from trainer.fits.folds import held_out_folds, part_of
from trainer.fits.split import Split


@st.composite
def grouped(draw: st.DrawFn) -> tuple[Labels, int]:
    """Images of groups that mostly have one class, with 2 to 4 folds."""
    count, classes = draw(st.integers(8, 60)), draw(st.integers(2, 4))
    sizes = draw(st.lists(st.integers(1, 7), min_size=count, max_size=count))
    main = draw(st.lists(st.integers(0, classes - 1), min_size=count, max_size=count))
    groups = np.repeat(np.arange(count), sizes)
    labels = np.repeat(main, sizes)
    other = draw(st.lists(st.booleans(), min_size=len(labels), max_size=len(labels)))
    labels = np.where(np.array(other) & (np.arange(len(labels)) % 5 == 0), (labels + 1) % classes, labels)
    order = np.array(draw(st.permutations(range(len(labels)))))
    return labels_of(np.unique(labels, return_inverse=True)[1][order], groups[order]), draw(st.integers(2, 4))


def spread(data: Labels, *parts: np.ndarray) -> int:
    """Return how many groups have images in several of the parts."""
    assert data.groups is not None
    sets = [set(data.groups[part].tolist()) for part in parts]
    return sum(len(one & other) for place, one in enumerate(sets) for other in sets[place + 1 :])


@settings(max_examples=150, deadline=None)
@given(grouped(), st.integers(0, 1000), st.sampled_from([0.1, 0.25, 0.5]))
def test_no_split_ever_divides_a_group(made: tuple[Labels, int], seed: int, share: float) -> None:
    """Training part, stop set and held-out fold are disjoint in groups; each class is left to be learned."""
    data, folds = made
    for fold in range(folds):
        spec = spec_for(folds, fold, share=share, seed=seed)
        try:
            parts = Split.of_fit(spec, data).parts(spec)
        except UsageError as refused:
            assert "class" in str(refused) or "group" in str(refused)  # noqa: PT017 - what a class needs, by name
            assume(False)
        assert spread(data, parts.training, parts.stop, parts.held_out) == 0
        every = np.concatenate([parts.training, parts.stop, parts.held_out])
        assert sorted(every) == list(range(len(data.labels)))
        assert set(data.labels[parts.training]) == set(data.labels)


@settings(max_examples=150, deadline=None)
@given(grouped(), st.integers(0, 1000), st.sampled_from([0.1, 0.2, 0.5]))
def test_a_part_has_whole_groups_and_leaves_each_class(
    made: tuple[Labels, int], seed: int, share: float
) -> None:
    """The same each time; no class loses its last group; a class of several groups is in the part."""
    data, _ = made
    everyone = np.arange(len(data.labels))
    chosen = part_of(data.labels, everyone, share=share, seed=seed, groups=data.groups)
    again = part_of(data.labels, everyone, share=share, seed=seed, groups=data.groups)
    assert np.array_equal(chosen, again)
    rest = np.setdiff1d(everyone, chosen)
    assert spread(data, chosen, rest) == 0
    assert set(data.labels[rest]) == set(data.labels)


def test_a_part_of_single_images_has_its_share_of_each_class() -> None:
    """Groups of one image each are divided as well as images are; a part of 50,000 groups takes no time."""
    labels = np.arange(50_000) % 10
    chosen = part_of(labels, np.arange(50_000), share=0.2, seed=3, groups=np.arange(50_000))
    assert np.bincount(labels[chosen]).tolist() == [1000] * 10


def test_many_groups_are_dealt_as_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images by themselves are dealt apart if there are many groups; none is lost and none is divided."""
    monkeypatch.setattr(folds_module, "MANY_GROUPS", 50)
    rng = np.random.default_rng(1)
    groups = np.concatenate([np.arange(400), np.repeat(np.arange(400, 430), 4)])
    labels = rng.integers(0, 3, len(groups))
    parts = held_out_folds(labels, folds=5, seed=1, groups=groups)
    assert sorted(np.concatenate(parts)) == list(range(len(groups)))
    assert spread(labels_of(labels, groups), *parts) == 0
    assert max(map(len, parts)) - min(map(len, parts)) <= 12


@pytest.mark.parametrize(
    ("labels", "groups", "given_folds", "said"),
    [
        ([0, 1, 0, 1], [0, 0, 1, 1], None, "there are 2 groups, fewer than the 3 folds"),
        ([0, 0, 0, 1, 1, 0], [0, 1, 2, 3, 3, 4], None, "all samples of class 1 are in one group"),
        ([0, 1, 0, 1], None, [0, 0, 1, 1], "comes with 2 folds: set cv.folds = 2, not 3"),
        ([0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 0], [0, 0, 1, 1, 2, 2], "divide group 0"),
        ([0, 0, 1, 1, 0, 0], None, [0, 0, 1, 1, 2, 2], "all samples of class 1 are in fold 1"),
    ],
)
def test_what_cannot_be_divided_is_named(
    labels: list[int], groups: list[int] | None, given_folds: list[int] | None, said: str
) -> None:
    """One line: which class, group or number, and what to do."""
    arrays = [None if each is None else np.array(each) for each in (groups, given_folds)]
    with pytest.raises(UsageError, match=said):
        held_out_folds(np.array(labels), folds=3, seed=1, groups=arrays[0], given=arrays[1])


def test_given_folds_are_used_as_they_are() -> None:
    """Whatever the seed; stop sets are still drawn by it."""
    data = replace(labels_of(np.arange(30) % 2), folds=(np.arange(30) // 2 % 3).astype(np.int32))
    for seed in (1, 2):
        split = Split.of_dataset(data, folds=3, seed=seed)
        assert [part.tolist() for part in split.folds] == [
            [index for index in range(30) if index // 2 % 3 == fold] for fold in range(3)
        ]
    assert split.held_out_counts(2) == ((5, 5), (5, 5), (5, 5))
