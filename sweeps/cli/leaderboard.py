"""The printed leaderboard: ``run`` ends with it, ``show`` begins with it."""

from sweeps.cli import tables
from sweeps.cli.output import put, put_table
from tracking.records import SweepRecord


def print_leaderboard(record: SweepRecord) -> None:
    """Print each architecture's best trial with its notes, why others have none, what else is to be known."""
    put_table(tables.leaderboard(record))
    put(*tables.without_winner(record), *tables.beginning_alike(record), *tables.what_pruning_saved(record))
    put(*tables.notes_on_winners(record))
