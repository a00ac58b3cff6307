"""The leaderboard as ``run`` ends with it and ``show`` begins with it."""

from sweeps.cli import tables
from sweeps.cli.output import put, put_table
from tracking.records import SweepRecord


def print_leaderboard(record: SweepRecord) -> None:
    """Print each architecture's best trial, what has none and why, and what pruning spared."""
    put_table(tables.leaderboard(record))
    put(*tables.without_winner(record), *tables.what_pruning_saved(record))
