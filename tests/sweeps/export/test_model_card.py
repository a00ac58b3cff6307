"""The model card: what people read beside a model."""

import json
from typing import Any

import numpy as np
import pytest

from sweeps.export.model_card import card, snippet, to_json
from trainer.formats.catalogue import FORMATS


def score(classes: int, hits: int = 9) -> dict[str, Any]:
    """Return a score; some of each class are taken for the next one."""
    confusion = np.eye(classes, dtype=int) * hits + np.roll(np.eye(classes, dtype=int), 1, axis=1)
    return {
        "images": int(confusion.sum()),
        "f1": 0.9,
        "accuracy": 0.9,
        "confusion": confusion.tolist(),
    }


def about(classes: int = 3, **more: Any) -> dict[str, Any]:
    """Return what model.json says of a made-up model."""
    form = {"bytes": 2_000_000, "images": 40, "largest_difference": 3e-7, "ties": 0, "ms_per_image": 1.5}
    formats = {name: {"file": kind.file, **form} for name, kind in FORMATS.items()}
    places = {"uri": "models:/s/1", "champion_uri": "models:/s@champion", "tracking_uri": "http://here:5000"}
    formats["mlflow"] |= places
    cross = score(classes) | {"f1_mean": 0.91, "f1_std": 0.02}
    return {
        "name": "s-lenet", "sweep": "s", "architecture": "lenet", "trial": 2, "how": "refit", "seed": 1,
        "scores": {"cross_validation": cross, "fold": None, "test": None},
        "fits": [{"best_epoch": 7}], "compared_on": "the official test set", "weights_sha256": "w" * 64,
        "hyperparameters": {"learning_rate": 0.001}, "dataset": {"name": "photos", "fingerprint": "f" * 64},
        "classes": [f"class {index}" for index in range(classes)], "input_shape": [8, 8, 3],
        "pixel_max": 255.0, "versions": {"keras": "3"}, "formats": formats,
    } | more  # fmt: skip


def test_it_says_what_matters() -> None:
    """Scores with their spread, how it was made, what it takes and gives, how it compared."""
    text = card(about())
    assert "| cross-validation, all held-out folds together | 30 | 0.9000 | 0.9000 |" in text
    assert "0.9100 ± 0.0200 (mean ± standard deviation)" in text
    assert "trained once more on all training images" in text
    assert "`[n, 8, 8, 3]` (red, green, blue), `uint8` or float, from 0 to 255" in text
    assert "| ONNX | `model.onnx` | 2.00 | 1.50 | 3.0e-07 |" in text
    assert "| **class 1** | 0 | 9 | 1 | 0.900 |" in text
    assert "official test set, opened" not in text


def test_the_best_evidence_gives_the_confusion_matrix() -> None:
    """The official test set, then the model's own fold, then the cross-validation."""
    cross = about()["scores"]["cross_validation"]
    for scores, said in (
        ({"test": score(3, 8), "fold": None}, "The official test set. Rows"),
        ({"test": None, "fold": score(3, 7)}, "This model's held-out fold. Rows"),
        ({"test": None, "fold": None}, "All held-out folds of the cross-validation together"),
    ):
        assert said in card(about(scores={"cross_validation": cross, **scores}))


def test_many_classes_get_a_list_instead_of_a_table() -> None:
    """The twenty largest confusions, largest first; those that never happened are left out."""
    made = about(30)
    made["scores"]["cross_validation"]["confusion"][4][9] = 77
    lines = card(made).splitlines()
    first = lines.index("| true | predicted | images |") + 2
    assert lines[first] == "| class 4 | class 9 | 77 |"
    assert sum(line.endswith("| 1 |") for line in lines) == 19


def test_one_fold_has_no_spread() -> None:
    """And a class name with a bar does not break the table."""
    made = about(2)
    made["classes"] = ["a|b", "c"]
    made["scores"]["cross_validation"]["f1_std"] = None
    text = card(made)
    assert "single folds: 0.9100 (mean" in text
    assert "| **a\\|b** |" in text


@pytest.mark.parametrize("name", FORMATS)
def test_snippets_compile_and_are_in_the_card(name: str) -> None:
    """That they run is tested with real models; here, that each is a program."""
    program = snippet(name, about())
    compile(program, name, "exec")
    assert program in card(about())


def test_model_json_is_json() -> None:
    """With the class names as they are written."""
    made = about()
    made["classes"] = ["über", "ß", "猫"]
    assert json.loads(to_json(made)) == made
    assert "猫" in to_json(made)
