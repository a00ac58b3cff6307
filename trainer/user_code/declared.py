"""Files that an architecture reads (weights, a table): declared in the sweep file, and carried with its code.

They are part of the architecture's digest, so a changed file is another architecture. Where the code runs
they are written into a folder of the process, in which the user's main file seems to lie by its ``__file__``.
"""

import atexit
import base64
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath

from trainer.errors import UsageError
from trainer.limits import DECLARED

#: Suffixes of what Python itself opens to import.
_IMPORTED = frozenset({".py", ".pyc", ".so", ".pth"})


def read_declared(folder: Path, names: Sequence[str], spec: str) -> tuple[tuple[str, str], ...]:
    """Return the declared files, each as its name and its content in base 64.

    Args:
        folder: the folder of the architecture's main file.
        names: paths as seen from it, with ``/``.
        spec: what messages call the architecture.

    Raises:
        UsageError: if one is not there, leaves the folder, or all together are too large.
    """
    total, found = 0, []
    for name in names:
        path = _inside(folder, name, spec)
        try:
            total += path.stat().st_size
            if total > DECLARED.most:
                raise UsageError(f"{spec}: files: together they have more than {DECLARED.said} bytes")
            found.append((name, base64.b64encode(path.read_bytes()).decode("ascii")))
        except OSError as error:
            raise UsageError(f"{spec}: files: {str(path)!r} cannot be read: {error.strerror}") from None
    return tuple(found)


def _inside(folder: Path, name: str, spec: str) -> Path:
    check_name(name, spec)
    path, root = folder / name, folder.resolve()
    try:
        if root not in path.resolve(strict=True).parents:
            raise UsageError(f"{spec}: files: {name!r} is a link that leaves the architecture's folder")
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{spec}: files: {name!r} is no file")
    except (OSError, RuntimeError):
        raise UsageError(f"{spec}: files: there is no file {str(path)!r}") from None
    return path


def check_name(name: str, spec: str) -> None:
    """Check that a declared file's name leads to a place inside the architecture's folder.

    Raises:
        UsageError: if it does not.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
        raise UsageError(
            f"{spec}: files: {name!r} leaves the architecture's folder: name a file in it, with '/'"
        )


def lay_out(data: Sequence[tuple[str, str]], spec: str) -> Path:
    """Write declared files into a new folder for temporary files, which lasts as long as the process.

    Raises:
        UsageError: if a recorded name leads out of it or is none, or a content is none or too large.
    """
    folder = Path(tempfile.mkdtemp(prefix="refold-user-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if sum(len(str(content)) for _, content in data) > DECLARED.most * 4 // 3 + 4 * len(data):
        raise UsageError(f"{spec}: files: together they have more than {DECLARED.said} bytes")
    for name, content in data:
        if not isinstance(name, str) or not isinstance(content, str):
            raise UsageError(f"{spec}: files: the record of them is damaged")
        check_name(name, spec)
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                stream.write(base64.b64decode(content, validate=True))
        except (ValueError, OSError):
            raise UsageError(f"{spec}: files: the record of {name[:100]!r} is damaged") from None
    return folder


class OpenedFiles:
    """Names the files that Python code opens to read, through an audit hook.

    What opens files in C is not seen: h5py, TensorFlow's own readers, subprocesses.
    """

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take in what is opened within the block; blocks do not nest."""
        _listen()
        _LISTENING.append(self)
        try:
            yield
        finally:
            _LISTENING.remove(self)

    def undeclared(self, folder: Path | None = None, names: Sequence[str] = ()) -> list[str]:
        """Return the opened files that are neither declared nor a part of Python or the system, by path.

        Args:
            folder: the folder of the code; None if only its texts are here.
            names: the declared files, as seen from it.
        """
        declared = set() if folder is None else {str((folder / name).resolve()) for name in names}
        return [path for path in self._found if path not in declared and not _is_of_system(path)]

    def hear(self, path: str) -> None:
        """Take in a file that was opened."""
        self._found.setdefault(os.path.realpath(path))


#: Who listens now. There is one hook for all: a hook cannot be taken away again.
_LISTENING: list[OpenedFiles] = []


@cache
def _listen() -> None:
    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not _LISTENING:
            return
        path, mode = arguments[0], arguments[1]
        if isinstance(path, str | bytes) and (mode is None or "r" in str(mode)):
            _LISTENING[-1].hear(os.fsdecode(path))

    sys.addaudithook(hear)


@cache
def opened_in_training(architecture: str) -> OpenedFiles:
    """Return what an architecture's code has opened in this process, in all fits.

    A trace is made once and used by many fits, so only the first of these opens what the trace needed.

    Args:
        architecture: the architecture's digest.
    """
    del architecture  # it is the cache's key
    return OpenedFiles()


def opened_while_training(spec: str, name: str, path: str) -> str:
    """Return why a fit has failed that has opened a file which is not declared.

    Args:
        spec: the code, like ``"net.py:Net"``.
        name: the architecture's name in the sweep.
        path: the file.
    """
    file = PurePosixPath(path).name
    return (
        f"{spec} opened {path!r} while it was trained, which is not declared, so a change of it would go "
        f'unnoticed: put it beside the code, add files = ["{file}"] to [architectures.{name}], and open it '
        "as Path(__file__).parent / its name"
    )


def _is_of_system(path: str) -> bool:
    """Whether a file is Python's, a package's, the system's or a temporary one; or is none at all."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where there is no home
    places = (
        "/proc",
        "/sys",
        "/dev",
        "/etc",
        "/usr/lib",
        "/usr/share/zoneinfo",  # where /etc/localtime leads
        f"{home}/.config",
        f"{home}/.cache/matplotlib",
    )
    own = (sys.prefix, sys.base_prefix, tempfile.gettempdir(), *(each for each in sys.path if each))
    roots = {os.path.realpath(each) for each in (*places, *own)}
    if Path(path).suffix in _IMPORTED or not os.path.isfile(path):  # noqa: PTH113
        return True
    if path == os.path.realpath(f"{home}/.keras/keras.json"):
        return True  # Keras' settings, which refold replaces; weights in that folder are an input
    return any(path.startswith(f"{root}/") for root in roots)
