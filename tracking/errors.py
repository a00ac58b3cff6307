"""Errors of recording: a view that cannot be written, a full disk, a ledger that was deleted."""

from trainer.errors import RefoldError


class ViewUnavailable(RefoldError):
    """A view of the ledger cannot be brought up to date now: one line that says why.

    Training does not depend on it; the ledger has everything, and the view can be completed later.
    """


class StoreUnusable(ViewUnavailable):
    """MLflow's database is damaged, or not one of this MLflow's: trying again does not help."""


class HomeGone(RefoldError):
    """The ledger was deleted or replaced while it was being written: one line that says where."""


class DiskFull(RefoldError):
    """The disk has no space to record another fit: one line that says how much is needed.

    The sweep stops. Running it again continues it.
    """
