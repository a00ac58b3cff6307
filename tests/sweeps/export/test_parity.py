"""Two models are the same one, or they are not."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.export.parity import TOLERANCE, compare, run
from trainer.errors import Mismatch


def rows(*values: list[float]) -> np.ndarray:
    """Return probabilities."""
    return np.array(values, dtype=np.float32)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 3e-5), st.integers(2, 12))
def test_the_largest_difference_decides(seed: int, apart: float, classes: int) -> None:
    """Within the tolerance it is reported as it is; beyond it nothing passes."""
    rng = np.random.default_rng(seed)
    trained = rng.dirichlet(np.full(classes, 0.3), size=9).astype(np.float32)
    loaded = (trained.astype(np.float64) + rng.choice([-apart, apart], trained.shape)).astype(np.float32)
    largest = float(np.abs(trained.astype(np.float64) - loaded.astype(np.float64)).max())
    if largest > TOLERANCE:
        with pytest.raises(Mismatch, match="differs from the trained one"):
            compare("onnx", trained, loaded, 1.0)
    else:
        parity = compare("onnx", trained, loaded, 1.0)
        assert parity.largest_difference == largest
        assert parity.images == 9
        assert parity.ties == int((trained.argmax(axis=1) != loaded.argmax(axis=1)).sum())


def test_a_tie_may_fall_the_other_way() -> None:
    """Two classes that are as good as equal may change places; it is counted."""
    trained, loaded = rows([0.5, 0.499995], [0.9, 0.1]), rows([0.499998, 0.5], [0.9, 0.1])
    assert compare("litert", trained, loaded, 1.0).ties == 1


def test_another_class_without_a_tie_is_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if somebody makes the tolerance large."""
    monkeypatch.setattr("sweeps.export.parity.TOLERANCE", 1.0)
    with pytest.raises(Mismatch, match="another class for 1 image"):
        compare("keras", rows([0.6, 0.4], [0.9, 0.1]), rows([0.4, 0.6], [0.9, 0.1]), 1.0)


def test_nan_and_other_shapes_never_pass() -> None:
    """NaN compares as false with everything, also with the tolerance."""
    with pytest.raises(Mismatch, match="differs"):
        compare("keras", rows([0.6, 0.4]), rows([math.nan, 0.4]), 1.0)
    with pytest.raises(Mismatch, match=r"returns \(1, 3\) probabilities, not \(1, 2\)"):
        compare("keras", rows([0.6, 0.4]), rows([0.6, 0.4, 0.0]), 1.0)


def test_a_process_that_fails_is_quoted(tmp_path: Path) -> None:
    """Its last line, and its exit code."""
    with pytest.raises(Mismatch, match=r"trainer.formats.reload ended with code 1: KeyError: 'word'"):
        run("trainer.formats.reload", ["word", "a", "b", "c"], tmp_path)
