"""Results that are hardly right are said, and ordinary ones are not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.made_up_records import make_fold, make_trial
from tracking.records import FoldRecord
from tracking.reports.doubts import doubts, trial_notes
from tracking.reports.notes import trial_note
from trainer.metrics.confusion import Confusion, macro_f1

CLASSES = ("cat", "dog", "eel")
GOOD: Confusion = ((9, 1, 0), (0, 9, 1), (1, 0, 9))
ALL_DOG: Confusion = ((0, 10, 0), (0, 10, 0), (0, 10, 0))
NO_EEL: Confusion = ((9, 1, 0), (1, 9, 0), (4, 6, 0))


def fits(*confusions: Confusion) -> list[FoldRecord]:
    """Folds with these predictions; an empty one has none."""
    found = []
    for number, confusion in enumerate(confusions):
        fold = make_fold(fold=number, folds=len(confusions), classes=3)
        score = macro_f1(confusion) if confusion else None
        result = replace(fold.run.result, confusion=confusion, f1=score)
        found.append(replace(fold, run=replace(fold.run, result=result)))
    return found


def other(confusion: Confusion, missed: int) -> Confusion:
    """Return the counts with another number of mistakes in the first class."""
    return ((10 - missed, missed, 0), *confusion[1:])


def test_ordinary_results_are_no_reason_for_doubt() -> None:
    """Scores differ, and every class is predicted somewhere."""
    assert doubts(fits(GOOD, other(GOOD, 3), NO_EEL), CLASSES) == []
    assert doubts([], CLASSES) == []
    trial = make_trial()
    assert trial_notes(trial, [str(n) for n in range(10)]) == []


def test_one_class_for_all_images_is_said() -> None:
    """How many folds, and which class; its missing others are not said as well."""
    said = "2 of 3 folds predict one class ('dog') for every image, though they are of several: nothing was"
    assert doubts(fits(ALL_DOG, GOOD, ALL_DOG), CLASSES)[0].startswith(said)
    (all_of_them,) = doubts(fits(ALL_DOG, ALL_DOG, ALL_DOG), CLASSES)
    assert all_of_them.startswith("3 of 3 folds predict one class ('dog')")
    all_cat = tuple((sum(row), 0, 0) for row in GOOD)
    (first, second) = doubts(fits(ALL_DOG, all_cat), CLASSES, called="refit")
    assert "2 of 2 refits predict one class ('dog' and 'cat')" in first
    assert second == "'eel' (20 images) is never predicted"
    (pruned,) = doubts(fits(ALL_DOG), CLASSES, whole=False)
    assert pruned.startswith("the only fold predicts one class ('dog')")


def test_a_fold_of_one_class_is_rightly_predicted_as_one() -> None:
    """With groups or given folds there may be such."""
    assert doubts(fits(((0, 0, 0), (0, 10, 0), (0, 0, 0)), GOOD), CLASSES) == []


def test_a_class_that_is_never_predicted_is_said() -> None:
    """If it has images, and only of all folds together."""
    (said,) = doubts(fits(NO_EEL, other(NO_EEL, 3)), CLASSES)
    assert said == "'eel' (20 images) is never predicted"
    assert doubts(fits(NO_EEL, other(NO_EEL, 3)), CLASSES, whole=False) == []
    assert doubts(fits(((9, 1, 0), (2, 8, 0), (0, 0, 0))), CLASSES) == []
    many = np.zeros((9, 9), dtype=int)
    many[:, :2] = 3
    names = [f"c{number}" for number in range(9)]
    (said,) = doubts(fits(tuple(tuple(map(int, row)) for row in many)), names)
    assert said == (
        "'c2' (6 images), 'c3' (6 images), 'c4' (6 images), 'c5' (6 images), 'c6' (6 images) and 2 more are "
        "never predicted"
    )


def test_no_spread_at_all_is_said() -> None:
    """Equal to the last bit, of three fits or more; perfect scores may be equal."""
    (said,) = doubts(fits(GOOD, GOOD, GOOD), CLASSES)
    assert said == (
        "no spread at all: the scores of all 3 folds are the same to the last bit (0.9000), though their "
        "seeds differ"
    )
    assert doubts(fits(GOOD, GOOD), CLASSES) == []
    perfect = ((10, 0, 0), (0, 10, 0), (0, 0, 10))
    assert doubts(fits(perfect, perfect, perfect), CLASSES) == []
    same = [
        replace(f, run=replace(f.run, result=replace(f.run.result, initial_weights_sha256="a")))
        for f in fits(GOOD, GOOD, GOOD)
    ]
    assert doubts(same, CLASSES)[0].endswith("though their seeds differ: all began with the same weights")


def test_they_are_in_a_trial_s_notes() -> None:
    """After those of its fits, each once, as MLflow shows them; of a pruned trial what one fold shows."""
    folds = fits(NO_EEL, NO_EEL, NO_EEL)
    noted = replace(
        folds[0], run=replace(folds[0].run, result=replace(folds[0].run.result, notes=("a", "b")))
    )
    trial = replace(make_trial(folds=3, classes=3), folds=(noted, *folds[1:]))
    first, second, third, fourth = trial_notes(trial, CLASSES)
    assert (first, second, third) == ("a", "b", "'eel' (30 images) is never predicted")
    assert fourth.startswith("no spread at all")
    assert "never predicted" in trial_note(trial, 3, CLASSES)
    assert trial_notes(replace(trial, state="pruned"), CLASSES) == ["a", "b"]
    assert "<b>" not in trial_note(trial, 3, ("cat", "dog", "<b>"))


COUNTS = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=3, max_size=3)


@given(st.lists(COUNTS, max_size=5), st.booleans())
def test_whatever_was_predicted_at_most_three_things_are_said(
    counts: Sequence[Sequence[Sequence[int]]], whole: bool
) -> None:
    """One line each; a class is said to be missing exactly if it has images and no prediction."""
    confusions = [tuple(tuple(row) for row in each) for each in counts if np.asarray(each).any()]
    said = doubts(fits(*confusions), CLASSES, whole=whole)
    assert len(said) <= 3
    assert not any("\n" in line for line in said)
    if confusions and whole and not any("one class" in line for line in said):
        total = np.sum(confusions, axis=0)
        missing = [CLASSES[n] for n in range(3) if total[n].sum() and not total[:, n].sum()]
        lines = [line for line in said if "never predicted" in line]
        assert len(lines) == bool(missing)
        assert all(repr(name) in lines[0] for name in missing)
