"""Runs a command that does not outlive its caller: ``python -m trainer.runtime.lifeline COMMAND ...``.

The lifeline starts the command in a session of its own. Then it waits until the command ends, or until its
own standard input ends, which the system closes when the caller dies. In both cases it kills all processes
that the command has started and that still run.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from trainer.runtime.python_process import module_command


@contextmanager
def started(
    command: Sequence[str], *, environment: Mapping[str, str], log: IO[Any], folder: Path | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Run a command during the block. It is killed when the block or this process ends.

    Args:
        command: program and arguments.
        environment: all of its environment variables.
        log: file for its standard error; its standard output can be read from the yielded process.
        folder: its current folder; None for that of this process.
    """
    process = subprocess.Popen(
        module_command("trainer.runtime.lifeline", *command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environment,
        cwd=folder,
        start_new_session=True,  # Ctrl-C is for the caller to handle
    )
    try:
        yield process
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()


def main() -> None:
    """Run the command; exit with its code, or with 128 + the number of the signal that ended it."""
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def end_with_the_caller() -> None:
        sys.stdin.buffer.read()
        _kill_all_of(command.pid)

    threading.Thread(target=end_with_the_caller, daemon=True).start()
    code = command.wait()
    _kill_all_of(command.pid)
    os._exit(code if code >= 0 else 128 - code)


def _kill_all_of(session: int) -> None:
    """Kill the command and all processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    main()
