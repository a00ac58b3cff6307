"""Figures of a comparison on an exam, as SVG."""

import numpy as np

from sweeps.analysis import drawing
from sweeps.analysis.drawing import FAINT, INK, VERDICT
from sweeps.analysis.exam.comparison import ExamComparison
from trainer.escaping import for_figure


def scores(found: ExamComparison) -> bytes:
    """Draw each winner's score on the exam with its interval, its refits, and its score in the search."""
    figure, axes = drawing.axes_of(8.6, 1.5 + 0.46 * len(found.examinees))
    rows = np.arange(len(found.examinees))
    for row, (examinee, judged) in enumerate(zip(found.examinees, found.judged, strict=True)):
        colour = "#2166ac" if judged.in_best else FAINT
        axes.plot([judged.low, judged.high], [row, row], color=colour, linewidth=2, zorder=3)
        axes.plot([judged.score], [row], "o", color=colour, markersize=7, zorder=4)
        axes.plot(
            examinee.scores, np.full(len(examinee.scores), row + 0.2), "|", color=INK, markersize=7, zorder=2
        )
    axes.plot(
        [examinee.search for examinee in found.examinees], rows - 0.2,
        linestyle="none", marker="D", markersize=5, color="white", markeredgecolor=FAINT, zorder=2,
    )  # fmt: skip
    axes.plot([], [], "o-", color="#2166ac", label="exam, 95 % interval: may be the best")
    axes.plot([], [], "o-", color=FAINT, label="is not the best")
    axes.plot([], [], "|", color=INK, label="one refit")
    axes.plot(
        [], [], linestyle="none", marker="D", markersize=5, color="white", markeredgecolor=FAINT,
        label="in the search",
    )  # fmt: skip
    drawing.name_rows(axes, [examinee.name for examinee in found.examinees])
    axes.set_xlabel(for_figure(found.metric.title), color=INK)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return drawing.svg(figure)


def differences(found: ExamComparison) -> bytes:
    """Draw each pair's difference with its interval, and the region in which a difference does not matter."""
    figure, axes = drawing.axes_of(8.6, 1.1 + 0.36 * len(found.pairs))
    rope = 100 * found.asked.rope
    axes.axvspan(-rope, rope, color="#dbe7f3", linewidth=0, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
    for row, pair in enumerate(found.pairs):
        colour = VERDICT[pair.verdict]
        axes.plot([100 * pair.low, 100 * pair.high], [row, row], color=colour, linewidth=2, zorder=3)
        axes.plot([100 * pair.difference], [row], "o", color=colour, markersize=6, zorder=4)
    drawing.name_rows(axes, [f"{pair.one} - {pair.other}" for pair in found.pairs])
    axes.set_xlabel(f"difference in points of {for_figure(found.metric.title)}", color=INK)
    for name, colour in VERDICT.items():
        if any(pair.verdict == name for pair in found.pairs):
            axes.plot([], [], "o-", color=colour, label=name)
    axes.legend(loc="best", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")
    return drawing.svg(figure)
