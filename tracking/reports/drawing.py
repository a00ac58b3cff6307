"""Parts of all pictures: a figure without a window, colours, a plain frame, PNG bytes.

Matplotlib is used without pyplot, which shares state between threads and needs a window system. It is
imported by the functions that draw, because the import takes half a second.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Inches on each side of a figure, for titles, labels and names."""

    left: float
    right: float
    below: float
    above: float


INK, FAINT = "#333333", "#8a8a8a"
_DPI = 100
#: Colours that the eye can tell apart.
_DISTINCT = 10


def new_figure(width: float, height: float, margins: "Margins | None" = None) -> "Figure":
    """Return a new empty figure.

    Args:
        width: inches.
        height: inches.
        margins: of the figure; None lets Matplotlib compute them, which takes as long as the drawing.
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
    """Return the figure as a PNG that depends only on its content."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    # ``savefig`` would draw everything twice: the first time only for the layout, which the second repeats.
    canvas: Any = FigureCanvasAgg(figure)  # Matplotlib has no types for it
    with without_glyph_warnings():
        canvas.print_png(content, metadata={"Software": None})
    return content.getvalue()


@contextmanager
def without_glyph_warnings() -> Iterator[None]:
    """Let names of any script be drawn: what the font lacks becomes a box, without a warning each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        warnings.filterwarnings(
            "ignore", message="Matplotlib currently does not support", category=UserWarning
        )
        yield


def colour(index: int, count: int) -> Colour:
    """Return the colour of number ``index`` of ``count``: distinct colours for a few, a gradient for many."""
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
    """Let a notebook display the figure, even if pyplot was never imported there; return the figure."""
    figure._repr_png_ = lambda: png(figure)  # type: ignore[attr-defined]  # IPython looks for this name
    return figure
