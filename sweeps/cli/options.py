"""The grammar that verbs share: how a verb is added, options of several verbs, checked numbers."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from trainer.escaping import for_terminal
from trainer.limits import WORKERS, Limit
from trainer.spelling import did_you_mean

#: Characters of a mistyped argument that a message repeats.
LONGEST = 100

Arguments = argparse.Namespace

#: The function of a verb: its docstring is the help text, its return value the exit code.
Action = Callable[[Arguments], int]


class Parser(argparse.ArgumentParser):
    """Reports an error in one line; argparse would print the whole usage first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._known: list[str] = []
        super().__init__(*args, **options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """Add an option, and remember its long name for hints on mistyped options."""
        self._known += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **options)

    def refuse(self, unknown: str) -> NoReturn:
        """Exit with 2 because of an unknown argument."""
        hint = did_you_mean(unknown.partition("=")[0], self._known) if unknown.startswith("--") else None
        kind = "option" if unknown.startswith("-") else "argument"
        self.refuse_with(f"unknown {kind} {unknown!r}", hint)

    def refuse_with(self, message: str, hint: str | None) -> NoReturn:
        """Exit with 2, and name the option or command that was probably meant, or where to look."""
        if hint is None:
            self.error(message)
        self.exit(2, f"{self.prog}: {_short(message, 300)}: {hint}\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Exit; what the message quotes of the command line is shown escaped."""
        super().exit(status, message and f"{for_terminal(message.rstrip())}\n")

    def error(self, message: str) -> NoReturn:
        """Exit with 2."""
        line = _short(" ".join(message.split()), 300)
        self.exit(2, f"{self.prog}: {line} ('{self.prog} --help' shows the usage)\n")


class Verbs:
    """The verbs of the command line."""

    def __init__(self, top: Parser) -> None:
        self._top = top
        self._verbs = top.add_subparsers(metavar="VERB", required=True)
        self._parsers: dict[str, Parser] = {}

    def parse(self, arguments: Sequence[str]) -> Arguments:
        """Return the options of a command line, or exit with 2 and one line."""
        verb = next((text for text in arguments if not text.startswith("-")), None)
        if verb is not None and verb not in self._parsers:
            hint = did_you_mean(verb, self._parsers)
            self._top.refuse_with(f"there is no command {verb!r}", hint)
        options, unknown = self._top.parse_known_args(arguments)
        if unknown:
            self._parsers[options.action.__name__].refuse(unknown[0])
        return options

    def add(self, action: Action, example: str) -> argparse.ArgumentParser:
        """Add a verb with the name of the function ``action``; return its parser, to add its options to.

        Args:
            action: the verb's function.
            example: an example of the command line, without ``refold``.
        """
        text = (action.__doc__ or "").strip()
        added = self._verbs.add_parser(
            action.__name__, help=text, description=text, epilog=f"Example: refold {example}"
        )
        self._parsers[action.__name__] = added
        added.set_defaults(action=action)
        added.add_argument(
            "--home", help="folder that holds all sweeps (default: REFOLD_HOME or refold-runs)"
        )
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
        help="MLflow's store (default: the sweep's; if new, MLFLOW_TRACKING_URI or a file in the home)",
    )


def wait_option(added: argparse.ArgumentParser) -> None:
    """Add ``--wait``."""
    added.add_argument(
        "--wait",
        action="store_true",
        help="if another command writes to the home, wait for one's turn instead of giving up",
    )


def workers_option(added: argparse.ArgumentParser) -> None:
    """Add ``--workers``."""
    added.add_argument("--workers", type=up_to(WORKERS), help="training processes (default: one per core)")


def trust_option(added: argparse.ArgumentParser) -> None:
    """Add ``--trust-code``."""
    added.add_argument(
        "--trust-code",
        action="store_true",
        help="run the sweep's own architectures, though somebody else made the home ('refold show SWEEP "
        "--code' shows their code)",
    )


def certificates_option(added: argparse.ArgumentParser) -> None:
    """Add ``--certificates``."""
    added.add_argument(
        "--certificates",
        metavar="DIR",
        help="folder made by 'refold certificates', for TLS (or REFOLD_CERTIFICATES)",
    )


def up_to(most: Limit, *, least: int = 1) -> Callable[[str], int]:
    """Return a reader of whole numbers from ``least`` to a limit."""

    def read(text: str) -> int:
        value = _whole(text)
        if value is None or value < least:
            raise argparse.ArgumentTypeError(f"{_short(text)!r} is not a whole number of at least {least}")
        if value > most.most:
            raise argparse.ArgumentTypeError(f"{_short(text)} is too large: at most {most.said}")
        return value

    return read


def port(text: str) -> int:
    """Read a port, 0 to 65535."""
    # The system would take the number modulo 65536, and listen on another port.
    value = _whole(text)
    if value is None or value > 65535:
        raise argparse.ArgumentTypeError(f"{_short(text)!r} is not a port: a whole number from 0 to 65535")
    return value


def _whole(text: str) -> int | None:
    """Return the number that a text of digits is; infinitely much for thousands of digits."""
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text[:LONGEST])


def _short(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"
