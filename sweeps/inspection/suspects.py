"""Likely label errors of a recorded sweep: from its best trial's out-of-fold probabilities."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeps.analysis.statistics.confident_learning import label_errors
from sweeps.inspection.findings import names_of
from tracking.reports.out_of_fold import OutOfFold
from trainer.datasets import Dataset, Loaded

#: Suspects that are listed.
LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """An image whose label is likely wrong.

    Attributes:
        image: its place in the dataset.
        path: its name.
        label: its class.
        suggested: the class that it looks like.
        probability: of the suggested class, in [0, 1].
        flagged: whether confident learning counts it as a label error; the others are only suspicious.
    """

    image: int
    path: str
    label: str
    suggested: str
    probability: float
    flagged: bool

    def __str__(self) -> str:
        """Say it in a line."""
        flag = "" if self.flagged else " (only suspicious)"
        return f"{self.path}: {self.label}, looks like {self.suggested} ({self.probability:.2f}){flag}"


def suspects(loaded: Loaded, predictions: OutOfFold, *, most: int = LISTED) -> list[Suspect]:
    """Return the images whose labels are most likely wrong, the most suspicious first.

    Args:
        loaded: the images.
        predictions: with the probabilities of all classes; of an image in several repeats, the mean counts.
        most: number of suspects.

    Raises:
        ValueError: if the predictions lack the probabilities.
    """
    if predictions.probabilities is None:
        raise ValueError("the probabilities of all classes are needed")
    images, place = np.unique(predictions.image, return_inverse=True)
    mean = _means(predictions.probabilities, place, len(images))
    data, names = loaded.search, names_of(loaded)
    found = label_errors(data.labels[images], mean)
    listed = [row for row in found.order.tolist() if found.margin[row] < 0][:most]
    return [
        _suspect(data, names[images[row]], int(images[row]), mean[row], flagged=bool(found.flagged[row]))
        for row in listed
    ]


def _means(
    probabilities: npt.NDArray[np.float32], place: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.float64]:
    total = np.zeros((count, probabilities.shape[1]))
    np.add.at(total, place, probabilities)
    return total / np.bincount(place, minlength=count)[:, None]


def _suspect(
    data: Dataset, name: str, image: int, probabilities: npt.NDArray[np.float64], *, flagged: bool
) -> Suspect:
    best = int(probabilities.argmax())
    return Suspect(
        image=image,
        path=name,
        label=data.classes[data.labels[image]],
        suggested=data.classes[best],
        probability=float(probabilities[best]),
        flagged=flagged,
    )
