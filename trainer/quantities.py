"""Durations, sizes and counts as people write them, for all messages and tables."""


def duration(seconds: float | None) -> str:
    """Return a duration with about two digits; "?" for None.

    >>> duration(0.31), duration(9.96), duration(59.6), duration(754), duration(7260), duration(None)
    ('0.3 s', '10 s', '1 min', '13 min', '2 h 1 min', '?')

    Args:
        seconds: at least 0, or None.
    """
    if seconds is None:
        return "?"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def size(count: float) -> str:
    """Return a number of bytes in the largest unit of 1000 bytes, 1000 kB, ... that it fills.

    >>> size(512), size(3_500_000), size(999_960_000), size(1_610_612_736)
    ('512 bytes', '3.5 MB', '1.0 GB', '1.6 GB')

    Args:
        count: bytes, at least 0.
    """
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= 0.99995 * bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return counted(round(count), "byte")


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    >>> counted(1, "fit"), counted(2, "fit"), counted(0, "class", "classes")
    ('1 fit', '2 fits', '0 classes')

    Args:
        count: how many.
        noun: for one of them.
        plural: for any other number; None for the noun with an s.
    """
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
