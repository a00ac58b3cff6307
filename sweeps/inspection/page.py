"""An inspection as one self-contained HTML page: duplicates and likely label errors as pictures."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.inspection.findings import Inspection, ranked
from sweeps.inspection.suggestions import lines_of
from sweeps.inspection.suspects import Suspect
from trainer.datasets import Loaded
from trainer.escaping import for_html
from trainer.quantities import counted

#: Sets of duplicates, images of a set, and likely label errors that the page shows.
SETS, OF_SET, SUSPECTS = 60, 6, 60

#: Pixels of a picture's longer side on the page.
SIDE = 112

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #333; background: #fff; max-width: 62rem;
       margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
ul { padding-left: 1.2rem; } .serious { color: #b2182b; font-weight: 600; }
.set { display: flex; flex-wrap: wrap; gap: .75rem; padding: .75rem 0; border-bottom: 1px solid #e6e6e6; }
figure { margin: 0; width: 7rem; }
img { display: block; width: 7rem; max-height: 14rem; object-fit: contain; object-position: left;
      image-rendering: pixelated; box-shadow: 0 0 0 1px #ddd; margin-bottom: .25rem; }
figcaption { font-size: .75rem; line-height: 1.3; }
.kind { width: 7rem; font-size: .875rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #e6e6e6; }
td.n, th.n { text-align: right; white-space: nowrap; }
"""


def page(inspection: Inspection, loaded: Loaded, suspects: Sequence[Suspect] | None = None) -> str:
    """Return the page, which loads no other file.

    Args:
        inspection: what was found.
        loaded: the images.
        suspects: likely label errors; None if no sweep has looked for them.
    """
    title = f"{inspection.name}: what is in the images"
    rows = "".join(
        f'<tr><td>{for_html(name)}</td><td class="n">{count:,}</td></tr>'
        for name, count in inspection.classes.items()
    )
    parts = [
        f"<h1>{for_html(title)}</h1>",
        _listed([for_html(line) for line in inspection.facts]),
        "<h2>What is wrong</h2>",
        _listed(
            [
                f'<span class="serious">{for_html(each.text)}</span>' if each.serious else for_html(each.text)
                for each in inspection.problems
            ]
            or ["nothing was found"]
        ),
        *_suggestions(inspection),
        "<h2>Classes</h2>",
        f'<table><tr><th>class</th><th class="n">images</th></tr>{rows}</table>',
        *_duplicates(inspection, loaded),
        *(_suspects(suspects, loaded) if suspects is not None else ()),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{for_html(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _listed(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"


def _suggestions(inspection: Inspection) -> list[str]:
    lines = [f"<code>{for_html(line)}</code>" for line in lines_of(inspection.suggestions)]
    return ["<h2>For the sweep file</h2>", _listed(lines)] if lines else []


def _duplicates(inspection: Inspection, loaded: Loaded) -> list[str]:
    found = inspection.duplicates
    if not found:
        return []
    parts = [f"<h2>{counted(len(found), 'set')} of duplicates</h2>"]
    for each in ranked(found)[:SETS]:
        crosses = f", across {', '.join(each.crosses)}" if each.crosses else ""
        figures = [
            _figure(_image(loaded, place), f"{path}: {label}", loaded.search.pixel_max)
            for place, path, label in list(zip(each.images, each.paths, each.labels, strict=True))[:OF_SET]
        ]
        more = f" and {len(each.images) - OF_SET} more" if len(each.images) > OF_SET else ""
        parts.append(
            f'<div class="set"><div class="kind">{each.kind}{for_html(crosses)}{more}</div>'
            f"{''.join(figures)}</div>"
        )
    if len(found) > SETS:
        parts.append(f"<p>{len(found) - SETS} more sets are in the output of --json.</p>")
    return parts


def _suspects(suspects: Sequence[Suspect], loaded: Loaded) -> list[str]:
    figures = [
        _figure(
            loaded.search.images[each.image],
            str(each),
            loaded.search.pixel_max,
        )
        for each in suspects[:SUSPECTS]
    ]
    return [
        "<h2>Likely label errors</h2>",
        "<p>Images that the best trial's fold models, which did not see them, take for another class; the "
        "most suspicious first (confident learning). Whether a label is wrong is for a person to say.</p>",
        f'<div class="set">{"".join(figures)}</div>' if figures else "<p>none was found</p>",
    ]


def _image(loaded: Loaded, place: int) -> npt.NDArray[Any]:
    count = len(loaded.search.labels)
    data, row = (
        (loaded.search, place) if place < count or loaded.exam is None else (loaded.exam, place - count)
    )
    found: npt.NDArray[Any] = data.images[row]
    return found


def _figure(image: npt.NDArray[Any], caption: str, pixel_max: float) -> str:
    from PIL import Image

    pixels = np.clip(image * (255.0 / pixel_max), 0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    text = for_html(caption)
    source = f"data:image/png;base64,{data}"
    return f'<figure><img src="{source}" alt="{text}"><figcaption><bdi>{text}</bdi></figcaption></figure>'
