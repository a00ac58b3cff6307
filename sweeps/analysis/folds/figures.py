"""Figures of a comparison, as SVG. They use Matplotlib's objects, never pyplot."""

import numpy as np

from sweeps.analysis import drawing
from sweeps.analysis.drawing import FAINT, INK, VERDICT
from sweeps.analysis.folds.comparison import Comparison
from sweeps.analysis.words import points
from trainer.escaping import for_figure

#: Largest number of architectures with which the words in the matrix can be read.
_WORDED = 10


def intervals(comparison: Comparison) -> bytes:
    """Draw each architecture's confirmed score with its interval, and its score in the search."""
    contenders = comparison.contenders
    figure, axes = drawing.axes_of(8.6, 1.5 + 0.42 * len(contenders))
    rows = np.arange(len(contenders))
    means = [contender.confirmed.mean for contender in contenders]
    low = [contender.confirmed.mean - contender.confirmed.low for contender in contenders]
    high = [contender.confirmed.high - contender.confirmed.mean for contender in contenders]
    axes.errorbar(
        means, rows, xerr=[low, high], fmt="o", color=INK, capsize=3, label="confirmed, 95 % interval"
    )
    axes.plot(
        [contender.search.uncorrected for contender in contenders], rows - 0.22,
        linestyle="none", marker="D", markersize=5, color="white", markeredgecolor=FAINT,
        label="search's best",
    )  # fmt: skip
    axes.plot(
        [contender.search.score for contender in contenders], rows - 0.22,
        linestyle="none", marker="D", markersize=5, color=FAINT, label="search's best without its luck",
    )  # fmt: skip
    drawing.name_rows(axes, [contender.architecture for contender in contenders])
    axes.set_xlabel(for_figure(comparison.metric.title), color=INK)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return drawing.svg(figure)


def differences(comparison: Comparison) -> bytes:
    """Draw each pair's paired differences, their mean with its interval, and the region of equivalence."""
    pairs = comparison.pairs
    figure, axes = drawing.axes_of(8.6, 1.1 + 0.36 * len(pairs))
    rope = 100 * comparison.asked.rope
    axes.axvspan(-rope, rope, color="#dbe7f3", linewidth=0, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
    for row, pair in enumerate(pairs):
        values = 100 * np.asarray(pair.differences)
        axes.plot(values, np.full(len(values), row), "|", color=FAINT, markersize=7, alpha=0.7, zorder=2)
        found, colour = pair.difference, VERDICT[pair.verdict]
        axes.plot([100 * found.low, 100 * found.high], [row, row], color=colour, linewidth=2, zorder=3)
        axes.plot([100 * found.mean], [row], "o", color=colour, markersize=6, zorder=4)
    drawing.name_rows(axes, [f"{pair.one} - {pair.other}" for pair in pairs])
    axes.set_xlabel(f"difference in points of {for_figure(comparison.metric.title)}", color=INK)
    for name, colour in VERDICT.items():
        if any(pair.verdict == name for pair in pairs):
            axes.plot([], [], "o-", color=colour, label=name)
    axes.legend(loc="best", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")
    return drawing.svg(figure)


def matrix(comparison: Comparison) -> bytes:
    """Draw every pair as a cell: the row's score minus the column's, and the verdict."""
    names = [contender.architecture for contender in comparison.contenders]
    place = {name: index for index, name in enumerate(names)}
    table = np.full((len(names), len(names)), np.nan)
    verdicts: dict[tuple[int, int], str] = {}
    for pair in comparison.pairs:
        row, column = place[pair.one], place[pair.other]
        table[row, column], table[column, row] = pair.difference.mean, -pair.difference.mean
        verdicts[row, column] = pair.verdict
        verdicts[column, row] = {"better": "worse", "worse": "better"}.get(pair.verdict, pair.verdict)
    side = 2.0 + 0.95 * len(names)
    figure, axes = drawing.axes_of(side + 0.6, 0.78 * side)
    largest = float(np.nanmax(np.abs(table), initial=1e-6))
    axes.imshow(table, cmap="RdBu", vmin=-2.5 * largest, vmax=2.5 * largest, aspect="auto")
    if len(names) <= _WORDED:
        for (row, column), word in verdicts.items():
            text = f"{points(table[row, column], sign=True)}\n{word}"
            weight = "normal" if word == "undecided" else "bold"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=INK, weight=weight)
    drawing.name_rows(axes, names)
    axes.set_xticks(range(len(names)), [for_figure(name) for name in names], rotation=30, ha="right")
    axes.set_xlabel("points of the row above the column", color=INK)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return drawing.svg(figure)


def paired_scores(comparison: Comparison) -> bytes:
    """Draw the scores of each paired fit as a line through all architectures."""
    contenders = comparison.contenders
    figure, axes = drawing.axes_of(8.6, 4.0)
    table = np.array([contender.scores for contender in contenders])
    places = np.arange(len(contenders))
    axes.plot(places, table, color=FAINT, linewidth=0.7, alpha=0.6, marker=".", markersize=4)
    axes.plot(places, table.mean(axis=1), color="#2166ac", linewidth=2, marker="o", label="mean")
    axes.plot([], [], color=FAINT, linewidth=0.7, marker=".", label="one fold of one repeat")
    axes.set_xticks(places, [for_figure(contender.architecture) for contender in contenders])
    axes.set_xlim(-0.3, len(contenders) - 0.7)
    axes.set_ylabel(f"{for_figure(comparison.metric.title)} of the held-out fold", color=INK)
    axes.legend(loc="best", fontsize=8, frameon=False)
    return drawing.svg(figure)
