"""The tables of a comparison on a terminal."""

from sweeps.analysis.folds import wording as words
from sweeps.analysis.folds.comparison import Comparison, Pair
from sweeps.analysis.words import SHARED, points
from tracking.reports.text_table import Column, Table


def contenders_table(comparison: Comparison) -> Table:
    """Return a row for each architecture: its confirmed score, and its score in the search."""
    columns = (
        Column(title="", right=True),
        Column(title="trial"),
        Column(title="best of search", right=True, rank=1),
        Column(title="luck", right=True, rank=2),
        Column(title="confirmed", right=True),
        Column(title="95 % interval"),
    )
    rows = [
        [
            str(place),
            contender.name,
            f"{contender.search.uncorrected:.4f}",
            words.luck(contender),
            f"{contender.confirmed.mean:.4f}",
            f"{contender.confirmed.low:.4f} to {contender.confirmed.high:.4f}",
        ]
        for place, contender in enumerate(comparison.contenders, start=1)
    ]
    return Table(columns=columns, rows=rows)


def pairs_table(comparison: Comparison) -> Table:
    """Return a row for each pair: difference in points with its interval, tests, wins, verdict."""
    columns = (
        Column(title="pair"),
        Column(title="points (95 % interval)"),
        Column(title="p (Holm)", rank=1),
        Column(title="worse/same/better", rank=3),
        Column(title="won", rank=2),
        Column(title="verdict"),
    )
    return Table(columns=columns, rows=[_pair_row(pair) for pair in comparison.pairs])


def _pair_row(pair: Pair) -> list[str]:
    found, chances = pair.difference, pair.chances
    return [
        f"{pair.one} - {pair.other}",
        f"{points(found.mean, sign=True)} ({words.interval(found)})",
        words.p_text(pair.adjusted_p),
        f"{chances.worse:.2f}/{chances.equivalent:.2f}/{chances.better:.2f}",
        f"{pair.wins.won:g}/{pair.wins.runs}" + (f" ({pair.wins.tied} tied)" if pair.wins.tied else ""),
        pair.verdict,
    ]


def remarks(comparison: Comparison) -> list[str]:
    """Return the sentences below the tables."""
    lost = [f"{name} is left out: {reason}" for name, reason in comparison.left_out.items()]
    return [
        *words.headline(comparison),
        *lost,
        *(f"All fits of {each.name} {SHARED}" for each in comparison.contenders if each.shares_weights),
        *comparison.doubts,
        "",
        words.claim(comparison.asked),
        *words.conditions(comparison),
        words.NEXT,
    ]
