"""Axes and colours that the figures of comparisons share. They use Matplotlib's objects, never pyplot."""

import io
from typing import TYPE_CHECKING

from tracking.reports.drawing import without_glyph_warnings
from trainer.escaping import for_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, _GRID = "#333333", "#8a8a8a", "#e6e6e6"
VERDICT = {"better": "#1b7837", "equivalent": "#2166ac", "undecided": "#8a8a8a", "worse": "#b2182b"}


def axes_of(width: float, height: float) -> "tuple[Figure, Axes]":
    """Return a new, empty figure of ``width`` by ``height`` inches, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def name_rows(axes: "Axes", names: list[str]) -> None:
    """Write the names beside the vertical axis, the first on top."""
    axes.set_yticks(range(len(names)), [for_figure(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def svg(figure: "Figure") -> bytes:
    """Return the figure as SVG; equal figures give equal bytes."""
    import matplotlib as mpl

    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "refold"}), without_glyph_warnings():
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()
