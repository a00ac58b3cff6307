"""A comparison on the terminal."""

from rich.table import Table

from sweeps.analysis import wording as words
from sweeps.analysis.comparison import Comparison


def contenders_table(comparison: Comparison) -> Table:
    """Return each architecture's score after confirmation, with what the search had said."""
    table = _table("", "trial", "search's best", "of it luck", "confirmed", "95 % interval")
    for place, contender in enumerate(comparison.contenders, start=1):
        found, search = contender.confirmed, contender.search
        table.add_row(
            str(place),
            contender.name,
            f"{search.uncorrected:.4f}",
            words.luck(contender),
            f"{found.mean:.4f}",
            f"{found.low:.4f} to {found.high:.4f}",
        )
    return table


def pairs_table(comparison: Comparison) -> Table:
    """Return each pair: difference in points with its interval, tests, wins, verdict."""
    table = _table(
        "pair",
        "points (95 % interval)",
        "p (Holm)",
        "worse/same/better",
        "won",
        "verdict",
        "what would settle it",
    )
    for pair in comparison.pairs:
        found, chances = pair.difference, pair.chances
        won = f"{pair.wins.won:g}/{pair.wins.runs}" + (f" ({pair.wins.tied} tied)" if pair.wins.tied else "")
        table.add_row(
            f"{pair.one} - {pair.other}",
            f"{words.points(found.mean, sign=True)} ({words.interval(found)})",
            words.p_text(pair.adjusted_p),
            f"{chances.worse:.2f}/{chances.equivalent:.2f}/{chances.better:.2f}",
            won,
            pair.verdict,
            words.settles(pair),
        )
    return table


def remarks(comparison: Comparison) -> list[str]:
    """Return the sentences under the tables."""
    lost = [f"{name} is left out: {reason}" for name, reason in comparison.left_out.items()]
    return [
        *words.headline(comparison),
        *lost,
        "",
        words.claim(comparison.asked),
        *words.conditions(comparison),
    ]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
