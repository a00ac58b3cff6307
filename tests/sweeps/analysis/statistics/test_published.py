"""Every published number that the statistics can be held against, to the digits it was published with."""

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from sweeps.analysis.statistics.correlated_bayes import probabilities
from sweeps.analysis.statistics.holm import holm
from sweeps.analysis.statistics.paired_t import estimate, overlap_of

# Accuracies (%) on the data set "sonar", first 10 folds; baycomp (MIT), docs/code/accuracies.txt.
NAIVE_BAYES = (94.203, 92.754, 95.652, 91.176, 92.647, 91.176, 92.647, 92.647, 86.765, 91.176)
J48 = (92.754, 92.754, 89.855, 89.706, 95.588, 89.706, 95.588, 94.118, 91.176, 92.647)


def test_bayesian_correlated_t_of_baycomps_documentation() -> None:
    """Baycomp's documentation, "two_on_single": probabilities to 16 digits, without and with a rope."""
    differences = np.subtract(J48, NAIVE_BAYES)
    found = probabilities(list(differences), overlap=overlap_of(10), rope=0)
    assert found.worse == pytest.approx(0.4145119975061462, abs=1e-15)
    assert found.better == pytest.approx(0.5854880024938538, abs=1e-15)
    found = probabilities(list(differences), overlap=overlap_of(10), rope=0.5)
    assert found.worse == pytest.approx(0.28584464173791, abs=1e-14)
    assert found.equivalent == pytest.approx(0.26915187168803, abs=1e-14)
    assert found.better == pytest.approx(0.44500348657406, abs=1e-14)


@pytest.mark.parametrize(
    ("one", "other", "folds", "mean", "variance"),
    [
        ([4, 2, 6], [5, 7, 3], 3, 1, 16 * (1 / 3 + 1 / 2)),
        ([4, 2, 6, 4], [5, 7, 3, 5], 2, 1, 32 / 3 * (1 / 4 + 1)),  # two runs of two folds
    ],
)
def test_corrected_variance_of_baycomps_unit_tests(
    one: list[int], other: list[int], folds: int, mean: float, variance: float
) -> None:
    """Baycomp's tests/test_single.py: mean, variance and degrees of freedom of the posterior."""
    found = estimate(np.subtract(other, one).tolist(), overlap=overlap_of(folds))
    assert (found.mean, found.freedom) == (mean, len(one) - 1)
    assert found.standard_error**2 == pytest.approx(variance, rel=1e-14)


@pytest.mark.parametrize(
    ("mean", "rope", "expected"),
    [
        (42, 2, (0, 0, 1)),
        (2, 2, (0, 1, 0)),
        (0.5, 2, (0, 1, 0)),
        (0, 2, (0, 1, 0)),
        (-2, 2, (0, 1, 0)),
        (-42, 2, (1, 0, 0)),
        (42, 0, (0, 0, 1)),
        (0, 0, (0.5, 0, 0.5)),
        (-42, 0, (1, 0, 0)),
    ],
)
def test_no_variance_as_in_baycomps_unit_tests(
    mean: float, rope: float, expected: tuple[float, float, float]
) -> None:
    """Without any spread all probability is at the mean."""
    found = probabilities([mean] * 4, overlap=0.5, rope=rope)
    assert (found.worse, found.equivalent, found.better) == expected


@pytest.fixture(scope="module")
def areas() -> dict[str, np.ndarray]:
    """AUC of four support vector machines in 10 x 10 folds, as in scikit-learn's example."""
    images, labels = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    models = {
        "rbf": SVC(kernel="rbf", random_state=0),
        "linear": SVC(kernel="linear", random_state=0),
        "poly3": SVC(kernel="poly", degree=3, random_state=0),
        "poly2": SVC(kernel="poly", degree=2, random_state=0),
    }
    return {
        name: cross_val_score(model, images, labels, cv=folds, scoring="roc_auc")
        for name, model in models.items()
    }


def test_scikit_learns_comparison_of_two_models(areas: dict[str, np.ndarray]) -> None:
    """scikit-learn, "Statistical comparison of models using grid search", two models.

    Its code divides by n_train + n_test, which is right only because its 100 samples are as many as its fits.
    """
    assert [f"{areas[name].mean():.4f}" for name in areas] == ["0.9400", "0.9300", "0.9044", "0.6852"]
    assert [f"{areas[name].std():.4f}" for name in areas] == ["0.0793", "0.0778", "0.0988", "0.1691"]
    differences = areas["rbf"] - areas["linear"]
    found = estimate(differences, overlap=overlap_of(10))
    assert found.t is not None
    assert found.p is not None
    assert (f"{found.t:.3f}", f"{found.p / 2:.3f}") == ("0.750", "0.227")
    plain = estimate(differences, overlap=0)
    assert plain.t is not None
    assert plain.p is not None
    assert (f"{plain.t:.3f}", f"{plain.p / 2:.3f}") == ("2.611", "0.005")
    assert f"{probabilities(differences, overlap=1 / 9, rope=0).better:.3f}" == "0.773"
    posterior = probabilities(differences, overlap=1 / 9, rope=0.01)
    assert f"{posterior.worse:.3f}/{posterior.equivalent:.3f}/{posterior.better:.3f}" == "0.068/0.432/0.500"
    for confidence, low, high in ((0.5, 0.001, 0.019), (0.75, -0.005, 0.025), (0.95, -0.016, 0.036)):
        found = estimate(differences, overlap=1 / 9, confidence=confidence)
        assert (round(found.low, 3), round(found.high, 3)) == (low, high)


def test_scikit_learns_comparison_of_all_models(areas: dict[str, np.ndarray]) -> None:
    """The same example, pairwise: t, one-sided p, and Bonferroni's p for six comparisons."""
    published = [
        ("rbf", "linear", "0.750", "0.227", "1.000"),
        ("rbf", "poly3", "1.657", "0.050", "0.302"),
        ("rbf", "poly2", "4.565", "0.000", "0.000"),
        ("linear", "poly3", "1.111", "0.135", "0.807"),
        ("linear", "poly2", "4.276", "0.000", "0.000"),
        ("poly3", "poly2", "3.851", "0.000", "0.001"),
    ]
    for one, other, t, p, bonferroni in published:
        found = estimate(areas[one] - areas[other], overlap=overlap_of(10))
        assert found.t is not None
        assert found.p is not None
        adjusted = min(1.0, 6 * found.p / 2)
        assert (f"{found.t:.3f}", f"{found.p / 2:.3f}", f"{adjusted:.3f}") == (t, p, bonferroni)


def test_holms_procedure_step_by_step() -> None:
    """By hand: 4 x 0.005, 3 x 0.01, then 2 x 0.03; 0.04 may not get ahead of it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
