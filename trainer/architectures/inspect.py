"""Checks a user's architecture before anything is trained; another process imports TensorFlow for it."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from trainer.architectures.inspect_messages import Accepted, InspectRequest, Refused, answer_from_json
from trainer.errors import UsageError
from trainer.limits import PYTHON_FILE
from trainer.runtime.determinism import training_environment
from trainer.runtime.output import last_line
from trainer.runtime.python_process import module_command
from trainer.runtime.scratch import scratch_folder
from trainer.user_code import UserSource

#: Seconds that the user's module may take to import and to build its model three times, TensorFlow included.
PATIENCE = 300


def inspect_user(
    written: str | UserSource,
    *,
    base: Path,
    name: str,
    input_shape: tuple[int, int, int],
    classes: int,
    files: Sequence[str] = (),
    keep_seeds: bool = False,
) -> Accepted:
    """Import the user's architecture in a process of its own, build it and check the model that it returns.

    Args:
        written: ``"file.py:Name"`` as in the sweep file, or the text of a notebook's cell.
        base: folder that the file's name is relative to; the cell imports modules from it.
        name: what the sweep calls the architecture.
        input_shape: height, width, channels of the sweep's images.
        classes: how many classes there are, at least 2.
        files: the files that the code reads, as seen from the folder of its main file.
        keep_seeds: whether seeds that the code gives to its initial weights are meant.

    Returns:
        The texts of the architecture's code with these files, the space that it declares, and remarks.

    Raises:
        UsageError: one line that says what is wrong and in which line of which file.
    """
    spec = written if isinstance(written, str) else written.spec
    if isinstance(written, str):
        _check_file(written, base)
    request = InspectRequest(
        base=str(Path(base).resolve()),
        spec=spec,
        cell=None if isinstance(written, str) else written.files[0][1],
        name=name,
        input_shape=input_shape,
        classes=classes,
        files=tuple(files),
        keep_seeds=keep_seeds,
    )
    answer = _ask(request)
    if isinstance(answer, Refused):
        raise UsageError(answer.error)
    return answer


def _check_file(spec: str, base: Path) -> None:
    file, colon, attribute = spec.rpartition(":")
    if not colon or not file.endswith(".py") or not attribute.isidentifier():
        raise UsageError(f'source = "{spec}" must look like "file.py:Name"')
    path = Path(base, file)
    if not os.path.isfile(path):  # noqa: PTH113  (Path.is_file raises for names that no disk takes)
        raise UsageError(f'source = "{spec}": there is no file {path}')
    if path.stat().st_size > PYTHON_FILE.most:
        raise UsageError(f'source = "{spec}": {path} has more than {PYTHON_FILE.said} bytes')
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f'source = "{spec}": {path} cannot be read: {reason}') from None
    if "\0" in text:
        raise UsageError(f'source = "{spec}": {path} has null characters: it is no Python file')


def _ask(request: InspectRequest) -> Accepted | Refused:
    """Return the inspecting process's answer."""
    spec = request.spec
    command = module_command("trainer.architectures.inspect_process")
    try:
        with scratch_folder() as temporary:
            ended = subprocess.run(
                command,
                input=json.dumps(request.to_json()),
                env={**training_environment(), "TMPDIR": str(temporary)},
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{spec} was not imported and built within {PATIENCE} seconds") from None
    try:
        return answer_from_json(json.loads(ended.stdout))
    except ValueError:
        last = last_line(ended.stderr) or "it said nothing"
        raise UsageError(
            f"{spec}: the process that tried it out ended ({ended.returncode}): {last}"
        ) from None
