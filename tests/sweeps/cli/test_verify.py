"""What ``refold verify`` prints."""

from sweeps.cli.verify import LISTED, verification_json, verification_lines
from sweeps.definition.identity import Difference
from sweeps.verification.report import Report


def differences(count: int) -> tuple[Difference, ...]:
    """Make up differences."""
    return tuple(
        Difference(subject="score", where=f"lenet/{number}", what="1 recorded") for number in range(count)
    )


def report(count: int = 0, *, trained: int = 2, notes: tuple[str, ...] = ()) -> Report:
    """Make up what was found."""
    return Report(
        sweep="digits",
        same_kind=True,
        proposed=4,
        trained=trained,
        recorded=12,
        differences=differences(count),
        notes=notes,
    )


def test_a_match_says_what_was_compared_and_what_needs_a_word() -> None:
    """Notes are not differences: they come last."""
    assert verification_lines(report(notes=("lenet/1 fold 0: stopped then",)))[1:] == [
        "MATCH  digits: 4 trials proposed again, 2 of 12 fits trained again, every digest equal",
        "--all trains every fit again",
        "note: lenet/1 fold 0: stopped then",
    ]


def test_differences_are_one_line_each_and_not_too_many() -> None:
    """The first is the cause of others; JSON has all of them."""
    lines = verification_lines(report(LISTED + 2, trained=0))
    assert lines[1:3] == ["MISMATCH  lenet/0: score: 1 recorded", "          lenet/1: score: 1 recorded"]
    assert lines[LISTED:] == [
        f"          lenet/{LISTED - 1}: score: 1 recorded",
        "and 2 more after these; --json lists them",
        "nothing was trained again: the first difference was found before that",
    ]
    data = verification_json(report(LISTED + 2, notes=("a note",)))
    assert (data["match"], len(data["differences"]), data["notes"]) == (False, LISTED + 2, ["a note"])
