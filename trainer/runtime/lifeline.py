"""A process that does not outlive its caller, however that ends: ``-m trainer.runtime.lifeline COMMAND ...``.

The lifeline starts the command in a session of its own and waits for whichever comes first: the command's
end, or the end of its own standard input, which the system closes when the caller dies. Then it kills the
command with all that it has started.
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
    """Start a command; it has ended when the block has, and when this process has.

    Args:
        command: program and arguments.
        environment: all of its environment variables.
        log: a file that takes what it prints on standard error; standard output can be read.
        folder: to start it in; the current one if None.
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
    """Run the command; exit with its code, or with 128 and its signal's number as a shell would."""
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def end_with_the_caller() -> None:
        sys.stdin.buffer.read()
        _kill_all_of(command.pid)

    threading.Thread(target=end_with_the_caller, daemon=True).start()
    code = command.wait()
    _kill_all_of(command.pid)
    os._exit(code if code >= 0 else 128 - code)


def _kill_all_of(session: int) -> None:
    """End what is left of the command and of what it started."""
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    main()
