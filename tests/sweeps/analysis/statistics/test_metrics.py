"""The statistics by other metrics than macro-F1, against what is known by hand or by another way."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.analysis.statistics import bbc
from sweeps.analysis.statistics.exam import components, judge
from sweeps.analysis.statistics.leave_one_out import BLOCKS, leave_one_out, units_of
from sweeps.analysis.statistics.mean_of_seeds import mean_of_seeds
from sweeps.analysis.statistics.one_model import one_model
from sweeps.analysis.statistics.two_models import two_models
from trainer.metrics import of_counts
from trainer.metrics.confusion import confusion_matrix
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.table import METRICS, metric_called

CLASSES = 3
ACCURACY, LOG_LOSS, AREA = (METRICS[name] for name in ("accuracy", "neg_log_loss", "roc_auc_ovr"))
RECALL = metric_called("recall:2:rare")


def drawn(seed: int, images: int = 60, refits: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Labels with a rare class, and probabilities of refits that are better than chance."""
    random = np.random.default_rng(seed)
    true = random.choice(CLASSES, size=images, p=[0.5, 0.35, 0.15])
    true[:CLASSES] = range(CLASSES)
    logits = random.normal(size=(refits, images, CLASSES)) + 1.5 * np.eye(CLASSES)[true]
    powers = np.exp(logits)
    return true, (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 2**32))
def test_a_mean_over_images_is_its_own_influence(seed: int) -> None:
    """Of accuracy and log loss, what an image bears is its own value less the mean."""
    true, probabilities = drawn(seed)
    predicted = probabilities.argmax(axis=-1)
    scores, values = leave_one_out(true, predicted, CLASSES, None, ACCURACY)
    hits = (predicted == true).astype(float)
    assert scores == pytest.approx(hits.mean(axis=1))
    assert values == pytest.approx(hits - hits.mean(axis=1, keepdims=True), abs=1e-9)
    scores, values = leave_one_out(true, probabilities, CLASSES, None, LOG_LOSS)
    each = np.log(probabilities[:, np.arange(len(true)), true].astype(np.float64))
    assert scores == pytest.approx(each.mean(axis=1))
    assert values == pytest.approx(each - each.mean(axis=1, keepdims=True), abs=1e-9)


@pytest.mark.parametrize("name", ["f1_weighted", "balanced_accuracy", "matthews_corrcoef", "roc_auc_ovr"])
def test_each_value_is_what_leaving_an_image_out_takes_away(name: str) -> None:
    """Scored anew without the image."""
    metric = METRICS[name]
    true, probabilities = drawn(5)
    given_ = probabilities.argmax(axis=-1) if metric.counts else probabilities
    scores, values = leave_one_out(true, given_, CLASSES, None, metric)
    for image in (0, 7, 30):
        kept = np.arange(len(true)) != image
        without = metric.score(true[kept], probabilities[1][kept])
        assert values[1, image] == pytest.approx((len(true) - 1) * (scores[1] - without), abs=1e-9)


def test_groups_are_left_out_whole_and_many_units_in_blocks() -> None:
    """A group is a unit; of very many units blocks are left out by chance, never parts of a group."""
    true, probabilities = drawn(1, images=900)
    groups = np.arange(900) // 2
    _, values = leave_one_out(true, probabilities, CLASSES, groups, AREA)
    assert values.shape[1] == BLOCKS == units_of(true, groups, AREA)
    _, values = leave_one_out(true, probabilities.argmax(axis=-1), CLASSES, groups, ACCURACY)
    assert values.shape[1] == 450 == units_of(true, groups, ACCURACY)


def test_the_score_of_one_class_rests_on_its_images() -> None:
    """However many others there are."""
    true, _ = drawn(2, images=400)
    assert units_of(true, None, RECALL) == int((true == 2).sum())
    assert units_of(true, np.zeros(400, dtype=int), RECALL) == 1


def test_macro_f1_is_what_it_was() -> None:
    """The path by groups of one image and the one by images agree, and the default is macro-F1."""
    true, probabilities = drawn(3)
    predicted = probabilities.argmax(axis=-1)
    default = leave_one_out(true, predicted, CLASSES, None)
    named = leave_one_out(true, predicted, CLASSES, np.arange(len(true)), replace(MACRO_F1))
    for one, other in zip(default, named, strict=True):
        assert one == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize("metric", [ACCURACY, RECALL, LOG_LOSS, AREA], ids=lambda each: each.name)
def test_a_much_better_architecture_is_called_better(metric: Metric) -> None:
    """And intervals lie within the metric's range."""
    true, good = drawn(4, images=900, refits=4)
    bad = np.full_like(good, 1 / CLASSES) + 0.05 * (good - 1 / CLASSES) * np.array([1, -1, -1], np.float32)
    arrays = {"good": good, "bad": bad / bad.sum(axis=-1, keepdims=True)}
    predicted = {name: each.argmax(axis=-1) if metric.counts else each for name, each in arrays.items()}
    found = judge(true, predicted, classes=CLASSES, rope=metric.rope, seed=1, metric=metric)
    assert found.best == ("good",)
    assert [pair.verdict for pair in found.pairs] == ["better"]
    for each in found.architectures:
        assert metric.low <= each.low <= each.score <= each.high <= metric.high
    shown = components(true, predicted, classes=CLASSES, metric=metric)
    assert shown.units == units_of(true, None, metric)


def test_a_class_of_one_image_cannot_be_judged() -> None:
    """One line, as for an exam of one image."""
    true = np.zeros(50, dtype=int)
    true[0] = 2
    same = np.zeros((3, 50), dtype=int)
    with pytest.raises(ValueError, match="of the metric's class shows no spread"):
        judge(true, {"a": same, "b": same}, classes=CLASSES, rope=0.01, seed=1, metric=RECALL)


def test_intervals_of_one_model_and_of_two() -> None:
    """They hold the score and the difference; a perfect recall of few images is not sure."""
    true, (one, other, _) = drawn(6, images=300)
    for metric in (ACCURACY, RECALL, LOG_LOSS, AREA):
        first, second = (each.argmax(axis=-1) if metric.counts else each for each in (one, other))
        asked = {"classes": CLASSES, "groups": None, "level": 0.95}
        low, high = one_model(true, first, metric, **asked)  # type: ignore[arg-type]
        score = metric.score(true, one)
        assert metric.low <= low < score < high <= metric.high
        found = two_models(true, first, second, metric=metric, **asked)  # type: ignore[arg-type]
        assert found.difference == pytest.approx(score - metric.score(true, other))
        assert found.low < found.difference < found.high
    low, high = one_model(true, true, RECALL, classes=CLASSES, groups=None, level=0.95)
    assert high == 1.0
    assert low < 0.95


def test_the_mean_over_seeds_stays_within_the_range() -> None:
    """Of losses, which have no logit scale."""
    mean, interval = mean_of_seeds([-0.01, -0.2, -0.05], LOG_LOSS)
    assert interval is not None
    assert interval[0] < mean < interval[1] == 0.0


@given(st.integers(0, 2**32))
def test_weighted_images_are_scored_as_repeated_ones(seed: int) -> None:
    """By counts and by probabilities; macro-F1 has the same both ways."""
    random = np.random.default_rng(seed)
    true, probabilities = drawn(seed, images=20, refits=2)
    predicted = probabilities.argmax(axis=-1).T
    weights = random.integers(0, 3, size=(2, 20)).astype(float)
    weights[:, :CLASSES] += 1
    folds = np.arange(20) % 2
    for metric in (METRICS["balanced_accuracy"], METRICS["f1_macro"]):
        assert metric.of_counts is not None
        found = bbc.counts_scorer(true, predicted, CLASSES, metric.of_counts)(weights)
        for row, drawn_ in enumerate(weights):
            again = np.repeat(np.arange(20), drawn_.astype(int))
            for trial in range(2):
                counts = confusion_matrix(true[again], predicted[again, trial], classes=CLASSES)
                assert found[row, trial] == pytest.approx(metric.of(counts), abs=1e-12)
    both = bbc.macro_f1_scorer(true, predicted, CLASSES)(weights)
    assert both == pytest.approx(bbc.counts_scorer(true, predicted, CLASSES, of_counts.macro_f1)(weights))
    scored = bbc.fold_scorer(true, probabilities.transpose(1, 0, 2), folds, LOG_LOSS)(np.ones((1, 20)))
    parts = [LOG_LOSS.score(true[folds == fold], probabilities[1][folds == fold]) for fold in (0, 1)]
    assert scored[0, 1] == pytest.approx(np.mean(parts))


@pytest.mark.parametrize("metric", [ACCURACY, LOG_LOSS], ids=lambda each: each.name)
def test_the_best_of_equals_was_lucky(metric: Metric) -> None:
    """All trials are alike, so the correction takes something away."""
    true, probabilities = drawn(8, images=120, refits=8)
    given_ = probabilities.argmax(axis=-1).T if metric.counts else probabilities.transpose(1, 0, 2)
    folds = np.arange(120) % 3
    found = bbc.corrected(true, given_, classes=CLASSES, seed=1, samples=60, metric=metric, folds=folds)
    assert found.luck > 0
    assert found.low < found.score < found.high
