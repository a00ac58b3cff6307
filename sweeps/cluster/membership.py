"""The coordinator's list of a cluster's workers: which may take fits, and which datasets they have.

A worker may answer late, so threads ask. They pass their answers to ``Later``, so that only the coordinator's
thread changes the list.
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

#: Addresses that begin with this belong to workers that are threads of this process.
WITHIN_PROCESS = "inproc://"

#: ``later(function)`` queues a function; the coordinator's thread calls it at its next check of the workers.
Later = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class Members:
    """The workers that have joined or were refused, and the datasets that they have.

    Attributes:
        here: the coordinator's description.
        mixed: whether workers may have other kinds of processors or GPUs.
        later: see ``Later``.
        say: called with a line for each worker that is refused or of another kind.
        admitted: the descriptions of the workers that may take fits, by address.
        refused: the reasons why other workers may not, by address.
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
        """Compare the list with the workers that are there now; return the admitted workers that are gone."""
        known = self._asked | self.admitted.keys() | self.refused.keys()
        gone = [address for address in self.admitted if address not in addresses]
        for address in known.difference(addresses):
            self._forget(address)
        for address in sorted(set(addresses) - known):
            self._asked.add(address)
            _in_thread(self._ask, client, address)
        return gone

    def called(self, address: str) -> str:
        """Return a worker's name for messages, as its address tells users nothing."""
        number = self._numbers.setdefault(address, len(self._numbers) + 1)
        if address.startswith(WITHIN_PROCESS):
            return f"worker {number}"
        return f"worker {number} on {self._hosts.get(address) or urlsplit(address).hostname}"

    def address(self, called: str) -> str:
        """Return the address of the worker of that name, even if the worker is gone."""
        return next(address for address in self._numbers if self.called(address) == called)

    def forget_all(self) -> None:
        """Forget all workers, because the scheduler is gone."""
        for address in [*self._asked, *self.admitted, *self.refused]:
            self._forget(address)

    def refuse(self, address: str, reason: str) -> None:
        """Remove a worker from those that may take fits, and say why."""
        self.admitted.pop(address, None)
        self.refused[address] = reason
        self.say(f"{self.called(address)} is not used: {reason}")

    def neighbours(self, address: str) -> int:
        """Return the number of workers on a worker's machine, itself included."""
        host = self.admitted[address]["host"]
        return sum(each["host"] == host for each in self.admitted.values())

    def has(self, address: str, stored: str) -> bool:
        """Whether a worker is known to have a stored dataset."""
        return (address, stored) in self._having

    def deliver(self, client: Client, address: str, stored: str, then: Callable[[str | None], None]) -> None:
        """Send a stored dataset to a worker that lacks it; ``then`` is called with None, or why it failed."""
        _in_thread(self._deliver, client, address, stored, then)

    def _forget(self, address: str) -> None:
        self._asked.discard(address)
        self.admitted.pop(address, None)
        self.refused.pop(address, None)
        self._having = {pair for pair in self._having if pair[0] != address}

    def _ask(self, client: Client, address: str) -> None:
        try:
            answer: Any = _call(client, address, worker_tasks.join)
        except Exception as error:  # noqa: BLE001 - another installation may raise anything
            answer = error
        self.later(lambda: self._answered(address, answer))

    def _answered(self, address: str, answer: "Description | Exception") -> None:
        if address not in self._asked:  # the worker is gone
            return
        self._asked.discard(address)
        if not isinstance(answer, Exception):
            self._hosts[address] = answer["host"]
        if isinstance(answer, OSError | TimeoutError):  # it went away meanwhile; if not, it is asked again
            return
        if isinstance(answer, Exception):
            what = f"it has no refold, or another release ({type(answer).__name__}: {answer})"
            self.refuse(address, f"{what}: install the same release of refold and its packages there")
            return
        # The coordinator itself has no GPU: the first worker's kind becomes the sweep's.
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
            with self._places[host]:  # workers of one machine share a folder: only the first fills it
                if not _call(client, address, worker_tasks.has_dataset, stored):
                    _send(client, address, Path(stored))
            failure = None
        except Exception as error:  # noqa: BLE001 - its disk may be full, or the worker gone
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
    """Call a function on a worker, while the worker may be training a fit."""
    (answer,) = client.run(function, *arguments, workers=[address], on_error="return").values()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _send(client: Client, address: str, stored: Path) -> None:
    sender = uuid.uuid4().hex
    for part in transfer.parts(stored):
        _call(client, address, worker_tasks.take_part, part, stored.name, sender)
    _call(client, address, worker_tasks.complete, stored.name, sender)
