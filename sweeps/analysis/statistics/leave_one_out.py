"""How much each image, or each group of images, bears on a model's macro-F1: the jackknife's values.

Source: Davison & Hinkley, "Bootstrap Methods and their Application" (1997), sections 2.7.3 and 3.8.
"""

import numpy as np

from sweeps.analysis.statistics.units import Counts, Labels, Units, scores_of


def leave_one_out(
    true: Labels, predicted: Labels, classes: int, groups: Labels | None
) -> tuple[Counts, Counts]:
    """Return each refit's macro-F1 ``[n]``, and how much each unit bears on it ``[n, units]``.

    A unit is an image, or a group. Its value is what leaving it out takes away from the score, times the
    number of the other units (the jackknife's). The score on other units differs by about the mean of their
    values. A class that is neither true nor predicted does not count.

    Args:
        true: ``[m]`` classes.
        predicted: ``[n, m]`` predicted classes of n refits.
        classes: number of classes.
        groups: ``[m]`` numbers of groups; None if every image is by itself. Units are in their order.
    """
    scores, values = [], []
    for guesses in predicted:
        units = Units(true, guesses, classes, groups)
        score = _macro_f1(units.total[None])[0]
        rest = np.concatenate([_macro_f1(units.total - counts) for counts, _ in units])
        scores.append(score)
        values.append((units.units - 1) * (score - rest)[units.row])
    return np.array(scores), np.stack(values)


def _macro_f1(counts: Counts) -> Counts:
    return scores_of(counts)[:, 0]
