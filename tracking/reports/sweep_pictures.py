"""Pictures of a sweep, from its record: course of the search, hyperparameters, importance, folds."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tracking.records import SweepRecord, TrialRecord, TrialState
from tracking.reports.drawing import FAINT, INK, Colour, bare, colour, new_figure
from tracking.reports.importance import FEWEST_TRIALS, Importance, importances
from trainer.escaping import for_figure, for_terminal
from trainer.hyperparameters import Value
from trainer.quantities import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The most panels or rows of a picture; with more it would be too large to read.
MOST_PANELS = 16
#: The number of trials in the plot of folds, one in each row.
MOST_ROWS = 24
#: A number may have a logarithmic axis if its largest value is at least this many times its smallest.
_LOGARITHMIC = 10
#: Width in inches that fits into the column in which MLflow shows a note.
_NOTE_WIDTH = 6.4
#: The marker of a trial without a score, and its name in the title.
_LOST: Mapping[TrialState, tuple[str, str]] = {"failed": ("x", "\u00d7"), "pruned": ("v", "\u25be")}


def optimisation_history(record: SweepRecord) -> "Figure":
    """Draw each trial's score over its number, and each architecture's best so far as a line."""
    figure = new_figure(_NOTE_WIDTH, 3.6)
    axes = figure.subplots()
    for place, (name, shade) in enumerate(_shades(record).items()):
        own = [trial for trial in record.trials if trial.architecture == name]
        scored = [trial for trial in own if trial.score is not None]
        numbers = [trial.number for trial in scored]
        scores = np.array([trial.score for trial in scored], dtype=float)
        axes.scatter(numbers, scores, s=18, color=shade, alpha=0.55, linewidths=0)
        if scored:
            best = np.maximum.accumulate(scores)
            label = f"{for_figure(name)}  {best[-1]:.4f}"
            axes.step(numbers, best, where="post", color=shade, linewidth=1.6, label=label)
        for state, (marker, _) in _LOST.items():
            lost = [trial.number for trial in own if trial.state == state]
            _mark(axes, lost, marker, shade, height=0.02 + 0.035 * min(place, 8))
    _limit(axes, record.ranking)
    if any(_count(record, state) for state in _LOST):
        low, high = axes.get_ylim()
        axes.set_ylim(low - 0.035 * min(len(record.architectures), 9) * (high - low), high)
    bare(axes)
    _whole_numbers(axes)
    axes.set_xlabel("trial", color=INK)
    axes.set_ylabel(_score(record), color=INK)
    _name_colours(figure, axes, title="best so far")
    marks = [f"{mark} {state}" for state, (_, mark) in _LOST.items() if _count(record, state)]
    figure.suptitle(
        "   ".join([f"{for_figure(record.name)}: {_ended(record)}", *marks]), color=INK, fontsize=12
    )
    return figure


def score_against_hyperparameters(record: SweepRecord) -> "Figure":
    """Draw the score of every complete trial over each hyperparameter, a panel each."""
    names = _varied(record.ranking)[:MOST_PANELS]
    columns = min(4, max(1, len(names)))
    rows = -(-max(1, len(names)) // columns)
    figure = new_figure(2.5 * columns + 1.6, 2.3 * rows + 0.6)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    shades = _shades(record)
    for panel, name in zip(panels, names, strict=False):
        trials = [trial for trial in record.ranking if name in trial.hyperparameters]
        scale = _Scale([trial.hyperparameters[name] for trial in trials])
        for architecture, shade in shades.items():
            own = [trial for trial in trials if trial.architecture == architecture]
            places = [scale.place(trial.hyperparameters[name]) for trial in own]
            scores = [trial.score or 0.0 for trial in own]
            panel.scatter(
                places, scores, s=16, color=shade, alpha=0.7, linewidths=0, label=for_figure(architecture)
            )
        scale.dress(panel)
        bare(panel)
        panel.set_title(for_figure(name), fontsize=9, color=INK)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    for row in range(rows):
        panels[row * columns].set_ylabel(for_figure(record.metric.title), color=INK, fontsize=9)
    _limit(panels[0], record.ranking)
    if names:
        _name_colours(figure, panels[0], title=None)
    figure.suptitle(f"{for_figure(record.name)}: score against each hyperparameter", color=INK, fontsize=12)
    return figure


def parameter_importance(record: SweepRecord) -> "Figure":
    """Draw how much of the differences between trials each hyperparameter explains alone, and chance."""
    found = _importances(record)
    if not found:
        return _too_few(record)
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    most = max(len(each) for each in found.values())
    figure = new_figure(3.6 * columns + 0.4, rows * (0.24 * most + 0.9) + 0.7)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    shades = _shades(record)
    for panel, (name, each) in zip(panels, found.items(), strict=False):
        _draw_importance(panel, each, shades[name])
        panel.set_ylim(most - 0.4, -0.6)
        panel.set_title(f"{for_figure(name)}, {_has(record, name)} trials", fontsize=9, color=INK)
    for panel in panels[len(found) :]:
        panel.set_axis_off()
    panels[0].set_xlim(0, 1)
    figure.suptitle(
        f"{for_figure(record.name)}: how much of a trial's rank each hyperparameter explains alone\n"
        "adjusted R²; the line is what chance reaches in 1 of 20 searches: pale bars prove nothing",
        color=INK,
        fontsize=10,
    )
    return figure


def parallel_coordinates(record: SweepRecord) -> "Figure":
    """Draw every complete trial as a line through the hyperparameters that all architectures share."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    trials = record.ranking
    shared = [name for name in _varied(trials) if all(name in trial.hyperparameters for trial in trials)]
    columns = ["architecture", *shared[: MOST_PANELS - 2]]
    values = {name: [trial.hyperparameters[name] for trial in trials] for name in columns[1:]}
    values["architecture"] = [trial.architecture for trial in trials]
    scales = {name: _Scale(values[name]) for name in columns}
    low, high = _limits(trials)
    norm, map_ = Normalize(low, high), colormaps["viridis"]
    figure = new_figure(1.6 * len(columns) + 3.0, 4.8)
    axes = figure.subplots()
    for index in reversed(range(len(trials))):  # the best on top
        heights = [scales[name].share(values[name][index]) for name in columns]
        score = trials[index].score or 0.0
        heights.append(min(max((score - low) / (high - low), 0.0), 1.0))
        axes.plot(range(len(heights)), heights, color=map_(norm(score)), linewidth=1.3, alpha=0.75)
    for place, name in enumerate(columns):
        axes.axvline(place, color=FAINT, linewidth=0.8)
        for height, text in scales[name].marks():
            axes.text(place + 0.03, height, text, fontsize=7.5, color=INK, va="center", bbox=_PAPER)
    axes.axvline(len(columns), color=FAINT, linewidth=0.8)
    titles = [*columns, trials[0].metric.title]
    axes.set_xticks(range(len(titles)), [*map(for_figure, titles)], color=INK, fontsize=9)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.set_xlim(-0.1, len(columns) + 0.05)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(ScalarMappable(norm, map_), ax=axes, pad=0.01)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=8, length=0)
    figure.suptitle(
        f"{for_figure(record.name)}: the hyperparameters of every complete trial", color=INK, fontsize=12
    )
    return figure


def fold_scores(record: SweepRecord) -> "Figure":
    """Draw the folds of the best trials, a row each: how much the choice of images alone changes a score."""
    trials = record.ranking[:MOST_ROWS]
    figure = new_figure(_NOTE_WIDTH, 0.2 * len(trials) + 1.2)
    axes = figure.subplots()
    shades = _shades(record)
    for row, trial in enumerate(trials):
        shade = shades[trial.architecture]
        scores = trial.fold_scores
        axes.plot([min(scores), max(scores)], [row, row], color=shade, linewidth=1, alpha=0.4)
        axes.scatter(scores, [row] * len(scores), s=18, color=shade, alpha=0.75, linewidths=0)
        axes.plot([trial.score_mean or 0.0], [row], marker="|", markersize=11, markeredgewidth=2, color=INK)
    axes.set_yticks(range(len(trials)), [for_figure(trial.name) for trial in trials], fontsize=7.5)
    axes.set_ylim(len(trials) - 0.4, -0.6)
    bare(axes)
    title = for_figure(trials[0].metric.title)
    axes.set_xlabel(f"{title} of one held-out fold; the bar is their mean", color=INK)
    which = "every complete trial" if len(trials) == len(record.ranking) else f"the best {len(trials)} trials"
    figure.suptitle(f"{for_figure(record.name)}: the folds of {which}", color=INK, fontsize=12)
    return figure


def _too_few(record: SweepRecord) -> "Figure":
    """Return a figure that says why no importance can be drawn."""
    figure = new_figure(7.6, 1.6)
    figure.suptitle(f"{for_figure(record.name)}: importance of hyperparameters", color=INK, fontsize=12)
    axes = figure.subplots()
    axes.set_axis_off()
    text = f"needs at least {FEWEST_TRIALS} complete trials of an architecture"
    axes.text(0.5, 0.5, text, ha="center", color=FAINT, fontsize=10)
    return figure


_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}


class _Scale:
    """An axis for the values of one hyperparameter: numbers by value, all others in order."""

    def __init__(self, values: Sequence[Value]) -> None:
        self._choices: list[Value] = []
        distinct = set(values)
        if len(distinct) <= 4 or any(isinstance(value, str | bool) for value in distinct):
            text = any(isinstance(value, str) for value in distinct)
            self._choices = sorted(distinct, key=str if text else float)
            self._low, self._high, self.logarithmic = 0.0, float(max(len(self._choices) - 1, 1)), False
            return
        numbers = [float(value) for value in distinct]
        low, high = min(numbers), max(numbers)
        self.logarithmic = low > 0 and high / low >= _LOGARITHMIC and _centred_by_logarithm(numbers)
        self._low, self._high = self._scaled(low), self._scaled(high)

    def place(self, value: Value) -> float:
        """Return the coordinate of a value on the axis that ``dress`` makes."""
        return float(self._choices.index(value)) if self._choices else float(value)

    def share(self, value: Value) -> float:
        """Return the position of a value between the lowest (0) and the highest (1)."""
        if self._choices:
            return (self.place(value) - self._low) / (self._high - self._low)
        return (self._scaled(float(value)) - self._low) / (self._high - self._low)

    def marks(self) -> list[tuple[float, str]]:
        """Return the labels of an axis with their positions, from 0 to 1."""
        if self._choices:
            return [(self.share(choice), _short(choice)) for choice in self._choices]
        ends = [self._low, (self._low + self._high) / 2, self._high]
        values = [10**end if self.logarithmic else end for end in ends]
        return [(share, f"{value:.2g}") for share, value in zip((0.0, 0.5, 1.0), values, strict=True)]

    def dress(self, axes: "Axes") -> None:
        """Give the horizontal axis this scale."""
        if self.logarithmic:
            axes.set_xscale("log")
        elif self._choices:
            axes.set_xticks(range(len(self._choices)), [_short(choice) for choice in self._choices])
            axes.set_xlim(-0.5, len(self._choices) - 0.5)

    def _scaled(self, number: float) -> float:
        return float(np.log10(number)) if self.logarithmic else number


def _centred_by_logarithm(numbers: Sequence[float]) -> bool:
    """Return whether the median is nearer to the middle of a logarithmic axis than of a linear one."""
    low, middle, high = min(numbers), float(np.median(numbers)), max(numbers)
    plain = (middle - low) / (high - low)
    logarithmic = np.log(middle / low) / np.log(high / low)
    return bool(abs(logarithmic - 0.5) < abs(plain - 0.5))


def _short(value: Value) -> str:
    text = for_terminal(value)
    return for_figure(text if len(text) <= 12 else text[:11] + "…")


def _draw_importance(axes: "Axes", found: Sequence[Importance], shade: Colour) -> None:
    """Add a bar for each hyperparameter, pale if chance explains as much, and a line for chance."""
    for row, each in enumerate(found):
        proven = each.share > each.chance
        axes.barh(row, max(each.share, 0.0), color=shade, alpha=0.85 if proven else 0.25, height=0.62)
        axes.plot([each.chance] * 2, [row - 0.4, row + 0.4], color=INK, linewidth=1)
    axes.set_yticks(range(len(found)), [for_figure(each.name) for each in found])
    bare(axes)
    axes.grid(visible=False, axis="y")


def _importances(record: SweepRecord) -> dict[str, tuple[Importance, ...]]:
    """Return the importances of each architecture that has enough complete trials."""
    every = {
        name: importances([trial for trial in record.trials if trial.architecture == name])
        for name in record.architectures[:MOST_PANELS]
    }
    return {name: found for name, found in every.items() if found}


def _varied(trials: Sequence[TrialRecord]) -> list[str]:
    """Return the hyperparameters with more than one value, those of the most trials first, then by name."""
    seen: dict[str, list[Value]] = {}
    for trial in trials:
        for name, value in trial.hyperparameters.items():
            seen.setdefault(name, []).append(value)
    varied = [name for name, values in seen.items() if len(set(values)) > 1]
    return sorted(varied, key=lambda name: (-len(seen[name]), name))


def _shades(record: SweepRecord) -> Mapping[str, Colour]:
    """Return the colour of each architecture, the same in all pictures."""
    count = len(record.architectures)
    return {name: colour(index, count) for index, name in enumerate(record.architectures)}


def _limits(trials: Sequence[TrialRecord]) -> tuple[float, float]:
    """Return the range of scores to draw, without collapsed trials, which would flatten all others."""
    scores = np.array([trial.score for trial in trials], dtype=float)
    lower, upper = np.quantile(scores, [0.25, 0.75])
    low = max(float(scores.min()), float(lower - 3 * max(upper - lower, 0.01)))
    return low, max(float(scores.max()), low + 0.001)


def _limit(axes: "Axes", trials: Sequence[TrialRecord]) -> None:
    """Limit the vertical axis to ``_limits``, and say how many trials lie below it."""
    if not trials:
        return
    low, high = _limits(trials)
    room = 0.08 * (high - low)
    axes.set_ylim(low - room, high + room)
    below = sum((trial.score or 0.0) < low for trial in trials)
    if below:
        text = f"{counted(below, 'trial')} below this"
        axes.text(0.01, 0.06, text, transform=axes.transAxes, fontsize=8, color=FAINT)


def _mark(axes: "Axes", numbers: Sequence[int], marker: str, shade: Colour, *, height: float) -> None:
    """Mark trials without a score near the bottom edge, at ``height`` in [0, 1] of the axes."""
    bottom = axes.get_xaxis_transform()
    axes.plot(numbers, [height] * len(numbers), marker, markersize=4.5, color=shade, transform=bottom)


def _whole_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _name_colours(figure: "Figure", axes: "Axes", *, title: str | None) -> None:
    """Write which colour is which architecture beside the panels."""
    marks, names = axes.get_legend_handles_labels()
    figure.legend(
        marks, names, title=title, loc="outside right upper", fontsize=8, title_fontsize=8, frameon=False
    )


def _count(record: SweepRecord, state: TrialState) -> int:
    return sum(trial.state == state for trial in record.trials)


def _has(record: SweepRecord, architecture: str) -> int:
    """Return how many complete trials an architecture has."""
    return sum(trial.architecture == architecture for trial in record.ranking)


def _ended(record: SweepRecord) -> str:
    count = sum(trial.state != "running" for trial in record.trials)
    return counted(count, "trial")


def _score(record: SweepRecord) -> str:
    """Return the label of an axis of trials' scores."""
    title = for_figure(record.metric.title)
    return f"{title}, pooled over the folds" if record.metric.counts else f"{title}, mean of the folds"
