"""Why a model's file is not loaded."""

from trainer.errors import UsageError
from trainer.escaping import for_terminal


class Refused(UsageError):
    """The file holds something that can do more than compute; the text names it.

    Whoever trusts the file's maker may load it all the same.
    """


class Damaged(UsageError):
    """The file is not one of its format, or does not fit its description. No trust helps."""


def named(text: object) -> str:
    """Return a name from a file for a message: short, and made safe for a terminal."""
    return for_terminal(str(text)[:80])
