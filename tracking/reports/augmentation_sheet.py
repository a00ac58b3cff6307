"""A sheet of augmented images: what the network is shown of some images in each epoch.

It is made of NumPy arrays, with the arithmetic and the random numbers of training: a test compares the bits.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tracking.records import TrialRecord
from tracking.reports.drawing import INK, Margins, new_figure
from trainer.datasets import Dataset
from trainer.escaping import for_figure, for_terminal
from trainer.fits.folds import Indices
from trainer.fits.names import fit_name
from trainer.fits.seeds import derive
from trainer.fits.split import Split
from trainer.recipe.augmentation import Strengths, random_rows
from trainer.recipe.transformation import NUMPY, Draw, transformed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The most images on a sheet, each of another class if there are enough, and the number of epochs.
IMAGES, EPOCHS = 8, 7

#: Inches of an image's longer side, and the space between images as a share of it.
_SIDE, _GAP = 1.0, 0.08

#: Class names are cut to this many letters.
_LETTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What is shown: each image as it is, and as some epochs have it.

    Attributes:
        name: whose augmentation it is.
        what: which images, in words.
        strengths: of each kind.
        seed: the fit's seed for augmentation.
        dataset: the images of the search.
        images: places of those that are shown.
        epochs: number of epochs that are shown, from the first.
    """

    name: str
    what: str
    strengths: Strengths
    seed: int
    dataset: Dataset
    images: Indices
    epochs: int = EPOCHS

    def pixels(self, epoch: int) -> npt.NDArray[np.float32]:
        """Return the images as an epoch shows them, ``[n, height, width, channels]``."""
        data = self.dataset
        amounts = self.strengths.amounts(data.input_shape, data.pixel_max)
        exact = {name: np.float32(amount) for name, amount in amounts.items()}
        rows = random_rows(derive(self.seed, epoch), self.images)
        stored = np.asarray(data.images[self.images]).astype(np.float32)
        shown: npt.NDArray[np.float32] = transformed(
            Draw(NUMPY, rows, exact, self.strengths.kinds), stored, data.pixel_max
        )
        return shown

    def figure(self) -> "Figure":
        """Draw it: a row for each image, a column for each epoch."""
        stored = np.asarray(self.dataset.images[self.images]).astype(np.float32)
        columns = [stored, *(self.pixels(epoch) for epoch in range(1, self.epochs + 1))]
        mosaic, across, down = _mosaic(np.stack(columns, axis=1) / self.dataset.pixel_max)
        names = [_cut(self.dataset.classes[label]) for label in self.dataset.labels[self.images]]
        margins = Margins(left=0.3 + 0.075 * max(map(len, names)), right=0.15, below=0.1, above=0.75)
        inches = _SIDE / max(self.dataset.input_shape[:2])
        width, height = (inches * size for size in (mosaic.shape[1], mosaic.shape[0]))
        narrow = max(width, 5.5)  # room for the title
        figure = new_figure(
            narrow + margins.left + margins.right, height + margins.below + margins.above, margins
        )
        axes = figure.subplots()
        axes.imshow(mosaic, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_anchor("NW")
        axes.set_yticks(down, names)
        axes.set_xticks(across, ["as it is", *(f"epoch {n}" for n in range(1, self.epochs + 1))])
        axes.tick_params(colors=INK, labelsize=8, length=0, labeltop=True, labelbottom=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        title = f"{for_figure(self.name)}: {self.what}\n{self.strengths.said}"
        figure.suptitle(title, x=0.02, y=0.99, ha="left", va="top", color=INK, fontsize=9)
        return figure


def of_trial(trial: TrialRecord, dataset: Dataset, seed: int | None = None) -> Sheet:
    """Return the sheet of a trial's first fit: training images of several classes.

    Args:
        trial: an augmented trial with at least one fit.
        dataset: the images of the search.
        seed: in place of the fit's seed for augmentation; None shows what its network saw.
    """
    spec = trial.folds[0].spec
    training = np.sort(Split.of_fit(spec, dataset).parts(spec).training)
    return Sheet(
        name=fit_name(spec, trial.number),
        what="training images as the network sees them",
        strengths=Strengths.of(trial.hyperparameters),
        seed=spec.seeds.augmentation if seed is None else seed,
        dataset=dataset,
        images=some_of_each_class(dataset, training),
    )


def some_of_each_class(dataset: Dataset, places: Indices, count: int = IMAGES) -> Indices:
    """Return the first images of as many classes as possible, evenly spread over all classes.

    Args:
        dataset: the images.
        places: of the images to choose from.
        count: the most images.
    """
    labels = dataset.labels[places]
    there = np.unique(labels)
    if len(there) > count:
        there = there[np.linspace(0, len(there) - 1, count).round().astype(int)]
    each = -(-count // len(there))
    chosen = [places[labels == label][:each] for label in there]
    return np.concatenate(chosen)[:count]


def _mosaic(shown: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], list[float], list[float]]:
    """Join ``[rows, columns, height, width, channels]`` to one picture with white between the images.

    Returns:
        The picture in grey or colour, and the middles of its columns and rows.
    """
    rows, columns, height, width, channels = shown.shape
    gap = max(1, round(_GAP * max(height, width)))
    tall, wide = height + gap, width + gap
    picture = np.ones((rows * tall, columns * wide, channels if channels in (3, 4) else 1))
    for row in range(rows):
        for column in range(columns):
            place = slice(row * tall, row * tall + height), slice(column * wide, column * wide + width)
            picture[place] = shown[row, column][..., : picture.shape[-1]]
    across = [column * wide + (width - 1) / 2 for column in range(columns)]
    down = [row * tall + (height - 1) / 2 for row in range(rows)]
    return (picture if picture.shape[-1] > 1 else picture[..., 0]), across, down


def _cut(name: str) -> str:
    text = for_terminal(name)
    return for_figure(text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…")
