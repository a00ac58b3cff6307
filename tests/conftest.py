"""What every test begins with."""

import signal


def pytest_configure() -> None:
    """Take SIGINT as a terminal would send it.

    A shell starts background jobs with SIGINT ignored, and children inherit that: the tests that press
    Ctrl-C on a process of theirs would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
