"""What a process prints is kept, and what it said last is found in it."""

import os
from pathlib import Path

import pytest

from trainer.runtime.output import OutputCopy, last_line

TENSORFLOW = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795630896.109785   23864 port.cc:153] oneDNN custom operations are on.
Traceback (most recent call last):
  File "/lib/pywrap_tensorflow.py", line 73, in <module>
    from tensorflow.python._pywrap_tensorflow_internal import *
ImportError: libfoo.so.1: cannot open shared object file: No such file or directory

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/trainer/process/training_process.py", line 175, in main
    determinism.prepare()
ImportError: Traceback (most recent call last):
  File "/lib/pywrap_tensorflow.py", line 73, in <module>
    from tensorflow.python._pywrap_tensorflow_internal import *
ImportError: libfoo.so.1: cannot open shared object file: No such file or directory


Failed to load the native TensorFlow runtime.
See https://www.tensorflow.org/install/errors for some common causes and solutions.
and include the entire stack trace above this error message when asking for help.
"""


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("", ""),
        (" \n\n", ""),
        ("one\ntwo  words \n\n", "two words"),
        (
            TENSORFLOW,
            "ImportError: libfoo.so.1: cannot open shared object file: No such file or directory "
            "(/lib/pywrap_tensorflow.py line 73)",
        ),
        ("\n".join(TENSORFLOW.splitlines()[:2]), ""),
        ("Traceback (most recent call last):\n  File ...\nKeyError: 1\nSegmentation fault\n", "KeyError: 1"),
        ("Traceback (most recent call last):\n  cut off", "cut off"),
        ("x" * 400, "x" * 300),
    ],
)
def test_the_last_line_that_means_something(printed: str, expected: str) -> None:
    """An error is its own first line, TensorFlow's talk of every start is not meant."""
    assert last_line(printed) == expected


def test_processes_that_share_a_log_keep_their_own_last_words(tmp_path: Path) -> None:
    """All that was printed is in the log."""
    log = tmp_path / "log"
    copies = []
    for number in range(2):
        reading, writing = os.pipe()
        copies.append((OutputCopy(os.fdopen(reading, "rb"), log), os.fdopen(writing, "w")))
        copies[-1][1].write(f"process {number}\n")
    for _, printing in copies:
        printing.close()
    assert [copy.last_line() for copy, _ in copies] == ["process 0", "process 1"]
    assert sorted(log.read_text().splitlines()) == ["process 0", "process 1"]


def test_a_full_disk_costs_the_log_alone() -> None:
    """Who prints is not held up, and what it said last is known all the same."""
    reading, writing = os.pipe()
    copy = OutputCopy(os.fdopen(reading, "rb"), Path("/dev/full"))
    with os.fdopen(writing, "w") as printing:
        for number in range(100_000):
            printing.write(f"line {number}\n")
    assert copy.last_line() == "line 99999"
