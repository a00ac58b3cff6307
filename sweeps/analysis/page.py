"""A comparison as one self-contained HTML page: figures, with all their numbers in tables."""

import base64
from collections.abc import Iterable, Sequence

from sweeps.analysis import figures as pictures
from sweeps.analysis import wording as words
from sweeps.analysis.comparison import Comparison
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


def page(comparison: Comparison) -> str:
    """Return the page, which loads no other file."""
    title = f"{comparison.sweep}: which architecture is better?"
    parts = [
        f"<h1>{for_html(title)}</h1>",
        f"<p>{words.images_in_words(comparison)} of {for_html(comparison.dataset)}, "
        f"{comparison.folds} folds, {comparison.asked.repeats} fresh repeats.</p>",
        *(f'<p class="answer">{for_html(line)}</p>' for line in words.headline(comparison)),
        *(
            f"<p>{for_html(name)} is left out: {for_html(why)}</p>"
            for name, why in comparison.left_out.items()
        ),
        f"<p>{for_html(words.claim(comparison.asked))}</p>",
        "<h2>Scores after confirmation</h2>",
        _picture(pictures.intervals(comparison), "confirmed scores with their intervals"),
        _contenders(comparison),
        "<p>Luck is the part of the search's best score that comes from choosing the best of several trials "
        "(bootstrap bias-corrected cross-validation). Luck with the seeds is added to it; it shows in the "
        "confirmed score, the mean macro-F1 of the held-out folds with its (corrected) t-interval.</p>",
        *(_pair_parts(comparison) if comparison.pairs else ()),
        "<h2>Paired scores</h2>",
        _picture(pictures.paired_scores(comparison), "scores of every paired fit"),
        "<p>Each line is one fold of one repeat: the same images held out, the same seeds.</p>",
        _scores(comparison),
        "<h2>How it was judged</h2>",
        *(f"<p>{for_html(line)}</p>" for line in words.conditions(comparison)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{for_html(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _pair_parts(comparison: Comparison) -> list[str]:
    return [
        "<h2>Pairs</h2>",
        "<p>Ticks are paired differences, dots their means, bars 95 % intervals; in the shaded region a "
        f"difference does not matter ({words.points(comparison.asked.rope)} points).</p>",
        _picture(pictures.differences(comparison), "paired differences with their intervals"),
        _pairs(comparison),
        "<h2>Verdicts</h2>",
        _picture(pictures.matrix(comparison), "matrix of pairs"),
        "<ul>",
        *(f"<li>{for_html(words.verdict(pair, comparison.asked))}</li>" for pair in comparison.pairs),
        "</ul>",
    ]


def _picture(svg: bytes, words_for_it: str) -> str:
    data = base64.b64encode(svg).decode("ascii")
    return f'<figure><img alt="{for_html(words_for_it)}" src="data:image/svg+xml;base64,{data}"></figure>'


def _contenders(comparison: Comparison) -> str:
    head = ("trial", "of trials", "best of search", "luck", "without luck (95 %)",
            "confirmed", "95 % interval", "pooled")  # fmt: skip
    rows = [
        (
            contender.name, str(contender.trials),
            f"{contender.search.uncorrected:.4f}", words.luck(contender),
            f"{contender.search.score:.4f} ({contender.search.low:.4f} to {contender.search.high:.4f})",
            f"{contender.confirmed.mean:.4f}",
            f"{contender.confirmed.low:.4f} to {contender.confirmed.high:.4f}", f"{contender.pooled:.4f}",
        )
        for contender in comparison.contenders
    ]  # fmt: skip
    return _table(head, rows, first_number=1)


def _pairs(comparison: Comparison) -> str:
    head = ("pair", "verdict", "what would settle it", "points", "95 % interval", "p", "p (Holm)",
            "worse", "same", "better", "won")  # fmt: skip
    rows = [
        (
            f"{pair.one} - {pair.other}", pair.verdict, words.settles(pair),
            words.points(pair.difference.mean, sign=True),
            words.interval(pair.difference),
            words.p_text(pair.difference.p), words.p_text(pair.adjusted_p),
            words.share_text(pair.chances.worse), words.share_text(pair.chances.equivalent),
            words.share_text(pair.chances.better),
            f"{pair.wins.won} of {pair.wins.runs}" + (f", {pair.wins.tied} tied" if pair.wins.tied else ""),
        )
        for pair in comparison.pairs
    ]  # fmt: skip
    return _table(head, rows, first_number=3)


def _scores(comparison: Comparison) -> str:
    head = ("repeat", "fold", *(contender.architecture for contender in comparison.contenders))
    rows = [
        (
            str(1 + index // comparison.folds),
            str(index % comparison.folds),
            *(f"{score:.4f}" for score in scores),
        )
        for index, scores in enumerate(
            zip(*(contender.scores for contender in comparison.contenders), strict=True)
        )
    ]
    return _table(head, rows, first_number=0)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, first_number: int) -> str:
    """Return a table; the columns from index ``first_number`` on are numbers."""

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
