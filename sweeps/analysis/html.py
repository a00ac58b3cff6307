"""Pages of comparisons: one self-contained HTML file each, which loads no other file."""

import base64
from collections.abc import Iterable, Sequence

from trainer.escaping import for_html

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #333; background: #fff; max-width: 62rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
p { max-width: 46rem; } .answer { font-size: 1.1rem; font-weight: 600; }
figure { margin: 0; } img { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #e6e6e6;
         vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
.better { color: #1b7837; font-weight: 600; } .equivalent { color: #2166ac; font-weight: 600; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a page.

    Args:
        title: plain text.
        parts: HTML, each a paragraph, a heading, a table or a picture.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{for_html(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def picture(svg: bytes, words: str) -> str:
    """Return a picture; ``words`` say what it shows to those who do not see it."""
    data = base64.b64encode(svg).decode("ascii")
    return f'<figure><img alt="{for_html(words)}" src="data:image/svg+xml;base64,{data}"></figure>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, first_number: int) -> str:
    """Return a table of plain texts; the columns from index ``first_number`` on are numbers."""

    def cells(values: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{_kind(index >= first_number, value)}>{for_html(value)}</{tag}>"
            for index, value in enumerate(values)
        )

    body = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{cells(head, "th")}</tr>\n{body}</table></div>'


def _kind(number: bool, value: str) -> str:
    if number:
        return ' class="n"'
    return f' class="{value}"' if value in ("better", "equivalent") else ""
