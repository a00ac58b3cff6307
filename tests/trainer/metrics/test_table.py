"""All metrics against scikit-learn's scorers of their names; their names in sweep files and records."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import average_precision_score, f1_score, get_scorer, precision_score, recall_score

from trainer.fits.specs import Stopping
from trainer.metrics.confusion import confusion_matrix
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.of_counts import margins
from trainer.metrics.table import METRICS, check_name, metric_called, recorded_name

#: scikit-learn's functions for one class.
ONE_CLASS: dict[str, Callable[..., float]] = {
    "f1": f1_score,
    "recall": recall_score,
    "precision": precision_score,
}


class Said(ClassifierMixin, BaseEstimator):
    """Stands in for a classifier: it says what it is given."""

    def fit(self, probabilities: np.ndarray, _labels: np.ndarray) -> "Said":
        """Learn how many classes there are."""
        self.classes_ = np.arange(probabilities.shape[1])
        return self

    def predict(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the most probable classes."""
        return np.asarray(probabilities.argmax(axis=1))

    def predict_proba(self, probabilities: np.ndarray) -> np.ndarray:
        """Return what was given."""
        return probabilities


@st.composite
def predictions(draw: st.DrawFn, *, every_class: bool) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities with many ties; without ``every_class`` some classes may be missing."""
    classes, images = draw(st.integers(2, 6)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    among = random.choice(classes, size=random.integers(1, classes, endpoint=True), replace=False)
    labels = random.choice(among, size=images)
    if every_class:
        labels = np.concatenate([labels, np.arange(classes)])
    given = random.integers(0, draw(st.sampled_from([2, 4, 1000])), size=(len(labels), classes)) + 1e-3
    sums = given / given.sum(axis=1, keepdims=True)
    return labels, sums.astype(np.float32)


def check_against_scorers(case: tuple[np.ndarray, np.ndarray]) -> None:
    """Where every class occurs, the scorer gives the same for the same predictions, ties included."""
    labels, probabilities = case
    exact = probabilities.astype(np.float64)
    for metric in set(METRICS.values()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rows of float32 do not add up to 1 in float64
            expected = get_scorer(metric.name)(Said().fit(exact, labels), exact, labels)
        assert metric.score(labels, probabilities) == pytest.approx(expected, abs=1e-12), metric.name


def check_with_missing_classes(case: tuple[np.ndarray, np.ndarray]) -> None:
    """A class that cannot be scored is left out, as scikit-learn does where it has an answer."""
    labels, probabilities = case
    exact, classes = probabilities.astype(np.float64), np.arange(probabilities.shape[1])
    said, model = exact.argmax(axis=1), Said().fit(exact, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("f1_macro", "f1_weighted", "accuracy", "balanced_accuracy", "matthews_corrcoef"):
            expected = get_scorer(name)(model, exact, labels)
            assert METRICS[name].score(labels, probabilities) == pytest.approx(expected, abs=1e-12), name
        counted = [1] if len(classes) == 2 else [c for c in classes if (labels == c).any()]
        precisions = [average_precision_score(labels == c, exact[:, c]) for c in counted]
    expected = float(np.mean(precisions)) if (labels == counted[0]).any() or len(counted) > 1 else 0.0
    found = METRICS["average_precision"].score(labels, probabilities)
    assert found == pytest.approx(expected, abs=1e-12)
    for kind, theirs in ONE_CLASS.items():
        for label in classes:
            expected = theirs(labels, said, labels=[label], average="macro", zero_division=0)
            ours = metric_called(f"{kind}:{label}:some").score(labels, probabilities)
            assert ours == pytest.approx(expected, abs=1e-12), (kind, label)


@settings(max_examples=50)
@given(predictions(every_class=True))
def test_each_metric_is_scikit_learns_of_that_name(case: tuple[np.ndarray, np.ndarray]) -> None:
    """On a few random cases."""
    check_against_scorers(case)


@settings(max_examples=50)
@given(predictions(every_class=False))
def test_where_classes_are_missing_those_that_count_are_averaged(case: tuple[np.ndarray, np.ndarray]) -> None:
    """As documented, on a few random cases."""
    check_with_missing_classes(case)


@pytest.mark.slow
@settings(max_examples=1000)
@given(predictions(every_class=True), predictions(every_class=False))
def test_so_they_are_on_a_thousand_cases(
    whole: tuple[np.ndarray, np.ndarray], lacking: tuple[np.ndarray, np.ndarray]
) -> None:
    """With ties and with missing classes."""
    check_against_scorers(whole)
    check_with_missing_classes(lacking)


def test_nothing_to_rank_is_as_good_as_chance() -> None:
    """With one class alone no pair of images can be ranked."""
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4]], dtype=np.float32)
    assert METRICS["roc_auc_ovr"].score(np.array([1, 1]), probabilities) == 0.5
    assert METRICS["average_precision"].score(np.array([0, 0]), probabilities) == 0.0


def test_a_missing_class_leaves_the_other_areas() -> None:
    """The mean is over classes that have images and leave some to the others."""
    labels = np.array([0, 0, 1])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1]], dtype=np.float32)
    assert METRICS["roc_auc_ovr"].score(labels, probabilities) == 1.0


def test_the_lowest_log_loss_is_finite() -> None:
    """A probability of 0 for the true class counts as scikit-learn's epsilon."""
    metric = METRICS["neg_log_loss"]
    worst = metric.score(np.array([1]), np.array([[1.0, 0.0]], dtype=np.float32))
    assert worst == metric.worst == pytest.approx(-36.04, abs=0.01)


@given(predictions(every_class=False))
def test_values_stay_within_their_range(case: tuple[np.ndarray, np.ndarray]) -> None:
    """So that the worst value stands for a failed trial, and the perfect one bounds pruning."""
    for metric in METRICS.values():
        assert metric.low <= metric.score(*case) <= metric.high


@given(st.lists(predictions(every_class=True), min_size=1, max_size=4))
def test_many_counts_are_scored_as_each_by_itself(cases: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """The same bits: resampling scores thousands at once."""
    classes = min(probabilities.shape[1] for _, probabilities in cases)
    matrices = [
        confusion_matrix(labels % classes, said.argmax(axis=1) % classes, classes=classes)
        for labels, said in cases
    ]
    for metric in METRICS.values():
        if metric.of_counts is not None:
            together = metric.of_counts(np.stack([margins(matrix) for matrix in matrices]))
            assert together.tolist() == [metric.of(matrix) for matrix in matrices]


BOUNDED: list[Metric] = [
    *(metric for name, metric in METRICS.items() if metric.counts and metric.bounded and name != "f1"),
    *(metric_called(f"{kind}:1:b") for kind in ONE_CLASS),
]


@pytest.mark.parametrize("metric", BOUNDED, ids=lambda metric: metric.name)
@given(seed=st.integers(0, 2**32), folds=st.integers(2, 4), done=st.integers(1, 3))
def test_no_predictions_are_better_than_what_was_reachable(
    metric: Metric, seed: int, folds: int, done: int
) -> None:
    """However the remaining images are predicted, the bound of certain pruning holds."""
    random = np.random.default_rng(seed)
    supports = random.integers(0, 6, size=(folds, 3))
    made = [
        tuple(tuple(map(int, random.multinomial(n, random.dirichlet(np.full(3, 0.4))))) for n in fold)
        for fold in supports
    ]
    first = made[: min(done, folds - 1)]
    bound = metric.reachable(first, folds, supports.tolist())
    assert not metric.better(metric.over_folds([], made), bound, by=1e-12)


def test_matthews_correlation_has_no_such_bound() -> None:
    """With more than two classes a right prediction can be worse: why pruning must not rely on a bound."""
    metric = METRICS["matthews_corrcoef"]
    right = metric.of(((1, 0, 3), (0, 1, 0), (0, 0, 0)))
    wrong = metric.of(((0, 0, 4), (0, 1, 0), (0, 0, 0)))
    assert wrong > right
    assert not metric.bounded


def test_macro_f1_is_what_records_call_f1() -> None:
    """The stopping rule's default names it; another name is refused with those there are."""
    assert metric_called(Stopping().metric) is MACRO_F1
    with pytest.raises(ValueError, match="there is no metric 'f2'; the metrics are: f1_macro, f1, "):
        metric_called("f2")


@given(st.text(min_size=1), st.integers(0, 5))
def test_a_class_is_recorded_with_its_place(label: str, place: int) -> None:
    """Whatever its name; recording again changes nothing, and the key is safe in file names."""
    classes = [f"other {n}" for n in range(place)] + [label]
    name = recorded_name(f"recall:{label}", classes)
    assert name == f"recall:{place}:{label}"
    assert recorded_name(name, classes) == name
    metric = metric_called(name)
    assert metric.name == f"recall:{label}"
    assert metric_called(metric.recorded) == metric


def test_a_class_that_is_called_like_a_recorded_name_is_that_class() -> None:
    """The dataset's own names come first."""
    assert recorded_name("recall:1:b", ("1:b", "b")) == "recall:0:1:b"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("f1", "is of one class: write f1:CLASS, or f1_macro or f1_weighted for all of them"),
        ("recall", "is of one class: write recall:CLASS, or f1_macro or balanced_accuracy for all of them"),
        ("recall:", "names no class: write recall:CLASS"),
        ("acuracy", "there is no such metric: did you mean 'accuracy'?"),
        ("roc_auc", "there is no such metric: did you mean 'roc_auc_ovr'?"),
        ("recal:cat", "'recal' is no metric of one class: did you mean 'recall'?"),
        ("", "there is no such metric: there is: accuracy, average_precision"),
    ],
)
def test_wrong_names_get_one_line(name: str, message: str) -> None:
    """The nearest name, or what the name lacks."""
    with pytest.raises(ValueError, match="^" + message.replace("?", r"\?").replace("|", r"\|")):
        check_name(name)


def test_an_unknown_class_gets_the_nearest() -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match=r"there is no class 'sik': did you mean 'sick'\?"):
        recorded_name("recall:sik", ("healthy", "sick"))
