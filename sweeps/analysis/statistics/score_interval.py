"""95 % intervals of scores in [0, 1]."""

import numpy as np

#: Probability beyond each end of an interval.
TAIL = 0.025


def on_logit_scale(score: float, reach: float) -> tuple[float, float]:
    """Return the ends of an interval that is symmetric on the logit scale, so it stays within 0 and 1.

    Args:
        score: above 0 and below 1.
        reach: half the width that the interval would have on the score's own scale (delta method).
    """
    middle, side = np.log(score / (1 - score)), reach / (score * (1 - score))
    low, high = (float(1 / (1 + np.exp(-(middle + each)))) for each in (-side, side))
    return low, high


def least_reach(units: int, tail: float = TAIL) -> float:
    """Return the reach of an interval where nothing shows a spread: what none of so many had may yet be.

    Clopper & Pearson (Biometrika 26, 1934), for none or all of ``units`` observations.

    Args:
        units: number of independent observations.
        tail: probability beyond each end.
    """
    return float(1 - tail ** (1 / units))
