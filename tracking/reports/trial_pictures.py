"""Pictures of a trial: its learning curves, its confusion matrix, and its most confident mistakes."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tracking.records import FoldRecord, TrialRecord
from tracking.reports.drawing import FAINT, INK, Colour, Margins, bare, colour, new_figure
from tracking.reports.out_of_fold import OutOfFold
from trainer.datasets import Dataset
from trainer.escaping import for_figure, for_terminal
from trainer.fits.results import Epoch
from trainer.metrics.metric import Metric
from trainer.quantities import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The most classes for which counts are written into the cells; with more they could not be read.
NUMBERED_CLASSES = 20
#: The most curves for which there is a legend; a longer one would hide too much.
NAMED_CURVES = 10
#: Class names on the confusion matrix are cut to this many letters; the approximate width of one, in inches.
_NAME_LENGTH, _LETTER = 16, 0.075
#: File names below mistakes are cut to this many letters, which are their last.
FILE_NAME = 18
#: The number of most confident mistakes that are shown.
SHOWN_IMAGES = 24


def learning_curves(trial: TrialRecord) -> "Figure":
    """Draw the stop-set scores of all folds with the best epochs marked, and the losses beside it.

    Without a stop set the training accuracy stands in for the score. If a schedule changes the learning rate,
    it is drawn too.
    """
    epochs = [epoch for fold in trial.folds for epoch in fold.run.result.epochs]
    scheduled = any(epoch.learning_rate is not None for epoch in epochs)
    watched = any(epoch.stop_score is not None for epoch in epochs) or not epochs
    count = 3 if scheduled else 2
    figure = new_figure(4.8 * count, 4.2, Margins(left=0.72, right=0.15, below=0.5, above=0.7))
    scores, losses, *rates = figure.subplots(1, count, gridspec_kw={"wspace": 0.18 if count == 2 else 0.25})
    for index, fold in enumerate(trial.folds):
        shade = colour(index, len(trial.folds))
        _draw_fold(scores, losses, fold, shade=shade, watched=watched)
        for axes in rates:
            _draw_rates(axes, fold, shade=shade)
    if watched:
        title = for_figure(trial.metric.title)
        _dress(scores, f"Stop-set {title}", title)
        _dress(losses, "Loss: training solid, stop set dashed", "cross-entropy, nats")
    else:
        _dress(scores, "Training accuracy (there is no stop set)", "accuracy")
        _dress(losses, "Training loss", "nats")
    for axes in rates:
        _dress(axes, "Learning rate", "learning rate")
        axes.set_ylim(bottom=0)
    scores.plot([], [], linestyle="none", marker="o", markersize=6, color=FAINT, label="best epoch")
    if len(trial.folds) <= NAMED_CURVES:
        scores.legend(loc="best", fontsize=8, frameon=False)
    score = "" if trial.score is None else f"   {_title(trial.metric)} {trial.score:.4f}"
    state = "" if trial.state == "complete" else f"   {trial.state}"
    figure.suptitle(f"{for_figure(trial.name)}{score}{state}", color=INK, fontsize=12)
    return figure


def confusion_picture(trial: TrialRecord, classes: Sequence[str]) -> "Figure":
    """Draw the counts of the pooled out-of-fold predictions; the shade is the share of the true class.

    Args:
        trial: with at least one finished fold.
        classes: names of the classes in label order.

    Raises:
        ValueError: if no fold has finished yet.
    """
    if trial.confusion is None:
        raise ValueError(f"{trial.name} has no finished fold to draw")
    counts = np.asarray(trial.confusion, dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.2 + 0.36 * len(classes), 10.0)
    slanted, longest = _slanted(classes), min(_NAME_LENGTH, max(map(len, classes)))
    margins = Margins(
        left=0.5 + _LETTER * longest,
        right=1.2,
        below=0.6 + (0.7 * _LETTER * longest if slanted else 0.0),
        above=0.45,
    )
    width, height = side + margins.left + margins.right, side + margins.below + margins.above
    figure = new_figure(width, height, margins)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    if len(classes) <= NUMBERED_CLASSES:
        _write_counts(axes, counts, shares)
    _name_classes(axes, classes)
    axes.set_xlabel("predicted class", color=INK)
    axes.set_ylabel("true class", color=INK)
    axes.set_title(
        f"{for_figure(trial.name)}   out-of-fold predictions of {counted(len(trial.fold_scores), 'fold')}",
        color=INK,
        fontsize=11,
        pad=10,
    )
    place = (1 - 1.05 / width, margins.below / height + 0.1, 0.18 / width, 0.8 * side / height)
    bar = figure.colorbar(image, cax=figure.add_axes(place))
    bar.set_label("share of the true class", color=INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=8, length=0)
    return figure


def most_confused(trial: TrialRecord, found: OutOfFold, dataset: Dataset) -> "Figure":
    """Draw the held-out images that were given a wrong class with the highest confidence.

    Args:
        trial: the trial.
        found: its predictions, with at least one mistake.
        dataset: the images.
    """
    shown = found.mistakes()[:SHOWN_IMAGES]
    columns = max(4, min(6, len(shown)))
    rows = -(-len(shown) // columns)
    figure = new_figure(1.45 * columns, 1.75 * rows + 0.4)
    axes = figure.subplots()  # one for all images: two dozen axes would take ten times as long to draw
    axes.set_axis_off()
    for index, place in enumerate(shown):
        row, column = divmod(index, columns)
        pixels = np.asarray(dataset.images[found.image[place]]) / dataset.pixel_max
        coloured = pixels.shape[-1] in (3, 4)
        height, width, _ = pixels.shape
        half, top = 0.46 * min(1.0, width / height), row + 1.0 - 0.76 * min(1.0, height / width)
        axes.imshow(
            pixels if coloured else pixels[..., 0], cmap="gray", vmin=0.0, vmax=1.0,
            extent=(column + 0.5 - half, column + 0.5 + half, row + 1.0, top),
        )  # fmt: skip
        names = (_cut(dataset.classes[label], 12) for label in (found.true[place], found.predicted[place]))
        text = f"{' → '.join(names)}\n{_caption(found, int(place))}"
        axes.text(column + 0.5, top - 0.02, text, ha="center", va="bottom", fontsize=7.5, color=INK)
    axes.set(xlim=(0, columns), ylim=(rows + 0.02, 0), aspect="auto")
    figure.suptitle(
        f"{for_figure(trial.name)}   most confident of {len(found.mistakes())} mistakes: "
        "true → predicted, probability",
        color=INK,
        fontsize=9,
    )
    return figure


def _title(metric: Metric) -> str:
    return f"{'pooled' if metric.counts else 'mean'} {for_figure(metric.title)}"


def _caption(found: OutOfFold, place: int) -> str:
    """Return the probability of a mistake, and the end of the file's name if it has one."""
    probability = f"{found.confidence[place]:.3f}"
    if not found.paths:
        return probability
    name = for_terminal(found.name(place))
    return f"{probability} {for_figure(name if len(name) <= FILE_NAME else '…' + name[1 - FILE_NAME :])}"


def _draw_rates(axes: "Axes", fold: FoldRecord, *, shade: Colour) -> None:
    """Add one fold's learning rates."""
    values = _values(fold.run.result.epochs, lambda epoch: epoch.learning_rate)
    axes.plot(
        range(1, len(values) + 1), values, color=shade, linewidth=1.4, marker="." if len(values) == 1 else ""
    )


def _draw_fold(scores: "Axes", losses: "Axes", fold: FoldRecord, *, shade: Colour, watched: bool) -> None:
    """Add one fold's curves to scores and losses."""
    result = fold.run.result
    steps = range(1, len(result.epochs) + 1)
    dot = "." if len(steps) == 1 else ""  # a line through a single point is invisible
    score = _values(result.epochs, lambda epoch: epoch.stop_score if watched else epoch.accuracy)
    loss = _values(result.epochs, lambda epoch: epoch.loss)
    stop_loss = _values(result.epochs, lambda epoch: epoch.stop_loss)
    scores.plot(steps, score, color=shade, linewidth=1.4, marker=dot, label=_fold_name(fold))
    if 1 <= result.best_epoch <= len(score):
        best = result.best_epoch
        scores.plot([best], [score[best - 1]], marker="o", markersize=6, color=shade, markeredgecolor="white")
    losses.plot(steps, loss, color=shade, linewidth=1.4, marker=dot)
    losses.plot(steps, stop_loss, color=shade, linewidth=1.1, linestyle=(0, (4, 2)), marker=dot)


def _fold_name(fold: FoldRecord) -> str:
    """Return a fold's name for the legend."""
    repeat = f"repeat {fold.spec.repeat}, " if fold.spec.repeat else ""
    ending = "" if fold.run.result.state == "complete" else f" ({fold.run.result.state})"
    return f"{repeat}fold {fold.spec.fold}{ending}"


def _values(epochs: Sequence[Epoch], value: Callable[[Epoch], float | None]) -> list[float]:
    """Return one value of each epoch; NaN, drawn as a gap, if it is missing or cannot be drawn."""
    found = [value(epoch) for epoch in epochs]
    return [math.nan if number is None or not math.isfinite(number) else number for number in found]


def _dress(axes: "Axes", title: str, label: str) -> None:
    """Give a half of the learning curves its title, labels, whole epochs and a light grid."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(title, fontsize=10, color=INK)
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel(label, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    bare(axes)


def _write_counts(axes: "Axes", counts: np.ndarray, shares: np.ndarray) -> None:
    """Write every count that is not 0 into its cell, light on dark and dark on light."""
    size = 9 if len(counts) <= 12 else 7
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.55 else INK
            axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=colour)


def _name_classes(axes: "Axes", classes: Sequence[str]) -> None:
    """Write class names along both sides: all of them, or every n-th if they would overlap."""
    every = math.ceil(len(classes) / 40)
    places = list(range(0, len(classes), every))
    names = [_cut(classes[place], _NAME_LENGTH) for place in places]
    slanted = _slanted(classes)
    axes.set_xticks(places, names, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    axes.set_yticks(places, names)
    axes.tick_params(colors=INK, labelsize=8, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _slanted(classes: Sequence[str]) -> bool:
    """Return whether names are too long to be written side by side."""
    return max(map(len, classes)) > 3


def _cut(name: str, length: int) -> str:
    """Return a name for a figure, cut to ``length`` letters."""
    text = for_terminal(name)
    return for_figure(text if len(text) <= length else text[: length - 1] + "…")
