"""A model's scores with intervals that count groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from benchmarks.subjects import Population, coverage, patients
from sweeps.analysis.statistics.clustered import scored


def drawn(seed: int, images: int = 60, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return classes, predictions and groups at random."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, images)
    return (
        true,
        np.where(rng.random(images) < 0.7, true, rng.integers(0, classes, images)),
        rng.integers(0, 12, images),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    """Macro-F1, accuracy, and precision, recall and F1 of each class; groups do not change them."""
    true, predicted, groups = drawn(seed)
    for found in (scored(true, predicted, classes=3), scored(true, predicted, classes=3, groups=groups)):
        assert found.f1.score == pytest.approx(f1_score(true, predicted, average="macro"))
        assert found.accuracy.score == pytest.approx(accuracy_score(true, predicted))
        for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            expected = score(true, predicted, average=None, labels=[0, 1, 2], zero_division=0)
            assert [getattr(each, name).score for each in found.classes] == pytest.approx(list(expected))


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_a_group_for_each_image_is_no_group(seed: int) -> None:
    """Then both intervals are the same, and each holds its score."""
    true, predicted, _ = drawn(seed)
    alone, grouped = (
        scored(true, predicted, classes=3, groups=groups) for groups in (None, np.arange(len(true))[::-1])
    )
    assert alone.units == grouped.units == len(true)
    for one, other in ((alone.f1, grouped.f1), (alone.accuracy, grouped.accuracy)):
        assert (one.low, one.high) == pytest.approx((other.low, other.high))
        assert 0 <= one.low <= one.score <= one.high <= 1


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), copies=st.integers(2, 6))
def test_copies_of_images_are_no_evidence(seed: int, copies: int) -> None:
    """Copies in the group of their original leave the interval as it was; without groups it shrinks."""
    true, predicted, groups = drawn(seed)
    once = scored(true, predicted, classes=3, groups=groups).f1
    more = [np.tile(each, copies) for each in (true, predicted, groups)]
    often = scored(more[0], more[1], classes=3, groups=more[2]).f1
    assert (once.low, once.high) == pytest.approx((often.low, often.high))
    alone, many = scored(true, predicted, classes=3).f1, scored(more[0], more[1], classes=3).f1
    assert many.high - many.low < alone.high - alone.low


def test_the_standard_error_is_the_jackknife_s() -> None:
    """Leaving out each group in turn, written down line by line."""
    true, predicted, groups = drawn(3)
    left_out = [
        f1_score(true[groups != each], predicted[groups != each], average="macro") for each in range(12)
    ]
    whole = f1_score(true, predicted, average="macro")
    error = np.sqrt(11 / 12 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    found = scored(true, predicted, classes=3, groups=groups).f1
    width = np.log(found.high / (1 - found.high)) - np.log(found.low / (1 - found.low))
    assert width / 2 == pytest.approx(2.200985 * error / (whole * (1 - whole)), rel=1e-6)  # t, 11 degrees


def test_a_perfect_score_is_not_certain() -> None:
    """Ten groups without a mistake: Clopper & Pearson's lower end for ten of ten; with one group none."""
    true, groups = np.arange(40) % 2, np.arange(40) // 4
    found = scored(true, true, classes=2, groups=groups)
    assert found.f1.low == pytest.approx(0.6915, abs=1e-4)
    assert found.f1.high == 1
    one = scored(true, true, classes=2, groups=np.zeros(40, dtype=int))
    assert (one.f1.low, one.f1.high, one.units) == (0, 1, 1)
    assert scored(true, true, classes=3).classes[2].recall.high == 1


def test_what_does_not_fit_is_refused() -> None:
    """No image, other lengths."""
    none = np.zeros(0, dtype=int)
    with pytest.raises(ValueError, match="do not go with"):
        scored(none, none, classes=2)
    with pytest.raises(ValueError, match="do not go with"):
        scored(np.zeros(3, dtype=int), np.zeros(2, dtype=int), classes=2)


@pytest.mark.slow
def test_made_up_patients_are_not_believed() -> None:
    """Random labels, six near-identical images each: with groups the sweep and other patients agree."""
    for seed in range(1, 6):
        said, truth = patients(grouped=True, seed=seed)
        assert abs(said - truth) < 0.1
        said, truth = patients(grouped=False, seed=seed)
        assert said > 0.95
        assert truth < 0.6


@pytest.mark.slow
def test_intervals_cover_new_subjects_a_little() -> None:
    """60 of the campaign's experiments."""
    found = coverage(Population(subjects=40), 60, grouped=True, exam=15)
    assert found.sweep >= 0.9
    assert found.exam["groups"] >= 0.88
    assert found.exam["images"] < found.exam["groups"]


@pytest.mark.campaign
def test_intervals_cover_new_subjects() -> None:
    """500 experiments: at least 93 % with groups, far fewer without."""
    found = coverage(Population(), 500, grouped=True)
    assert found.sweep >= 0.93
    assert found.exam["groups"] >= 0.93
    assert found.exam["images"] < 0.8
    assert coverage(Population(), 500, grouped=False).sweep < 0.2
