"""Stragglers: fits that take far longer than their like are named, once."""

from sweeps.execution.stragglers import ENDED, Stragglers


def seen(count: int) -> Stragglers:
    """Return what has seen so many fits of 60 s end, the first of them begun at 0."""
    found = Stragglers()
    for number in range(count):
        found.begin(str(number), "resnet", f"fit {number}", "worker", 100.0 * number)
        found.end(str(number), 100.0 * number + 60)
    return found


def test_a_straggler_is_named_once_with_its_worker() -> None:
    """Three times as long as the longest so far."""
    found = seen(ENDED)
    found.begin("late", "resnet", "resnet/7 fold 2", "worker 3 on gpu-box", 1000)
    assert found.late(1180) == []
    (line,) = found.late(1181)
    assert line == (
        "resnet/7 fold 2 is a straggler: 3 min on worker 3 on gpu-box so far, where the longest of 3 "
        "others of resnet took 1 min"
    )
    assert found.late(2000) == []


def test_nothing_is_said_too_early() -> None:
    """Before enough of its architecture's fits have ended, or by seconds."""
    found = seen(ENDED - 1)
    found.begin("late", "resnet", "fit", "worker", 1000)
    assert found.late(9000) == []
    found = seen(ENDED)
    found.begin("other", "vgg", "fit", "worker", 1000)
    assert found.late(9000) == []
    short = Stragglers()
    for number in range(ENDED):
        short.begin(str(number), "lenet", "fit", "worker", 0)
        short.end(str(number), 1)
    short.begin("late", "lenet", "fit", "worker", 0)
    assert short.late(30) == []
    assert len(short.late(32)) == 1
