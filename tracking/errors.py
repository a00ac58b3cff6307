"""What goes wrong beside the sweep: never its results, only what is shown of them, or the room for more."""

from trainer.errors import RefoldError


class ViewUnavailable(RefoldError):
    """A view of the ledger cannot be brought up to date now: one line that says why.

    Training does not depend on it; the ledger has everything, and the view can be completed later.
    """


class DiskFull(RefoldError):
    """There is no room to record another fit: one line that says how much is needed.

    The sweep stops; run again, it goes on.
    """
