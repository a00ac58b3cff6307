"""The grammar that verbs share: how a verb is added, options that several have, checked numbers."""

import argparse
from collections.abc import Callable
from typing import NoReturn

Arguments = argparse.Namespace

#: What a verb does: its docstring's first line is its help, what it returns the exit code.
Action = Callable[[Arguments], int]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse would print the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2."""
        self.exit(2, f"{self.prog}: {message} ('{self.prog} --help' lists what there is)\n")


class Verbs:
    """The verbs of the command line, as they are added."""

    def __init__(self, top: Parser) -> None:
        self._verbs = top.add_subparsers(metavar="VERB", required=True)

    def add(self, action: Action, example: str) -> argparse.ArgumentParser:
        """Add the verb that is called as ``action`` is; return its parser, which takes its own options.

        Args:
            action: what it does.
            example: a command line, without ``refold``.
        """
        text = (action.__doc__ or "").strip()
        added = self._verbs.add_parser(
            action.__name__, help=text, description=text, epilog=f"Example: refold {example}"
        )
        added.set_defaults(action=action)
        added.add_argument("--home", help="folder for everything (default: REFOLD_HOME or refold-runs)")
        added.add_argument("--debug", action="store_true", help="show where an error came from")
        return added


def json_option(added: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    added.add_argument("--json", action="store_true", help="print JSON")


def tracking_option(added: argparse.ArgumentParser) -> None:
    """Add ``--tracking-uri``."""
    added.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="MLflow's store (default: the sweep's; for a new sweep MLFLOW_TRACKING_URI or in the home)",
    )


def workers_option(added: argparse.ArgumentParser) -> None:
    """Add ``--workers``."""
    added.add_argument("--workers", type=positive, help="training processes (default: one a core)")


def certificates_option(added: argparse.ArgumentParser) -> None:
    """Add ``--certificates``."""
    added.add_argument(
        "--certificates", metavar="DIR", help="for TLS, from 'refold certificates' (or REFOLD_CERTIFICATES)"
    )


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


def port(text: str) -> int:
    """Read a port, 0 to 65535."""
    # The system would take it modulo 65536, and listen elsewhere than it was told to.
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a whole number from 0 to 65535")
    return int(text)
