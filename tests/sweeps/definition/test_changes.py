"""What differs between two descriptions: each part by its name, both values in words."""

from sweeps.definition.changes import Change, changes


def test_parts_of_parts_are_named_with_dots_and_only_what_differs() -> None:
    """Sorted by name; what one of the two lacks is said to be nothing there."""
    before = {"seed": 1, "cv": {"folds": 5, "epochs": 9}, "device": "gpu"}
    now = {"seed": 1, "cv": {"folds": 3, "epochs": 9}, "prune": {"keep": 0.4}}
    assert [f"{change.name}: {change.said('before', 'now')}" for change in changes(before, now)] == [
        "cv.folds: 5 before, 3 now",
        "device: gpu before, nothing now",
        "prune: nothing before, {'keep': 0.4} now",
    ]


def test_long_values_are_shown_where_they_begin_to_differ() -> None:
    """Otherwise two digests or two processors may look the same."""
    same = "avx avx2 " * 8
    said = Change("processor", f"{same}avx512f sse", f"{same}sse sse2 sse4").said("then", "here")
    assert said == "…vx avx2 avx512f sse then, …vx avx2 sse sse2 sse4 here"
    assert Change("weights", "a" * 64, "b" * 64).said("1", "2") == f"{'a' * 24}… 1, {'b' * 24}… 2"
    assert Change("predictions", b"\x00\x01", b"\x00\x02").said("1", "2") == "0001 1, 0002 2"
