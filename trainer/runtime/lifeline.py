"""Runs a command that does not outlive its caller: ``python -m trainer.runtime.lifeline SECONDS COMMAND``.

The lifeline starts the command in a session of its own. Then it waits until the command ends, or until its
own standard input ends, which the system closes when the caller dies. In both cases it ends all processes
that the command has started and that still run. They may end in an orderly way within the given seconds.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from trainer.runtime.python_process import module_command
from trainer.runtime.scratch import scratch_folder

_SET_PARENT_DEATH_SIGNAL = 1


@contextmanager
def started(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: IO[Any],
    folder: Path | None = None,
    answers: bool = True,
    patience: float = 0.0,
    umask: int = -1,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a command during the block. It is ended when the block or this process ends.

    Args:
        command: program and arguments.
        environment: its environment variables. The place of temporary files is a new one, which is removed.
        log: file for its standard error.
        folder: its current folder; None for that of this process.
        answers: whether its standard output can be read from the yielded process; else that goes to ``log``.
        patience: seconds in which its processes may end after SIGTERM, before they are killed; 0 to kill
            them at once.
        umask: of the command; -1 for that of this process.
    """
    with scratch_folder() as temporary:
        process = subprocess.Popen(
            module_command("trainer.runtime.lifeline", str(patience), *command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else log,
            stderr=log,
            text=True,
            env={**environment, "TMPDIR": str(temporary)},
            cwd=folder,
            umask=umask,
            start_new_session=True,  # Ctrl-C is for the caller to handle
        )
        try:
            yield process
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()


def end_with_parent() -> None:
    """Let the system kill this process when the one that started it ends. Only Linux does that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def main() -> None:
    """Run the command; exit with its code, or with 128 + the number of the signal that ended it."""
    patience = float(sys.argv[1])
    command = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, start_new_session=True)
    deserted = threading.Event()

    def end_with_the_caller() -> None:
        sys.stdin.buffer.read()
        deserted.set()
        _end_all_of(command.pid, patience)

    watch = threading.Thread(target=end_with_the_caller, daemon=True)
    watch.start()
    code = command.wait()
    if deserted.is_set():  # what the command has started may still be ending
        watch.join()
    _end_all_of(command.pid, patience=0.0)
    os._exit(code if code >= 0 else 128 - code)


def _end_all_of(session: int, patience: float) -> None:
    """End the command and all processes that it started: ask them first, if there is time for that."""
    deadline = time.monotonic() + patience
    with suppress(ProcessLookupError):
        if patience:
            os.killpg(session, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(session, 0)  # raises when none is left
            time.sleep(0.05)
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    main()
