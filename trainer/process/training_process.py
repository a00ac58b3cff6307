"""A process that does nothing but train: ``TrainingProcess`` for its caller, ``main`` within it.

Training has a process of its own for two reasons. Variables that decide bits must be set before Python
starts. And Keras draws the seeds of its initialisers from Python's global ``random``, which other threads may
use in between: inside a Dask worker the event loop did, and some fits began with other weights.
"""

import gc
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, assert_never

from trainer.errors import RefoldError
from trainer.fits.results import Epoch, FitRun
from trainer.process.jobs import Job, run
from trainer.process.messages import EpochFinished, Finished, Impossible, MemoryLacking, Message, Ready
from trainer.quantities import size
from trainer.runtime import determinism
from trainer.runtime.memory import kills_for_memory, peak_bytes, peak_bytes_of_children
from trainer.runtime.output import OutputCopy
from trainer.runtime.python_process import module_command
from trainer.runtime.scratch import Scratch

EpochListener = Callable[[int, Epoch, float], None]


#: Seconds within which a process must end after it has closed its pipe.
_END = 10.0

#: Signals from outside: a process that they end could have worked.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class CannotStart(RefoldError):
    """No training process can start here: a module that it imports is missing, broken or the wrong one."""


class CannotRun(RefoldError):
    """No process can run this fit: one line that says why."""


class ProcessDied(RefoldError):
    """The training process ended in the middle of a fit: killed, out of memory, crashed."""


class OutOfMemory(ProcessDied):
    """It ended because there was not enough memory for the fit."""


class TrainingProcess:
    """Runs fits one after the other in a process of its own, which ends when this one ends or is killed.

    Args:
        log: file to which the output of the process is appended.
        device: the device that it trains on.
    """

    def __init__(self, log: Path, device: determinism.Device = determinism.CPU) -> None:
        self._temporary = Scratch()  # TensorFlow leaves files in the place of temporary ones
        self._process = subprocess.Popen(
            module_command("trainer.process.training_process"),
            env={**determinism.training_environment(device), "TMPDIR": str(self._temporary.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the coordinator to handle
        )
        self._output = OutputCopy(_pipe(self._process.stderr), log)
        self._ready = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take another fit."""
        return self._process.poll() is None

    def run(self, job: Job, on_epoch: EpochListener) -> FitRun:
        """Run one fit.

        Raises:
            CannotStart: if the process ended before it was ready; another one would end too.
            ProcessDied: if the process ended before the fit did; the fit can be run again.
            OutOfMemory: if it ended because it ran out of memory.
            CannotRun: if no process can run the fit.
        """
        kills = kills_for_memory()
        try:
            if not self._ready:
                _receive(_pipe(self._process.stdout))
                self._ready = True
            _send(_pipe(self._process.stdin), job)
            while True:
                message: Message = _receive(_pipe(self._process.stdout))
                match message:
                    case EpochFinished(number, epoch, seconds):
                        on_epoch(number, epoch, seconds)
                    case Impossible(why):
                        raise CannotRun(why)
                    case MemoryLacking(what):
                        raise OutOfMemory(what)
                    case Finished(finished):
                        return finished
                    case Ready():
                        continue
                    case _:
                        assert_never(message)
        except (EOFError, OSError) as error:
            raise self._death(kills) from error
        except pickle.UnpicklingError as error:
            self.kill()
            raise self._death(kills) from error

    def kill(self) -> None:
        """Kill the process; ``run``, if it waits in another thread, raises ``ProcessDied``."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process and free its resources."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # the reader of unwritten data is gone
                    continue
        self._output.finish()
        self._temporary.remove()

    def _death(self, kills_before: int) -> CannotStart | ProcessDied:
        try:
            code = self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code == -signal.SIGKILL and kills_for_memory() > kills_before:
            held = size(peak_bytes_of_children())
            return OutOfMemory(f"the system killed the training process, which held up to {held}")
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        said = self._output.last_line()
        if not self._ready and -code not in _FROM_OUTSIDE:
            found = said or f"it {how} and printed nothing"
            return CannotStart(f"the training process cannot start: {found}")
        return ProcessDied(
            f"the training process {how}; {f'it printed: {said}' if said else 'it printed nothing'}"
        )


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EOFError
    return pipe


def _send(pipe: IO[bytes], value: Job | Message) -> None:
    pickle.dump(value, pipe)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    return pickle.load(pipe)  # noqa: S301 - both ends are ours, and no other process has the pipe


def main() -> None:
    """Serve fits from standard input until it ends."""
    # Prints of TensorFlow or of a user's module go to the log; the pipe is for answers only.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    jobs: queue.Queue[Job] = queue.Queue()
    threading.Thread(target=_read_jobs, args=(sys.stdin.buffer, jobs), daemon=True).start()
    # The import makes a million lasting objects; searching them for garbage would take a fifth of its time.
    gc.disable()
    try:
        determinism.prepare()
    except BaseException:  # noqa: BLE001 - after any exception nothing can be trained
        traceback.print_exc()
        os._exit(1)  # a normal exit would wait for the reading thread
    _send(answers, Ready())
    gc.freeze()
    gc.enable()
    while True:
        _answer(jobs.get(), answers)


def _read_jobs(source: IO[bytes], jobs: "queue.Queue[Job]") -> None:
    """Put jobs into the queue as they arrive; end the process at once when the caller has closed the pipe."""
    try:
        while True:
            jobs.put(_receive(source))
    finally:
        os._exit(0)


def _answer(job: Job, answers: IO[bytes]) -> None:
    def announce(number: int, epoch: Epoch, seconds: float) -> None:
        _send(answers, EpochFinished(number, epoch, seconds))

    answer: Message
    try:
        answer = Finished(run(job, announce))
    except MemoryError as error:
        held = f"the training process held up to {size(peak_bytes())}"
        _send(answers, MemoryLacking(f"{error}; {held}" if str(error) else held))
        os._exit(137)  # the code of a process killed by the system: the fit runs again in a fresh process
    except Exception as error:  # noqa: BLE001 - sent to the caller
        answer = Impossible(f"{type(error).__name__}: {error}")
    _send(answers, answer)


if __name__ == "__main__":
    main()
