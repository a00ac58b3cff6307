"""MLflow's scoring server for a model: starts it, sends requests over HTTP, stops it."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tracking.errors import ViewUnavailable
from tracking.mlflow.reasons import one_line
from tracking.mlflow.uri import absolute
from trainer.runtime.determinism import training_environment
from trainer.runtime.lifeline import started
from trainer.runtime.output import last_line
from trainer.runtime.python_process import module_command
from trainer.runtime.scratch import scratch_folder

#: Seconds within which the server must answer: it imports MLflow and TensorFlow first.
_START = 180.0
#: Images in one request, and how many times a single image is sent to measure its time.
_BATCH, _REPEATS = 250, 30


class ScoringServer:
    """A running server."""

    def __init__(self, address: str) -> None:
        self._address = address

    def probabilities(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return ``[n, classes]`` of the server for raw pixels ``[n, height, width, channels]``."""
        body = json.dumps({"inputs": pixels.tolist()}).encode()
        request = urllib.request.Request(  # noqa: S310 - always http, on this host
            f"{self._address}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return np.array(json.load(answer)["predictions"], dtype=np.float32)

    def score(self, images: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], float]:
        """Return the probabilities of all images, and the milliseconds of a request with one image."""
        starts = range(0, len(images), _BATCH)
        scored = np.concatenate([self.probabilities(images[start : start + _BATCH]) for start in starts])
        seconds = []
        for _ in range(_REPEATS):
            start = time.perf_counter()
            self.probabilities(images[:1])
            seconds.append(time.perf_counter() - start)
        return scored, 1000 * statistics.median(seconds)


@contextmanager
def serving(model_uri: str, tracking_uri: str, log: Path) -> Iterator[ScoringServer]:
    """Run ``mlflow models serve --env-manager local`` during the block.

    Args:
        model_uri: of the model, like ``models:/digits/1``.
        tracking_uri: of MLflow's store.
        log: file for the server's output.

    Raises:
        ViewUnavailable: if it does not start, or does not answer.
    """
    port = _free_port()
    options = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    command = module_command("mlflow", "models", "serve", "--model-uri", model_uri, *options)
    environment = training_environment() | {
        "MLFLOW_TRACKING_URI": absolute(tracking_uri),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # MLflow starts 'uvicorn' by name; PATH makes that the one of this Python.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    with (
        log.open("w", encoding="utf-8") as output,
        # uvicorn imports from its current folder, so that is an empty one.
        scratch_folder() as folder,
        started(command, environment=environment, log=output, folder=folder) as process,
    ):
        address = f"http://127.0.0.1:{port}"
        _wait(process, f"{address}/ping", log)
        try:
            yield ScoringServer(address)
        except OSError as error:
            raise ViewUnavailable(
                f"MLflow's scoring server does not answer: {one_line(str(error))}"
            ) from error


def _wait(process: "subprocess.Popen[str]", url: str, log: Path) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - always http, on this host
                return
        except OSError:
            time.sleep(0.2)
    said = one_line(last_line(log.read_text(encoding="utf-8", errors="replace"))) or "it said nothing"
    raise ViewUnavailable(f"MLflow's scoring server does not start: {said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
