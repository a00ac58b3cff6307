"""The errors of refold, named by what the caller has to do about them."""

from typing import ClassVar

from trainer.escaping import for_terminal


class RefoldError(Exception):
    """An error for the user: its text is one line with all that the user needs.

    Attributes:
        exit_code: the command line's, 1 (the answer is no) or 2 (the input is wrong).
    """

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """Return the text; what it quotes from files and records controls no terminal."""
        return for_terminal(super().__str__())


class UsageError(RefoldError):
    """The input is wrong: one line that says what, where and what to do instead."""

    exit_code: ClassVar[int] = 2


class FitFailed(Exception):
    """The hyperparameters (or the user's architecture) made this fit impossible.

    This is an outcome: the same spec would fail again. So it is recorded, and the search gets it.
    """


class Mismatch(RefoldError):
    """What was computed again is not what was recorded or trained."""


def one_line(error: BaseException) -> str:
    """Return type and message of ``error`` in one line, without TensorFlow's lists of source lines."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("File ", "[[", "Graph execution error"))]
    # A graph's error says what is wrong last, any other error first.
    in_graph = any(line.startswith("Graph execution error") for line in lines)
    text = (said[-1] if in_graph else said[0])[:300] if said else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
