"""The workers of a cluster as the coordinator knows them: who may take fits, and what data they have.

Asking a worker takes as long as it takes, so it is done in threads; what they find out is taken in by whoever
looks next.
"""

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from distributed import Client

from sweeps.cluster import worker_tasks
from sweeps.cluster.compatibility import Description, verdict
from trainer.datasets import transfer

#: How the addresses of workers begin that are threads of this process.
WITHIN_PROCESS = "inproc://"

#: Calls a function in the thread that looks after the workers, when that looks next.
Later = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class Members:
    """Who has joined, who was refused, and who has which dataset.

    Attributes:
        here: the coordinator's description.
        mixed: whether other kinds of processors or GPUs are welcome.
        later: see ``Later``.
        say: told of workers that come, go or are refused.
        admitted: what those that may take fits say of themselves, by address.
        refused: why others may not.
    """

    here: Description
    mixed: bool
    later: Later
    say: Callable[[str], None]
    admitted: dict[str, Description] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _hosts: dict[str, str] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _having: set[tuple[str, str]] = field(default_factory=set)
    _places: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def look(self, client: Client, addresses: Sequence[str]) -> list[str]:
        """Take note of the workers that are there now; return those that were admitted and are gone."""
        known = self._asked | self.admitted.keys() | self.refused.keys()
        gone = [address for address in self.admitted if address not in addresses]
        for address in known.difference(addresses):
            self._forget(address)
        for address in sorted(set(addresses) - known):
            self._asked.add(address)
            _in_thread(self._ask, client, address)
        return gone

    def called(self, address: str) -> str:
        """Return what people call a worker: its address would tell them nothing."""
        number = self._numbers.setdefault(address, len(self._numbers) + 1)
        if address.startswith(WITHIN_PROCESS):
            return f"worker {number}"
        return f"worker {number} on {self._hosts.get(address) or urlsplit(address).hostname}"

    def address(self, called: str) -> str:
        """Return the address of a worker that was admitted under a name, also if it is gone."""
        return next(address for address in self._numbers if self.called(address) == called)

    def forget_all(self) -> None:
        """Forget everybody: the scheduler that knew them is gone."""
        for address in [*self._asked, *self.admitted, *self.refused]:
            self._forget(address)

    def refuse(self, address: str, reason: str) -> None:
        """Give a worker nothing any more."""
        self.admitted.pop(address, None)
        self.refused[address] = reason
        self.say(f"{self.called(address)} is not used: {reason}")

    def neighbours(self, address: str) -> int:
        """Return how many workers there are on a worker's machine, itself included."""
        host = self.admitted[address]["host"]
        return sum(each["host"] == host for each in self.admitted.values())

    def has(self, address: str, stored: str) -> bool:
        """Whether a worker is known to have a stored dataset."""
        return (address, stored) in self._having

    def deliver(self, client: Client, address: str, stored: str, then: Callable[[str | None], None]) -> None:
        """Bring a stored dataset to a worker that may not have it; ``then`` hears why if that failed."""
        _in_thread(self._deliver, client, address, stored, then)

    def _forget(self, address: str) -> None:
        self._asked.discard(address)
        self.admitted.pop(address, None)
        self.refused.pop(address, None)
        self._having = {pair for pair in self._having if pair[0] != address}

    def _ask(self, client: Client, address: str) -> None:
        try:
            answer: Any = _call(client, address, worker_tasks.join)
        except Exception as error:  # noqa: BLE001 - whatever another installation may say
            answer = error
        self.later(lambda: self._answered(address, answer))

    def _answered(self, address: str, answer: "Description | Exception") -> None:
        if address not in self._asked:  # gone meanwhile
            return
        self._asked.discard(address)
        if not isinstance(answer, Exception):
            self._hosts[address] = answer["host"]
        if isinstance(
            answer, OSError | TimeoutError
        ):  # it went while it was asked; if not, it is asked again
            return
        if isinstance(answer, Exception):
            what = f"it has no refold, or another one ({type(answer).__name__}: {answer})"
            self.refuse(address, f"{what}: install the same release of everything there")
            return
        # A coordinator knows of no GPU: the first worker's kind is the sweep's.
        here = self.here if self.here["gpu"] else {**self.here, "gpu": answer["gpu"]}
        reason, remark = verdict(here, answer, mixed=self.mixed)
        if reason:
            self.refuse(address, reason)
            return
        self.here = here
        self.admitted[address] = answer
        if remark:
            self.say(f"{self.called(address)} is of another kind: {remark}")

    def _deliver(self, client: Client, address: str, stored: str, then: Callable[[str | None], None]) -> None:
        host = self.admitted.get(address, {}).get("host", address)
        try:
            with self._places[host]:  # workers of one machine have one folder: the first one fills it
                if not _call(client, address, worker_tasks.has_dataset, stored):
                    _send(client, address, Path(stored))
            failure = None
        except Exception as error:  # noqa: BLE001 - a disk that is full there, a worker that is gone
            failure = f"it has no dataset {Path(stored).name[:16]} and could not be sent it ({error}): "
            failure += "make room there, or start it with --data FOLDER"

        def note() -> None:
            if failure is None:
                self._having.add((address, stored))
            then(failure)

        self.later(note)


def _in_thread(function: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


def _call(client: Client, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function on a worker, beside whatever it is at."""
    (answer,) = client.run(function, *arguments, workers=[address], on_error="return").values()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _send(client: Client, address: str, stored: Path) -> None:
    sender = uuid.uuid4().hex
    for part in transfer.parts(stored):
        _call(client, address, worker_tasks.take_part, part, stored.name, sender)
    _call(client, address, worker_tasks.complete, stored.name, sender)
