"""What all pictures have in common: a figure without a window, colours, a plain frame, PNG bytes.

Matplotlib is used through its objects, never through pyplot: no state that is shared between threads, no
window system. It is imported where a picture is drawn, because it takes half a second.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Inches on each side of a figure that are left to titles, labels and names."""

    left: float
    right: float
    below: float
    above: float


INK, FAINT = "#333333", "#8a8a8a"
_DPI = 100
#: As many colours as an eye tells apart.
_DISTINCT = 10


def new_figure(width: float, height: float, margins: "Margins | None" = None) -> "Figure":
    """Return an empty figure of its own.

    Args:
        width: inches.
        height: inches.
        margins: around what is drawn; None has Matplotlib find them, which takes as long as the drawing.
    """
    from matplotlib.figure import Figure

    if margins is None:
        return Figure(figsize=(width, height), dpi=_DPI, layout="constrained", facecolor="white")
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    figure.subplots_adjust(
        left=margins.left / width,
        right=1 - margins.right / width,
        bottom=margins.below / height,
        top=1 - margins.above / height,
    )
    return figure


def png(figure: "Figure") -> bytes:
    """Return the figure as a PNG that depends on nothing but what is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    # ``savefig`` would draw everything twice, the first time only to lay it out, which the second does again.
    canvas: Any = FigureCanvasAgg(figure)  # Matplotlib has no types for it
    canvas.print_png(content, metadata={"Software": None})
    return content.getvalue()


def colour(index: int, count: int) -> Colour:
    """Return the colour of one of ``count`` things: apart for a few, a gradient for many."""
    from matplotlib import colormaps

    if count <= _DISTINCT:
        red, green, blue, alpha = colormaps["tab10"](index)
    else:
        red, green, blue, alpha = colormaps["viridis"](0.9 * index / (count - 1))
    return float(red), float(green), float(blue), float(alpha)


def bare(axes: "Axes") -> None:
    """Give axes a light grid and no frame on top and right."""
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def displayed(figure: "Figure") -> "Figure":
    """Have a notebook show the figure by itself, whether or not pyplot was ever imported there; return it."""
    figure._repr_png_ = lambda: png(figure)  # type: ignore[attr-defined]  # IPython looks for this name
    return figure
