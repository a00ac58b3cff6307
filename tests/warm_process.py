"""A training process that is ready: it has imported TensorFlow, and each call runs in a fork of its own.

The import takes seconds, and dozens of tests need a fresh process. A fork is one: until its first operation
TensorFlow has drawn nothing, compiled nothing and started no thread.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from tests.processor import python_path
from trainer.runtime import determinism
from trainer.runtime.scratch import Scratch

ROOT = Path(__file__).parents[1]

#: A thread of the memory allocator, which knows of forks.
ALLOCATOR = "jemalloc_bg_thd"


class WarmProcess:
    """Runs functions that take no arguments, each in a fresh training process.

    Args:
        log: takes what the process itself prints.
    """

    def __init__(self, log: Path) -> None:
        self._temporary = Scratch()  # TensorFlow leaves files there
        variables = {"PYTHONPATH": python_path(ROOT), "TMPDIR": str(self._temporary.path)}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.warm_process"],
                env=determinism.training_environment() | variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def run(self, module: str, function: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call a function by its name.

        Args:
            module: its module.
            function: its name there.
            arguments: what it finds in ``sys.argv`` after the module's name.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            request = {"call": [module, function], "arguments": [module, *arguments], "folder": folder}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            texts = [Path(folder, name).read_text() for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess([module, function, *arguments], code, *texts)

    def close(self) -> None:
        """End it."""
        self._process.communicate()
        self._temporary.remove()


def serve() -> None:
    """Answer each request on standard input with the exit code of a fork."""
    determinism.prepare()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        names = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
        assert names <= {Path("/proc/self/comm").read_text().strip(), ALLOCATOR}, f"not to be forked: {names}"
        child = os.fork()
        if child == 0:
            _call(json.loads(line))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _call(request: dict[str, list[str]]) -> None:
    """Run one request in this process, and end it."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(str(request["folder"]), name), os.O_WRONLY | os.O_CREAT), number)
    sys.argv = request["arguments"]
    module, function = request["call"]
    code = 1
    try:
        getattr(importlib.import_module(module), function)()
        code = 0
    except Exception:  # noqa: BLE001 - as Python itself would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
