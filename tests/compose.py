"""The compose file as data, and its services as processes of this machine, in a network of their own."""

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processor import CPUINFO, python_path

FILE = Path(__file__).parents[1] / "docker-compose.yml"

#: What a user puts into .env.
SECRETS = {
    "POSTGRES_PASSWORD": "postgres's own",
    "MLFLOW_ADMIN_PASSWORD": "at least twelve characters",
    "MLFLOW_SECRET_KEY": "signs cookies",
    "S3_ACCESS_KEY": "store's key",
    "S3_SECRET_KEY": "store's secret",
}


def raw() -> Any:
    """Return the file as YAML has it, merge keys resolved."""
    return yaml.safe_load(FILE.read_text())


def compose(variables: Mapping[str, str]) -> Any:
    """Return the file as compose would read it.

    Raises:
        KeyError: if a variable is needed and not set.
    """
    return _interpolated(raw(), variables)


_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:[-?])([^}]*))?\})")


def _interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def replaced(found: re.Match[str]) -> str:
        dollar, name, how, text = found.groups()
        if dollar:
            return "$"
        if variables.get(name):
            return variables[name]
        if how == ":?":
            raise KeyError(f"{name}: {text}")
        return text or ""

    return _VARIABLE.sub(replaced, value)


@dataclass
class Stack:
    """Services of the compose file, run natively.

    They stand in a network namespace in which their names are addresses of its own, so that commands,
    environments and health checks are those of the file, word for word; only volumes are folders elsewhere.

    Attributes:
        services: as compose would read them.
        namespace: of the network.
        folder: for volumes and logs.
        bin: where the image would have its programs.
    """

    services: Mapping[str, Any]
    configs: Mapping[str, Any]
    namespace: str
    folder: Path
    bin: Path
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, *, number: int = 1) -> "subprocess.Popen[bytes]":
        """Start a service that goes on."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                self.within(self.command(name)),
                env=self.environment(name),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[f"{name}-{number}"] = process
        return process

    def run(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a service that ends, with other arguments than the file's if some are given."""
        return subprocess.run(
            self.within(self.command(name, *arguments)),
            env=self.environment(name),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def healthy(self, name: str) -> bool:
        """Run the service's health check."""
        test = self._here(self.services[name]["healthcheck"]["test"])
        assert test[0] == "CMD"
        done = subprocess.run(
            self.within(test[1:]), env=self.environment(name), capture_output=True, check=False, timeout=60
        )
        return done.returncode == 0

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return what the service's container would run."""
        service = self.services[name]
        words = [*service.get("entrypoint", []), *(arguments or service["command"])]
        return self._here(words)

    def environment(self, name: str) -> dict[str, str]:
        """Return what the service's container would have, and the path to this Python's programs."""
        own = {
            key: self._here([str(text)])[0]
            for key, text in self.services[name].get("environment", {}).items()
        }
        path = f"{self.bin}:{os.environ['PATH']}"
        return {
            "PATH": path,
            "PYTHONPATH": python_path(FILE.parent),
            CPUINFO: os.environ[CPUINFO],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            **own,
        }

    def within(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs inside the network."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def log(self, name: str) -> Path:
        """Return what a service prints to."""
        return self.folder / f"{name}.log"

    def volume(self, target: str) -> Path:
        """Return the folder or file that stands for a mount."""
        return self.folder / "volumes" / target.strip("/").replace("/", "-")

    def _here(self, words: Sequence[str]) -> list[str]:
        found = []
        for word in map(str, words):
            for target in sorted(self._mounts(), key=len, reverse=True):
                word = word.replace(target, str(self.volume(target)))  # noqa: PLW2901
            found.append(word)
        return found

    def _mounts(self) -> set[str]:
        targets = {
            volume.partition(":")[2].partition(":")[0] or volume
            for service in self.services.values()
            for volume in service.get("volumes", [])
        }
        return targets | {c["target"] for s in self.services.values() for c in s.get("configs", [])}

    def lay_out(self) -> None:
        """Make the volumes and the configuration files."""
        files = {c["target"]: c["source"] for s in self.services.values() for c in s.get("configs", [])}
        for target in self._mounts():
            self.volume(target).parent.mkdir(parents=True, exist_ok=True)
            if target in files:
                self.volume(target).write_text(self._here([self.configs[files[target]]["content"]])[0])
            else:
                self.volume(target).mkdir(exist_ok=True)

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait()


@contextmanager
def network(names: Sequence[str]) -> Iterator[str]:
    """Make a network namespace in which all the names are this host; skip the test where that cannot be."""
    if os.getuid() or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    name = f"refold-{uuid.uuid4().hex[:8]}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"network namespaces cannot be made here: {made.stderr.strip()}")
    hosts = Path("/etc/netns") / name / "hosts"
    try:
        subprocess.run(["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"], check=True)
        hosts.parent.mkdir(parents=True)
        hosts.write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
        yield name
    finally:
        shutil.rmtree(hosts.parent, ignore_errors=True)
        subprocess.run(["ip", "netns", "del", name], check=False)
