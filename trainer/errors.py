"""The three ways things go wrong, named by what the caller has to do about them."""


class UsageError(Exception):
    """The input is wrong: one line that says what, where and what to do instead. Exit code 2."""


class FitFailed(Exception):
    """The hyperparameters (or the user's architecture) made this fit impossible.

    An outcome, not an accident: the same spec would fail again, so it is recorded and told to the search.
    """


class Mismatch(Exception):
    """What was computed again is not what was recorded or trained. Exit code 1."""
