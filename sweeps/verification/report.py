"""What a verification has found, as plain data."""

from dataclasses import dataclass

from sweeps.definition.identity import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was compared, and what differs.

    Attributes:
        sweep: the sweep's name.
        same_kind: whether it was recorded on this kind of machine, for which identical bytes are promised.
        proposed: number of trials that were proposed again.
        trained: number of fits that were trained again.
        recorded: number of fits in the record, with those beside the search.
        differences: the differences, causes before effects; empty if everything matches.
        notes: what does not match and is explained, or could not be compared; one line each.
        not_sealed: why the sweep's seal does not cover all rows of the record, in one line; None if it does.
    """

    sweep: str
    same_kind: bool
    proposed: int = 0
    trained: int = 0
    recorded: int = 0
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()
    not_sealed: str | None = None
