"""The measurement behind --test-images: how networks differ from image to image, without seeds' chance."""

import numpy as np
import pytest

from benchmarks.shared_test_set import compared


def test_the_chance_of_seeds_is_taken_out() -> None:
    """Chances to be right that are known: their variance comes out, however few runs show it."""
    rng = np.random.default_rng(1)
    common, own = rng.beta(3, 0.5, 40_000), rng.beta(3, 0.5, (2, 40_000))
    one, other = (0.7 * common + 0.3 * each for each in own)
    found = compared(*(rng.random((3, chance.size)) < chance for chance in (one, other)))
    assert found.variance == pytest.approx((one - other).var(), abs=0.002)
    assert found.shared == pytest.approx(np.corrcoef(one, other)[0, 1], abs=0.03)
    assert found.disagree == pytest.approx((one * (1 - other) + other * (1 - one)).mean(), abs=0.01)
    assert found.variance < found.disagree
