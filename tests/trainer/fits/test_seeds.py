"""Seeds: derived by name, each with an effect of its own."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.fits.seeds import Seeds, derive, permutation

SEED = st.integers(0, 2**31 - 1)


@given(SEED, st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=3))
def test_derived_seeds_repeat_and_stay_in_range(seed: int, names: list[str | int]) -> None:
    """Equal names give equal seeds in [0, 2**31)."""
    assert derive(seed, *names) == derive(seed, *names)
    assert 0 <= derive(seed, *names) < 2**31


def test_names_do_not_run_together() -> None:
    """Different names give different seeds, also where their texts joined are equal."""
    names: list[tuple[str | int, ...]] = [("ab", "c"), ("a", "bc"), ("abc",), (1,), ("1",)]
    assert len({derive(1, *name) for name in names}) == 5


def test_derivation_never_changes() -> None:
    """A record made today must mean the same tomorrow: these values are frozen."""
    assert derive(1, "initialisation", 0, 0, 0) == 1838369278
    assert list(permutation(7, 8)) == [4, 1, 6, 3, 2, 7, 5, 0]


@given(SEED, st.integers(0, 500))
def test_a_permutation_is_one(seed: int, size: int) -> None:
    """Every index appears once."""
    assert sorted(permutation(seed, size)) == list(range(size))


def test_permutations_depend_on_the_seed() -> None:
    """Other seeds give other orders."""
    assert len({tuple(permutation(seed, 20)) for seed in range(50)}) == 50


def test_each_source_of_variation_has_its_own_seed() -> None:
    """No two sources share a seed; the split alone is common to all trials and folds."""
    here = Seeds.of_fit(1, trial=0, repeat=0, fold=0)
    there = Seeds.of_fit(1, trial=3, repeat=0, fold=1)
    mine = [here.split, here.stop, here.initialisation, here.order, here.dropout]
    assert len(set(mine)) == 5
    assert here.split == there.split
    assert {here.stop, here.initialisation, here.order, here.dropout}.isdisjoint(
        {there.stop, there.initialisation, there.order, there.dropout}
    )


def test_a_repeat_changes_every_seed() -> None:
    """A repeat is a whole cross-validation again, split included."""
    here, there = (Seeds.of_fit(1, trial=0, repeat=repeat, fold=0, augmented=True) for repeat in (0, 1))
    names = Seeds.__slots__
    assert all(getattr(here, name) != getattr(there, name) for name in names)


def test_permutation_spreads_evenly() -> None:
    """Each index comes first about equally often."""
    firsts = np.bincount([permutation(seed, 5)[0] for seed in range(5000)], minlength=5)
    assert firsts.min() > 850
