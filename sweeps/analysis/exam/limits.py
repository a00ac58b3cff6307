"""Exams that are too small for the promised coverage of intervals, and what was simulated there.

The shares are those of ``python -m benchmarks.small_exams``; docs/statistics.md ("Small exams") has them with
their Monte Carlo errors.
"""

import numpy as np
import numpy.typing as npt

from trainer.quantities import counted

#: From so many exam images of each class, or groups, the intervals are promised to hold what they say.
IMAGES_OF_A_CLASS, GROUPS = 10, 20

#: How often a 95 % interval covered the score with so many images of the rarest class on average.
BY_IMAGES = ((1, 0.90), (2, 0.82), (3, 0.85), (5, 0.92))

#: The same by the number of groups.
BY_GROUPS = ((5, 0.99), (10, 0.92), (15, 0.91))


def warnings(
    labels: npt.NDArray[np.integer], classes: tuple[str, ...], groups: npt.NDArray[np.integer] | None
) -> list[str]:
    """Return what is to be said of an exam that is too small, one sentence each.

    Args:
        labels: ``[m]`` classes of its images.
        classes: the names of the classes.
        groups: ``[m]`` numbers of groups; None if every image is by itself.
    """
    found = []
    counts = np.bincount(labels, minlength=len(classes))
    rarest = int(counts.argmin())
    fewest = int(counts[rarest])
    if fewest < IMAGES_OF_A_CLASS:
        had = "no image" if fewest == 0 else f"only {counted(fewest, 'image')}"
        found.append(
            f"The exam has {had} of the class {classes[rarest]}: with so few, intervals are too narrow. In "
            f"simulations those called 95 % held the true score in {_share(BY_IMAGES, fewest)}; from "
            f"{IMAGES_OF_A_CLASS} images of every class on they do what they say."
        )
    if groups is not None and len(np.unique(groups)) < GROUPS:
        count = len(np.unique(groups))
        found.append(
            f"The exam has only {counted(count, 'group')}: with so few, intervals may be too narrow. In "
            f"simulations those called 95 % held the true score in {_share(BY_GROUPS, count)}; the promise "
            f"begins at {GROUPS} groups."
        )
    return found


def _share(table: tuple[tuple[int, float], ...], count: int) -> str:
    """Return what was simulated for the largest number up to ``count``, or else for the smallest."""
    number, share = ([each for each in table if each[0] <= count] or [table[0]])[-1]
    return f"{100 * share:.0f} % of the experiments with {number}"
