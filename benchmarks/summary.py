"""From single trainings to the table of ``original_question``: pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEADER = (
    "setting",
    "images",
    "runs",
    "loss",
    "spread of loss",
    "spread of accuracy",
    "different weights",
    "bytes equal the reference's",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What one training left: mean loss (nats) and accuracy of its epoch, SHA-256 of the weights after it."""

    loss: float
    accuracy: float
    weights_sha256: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The runs of one setting; ``reference`` is the key of the setting they are compared with, if any."""

    key: str
    title: str
    images: int
    trainings: tuple[Training, ...]
    reference: str | None = None


def spread(values: Sequence[float]) -> float:
    """Return the largest value minus the smallest.

    >>> spread([2.0, 5.0, 3.0])
    3.0
    """
    return max(values) - min(values)


def digests(row: Row) -> frozenset[str]:
    """Return the different weights digests of a row."""
    return frozenset(training.weights_sha256 for training in row.trainings)


def compared(row: Row, rows: Mapping[str, Row]) -> str:
    """Say how many of a row's runs have the bytes of the reference setting.

    Returns:
        "is a reference"; "yes" or "no" where all runs agree; else "n of m". A reference whose own runs
        differ is met by a run that has the bytes of any of them.
    """
    if row.reference is None:
        return "is a reference"
    wanted = digests(rows[row.reference])
    met = sum(training.weights_sha256 in wanted for training in row.trainings)
    return {0: "no", len(row.trainings): "yes"}.get(met, f"{met} of {len(row.trainings)}")


def cells(row: Row, rows: Mapping[str, Row]) -> tuple[str, ...]:
    """Return the text of one row of the table."""
    losses = [training.loss for training in row.trainings]
    accuracies = [training.accuracy for training in row.trainings]
    return (
        row.title,
        f"{row.images:,}",
        str(len(row.trainings)),
        _range(losses),
        _exact(spread(losses)),
        _exact(spread(accuracies)),
        str(len(digests(row))),
        compared(row, rows),
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table. Each reference must be among them."""
    by_key = {row.key: row for row in rows}
    lines = [HEADER, ("---",) * len(HEADER), *(cells(row, by_key) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def promise_kept(rows: Sequence[Row], keys: Sequence[str]) -> bool:
    """Tell whether every row named in ``keys`` has one weights digest, and no spread at all."""
    chosen = [row for row in rows if row.key in keys]
    return all(
        len({(training.loss, training.accuracy, training.weights_sha256) for training in row.trainings}) == 1
        for row in chosen
    )


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.6f}", f"{max(values):.6f}"
    return low if low == high else f"{low} to {high}"


def _exact(value: float) -> str:
    """Print 0 for zero alone: the smallest difference must not be rounded away."""
    return "0" if value == 0 else f"{value:.2g}"
