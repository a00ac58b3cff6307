"""A cluster's scheduler: its address, and a check that it answers, without Dask."""

import ipaddress
import os
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sweeps.cluster.certificates import Certificates
from trainer.bounded_text import json_from
from trainer.errors import UsageError

#: Dask's default port.
PORT = 8786

#: Seconds that one attempt to connect may take.
ATTEMPT = 5.0


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """A scheduler's address.

    Attributes:
        url: ``tcp://host:port`` or ``tls://host:port``.
        certificates: the certificates to connect with, for ``tls://``; None for ``tcp://``.
    """

    url: str
    certificates: Certificates | None = None

    @property
    def host(self) -> str:
        """Name or IP address of the scheduler's host."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """The scheduler's port."""
        return int(urlsplit(self.url).port or PORT)

    @property
    def options(self) -> str:
        """The address as an argument for ``refold worker``."""
        return self.url + (f" --certificates {self.certificates.folder}" if self.certificates else "")

    @property
    def warning(self) -> str | None:
        """A warning if other machines can reach the address and no certificate is asked for; else None."""
        if self.certificates or is_loopback(self.host):
            return None
        return (
            f"{self.url} is neither loopback nor TLS: any machine that reaches it can run code on every "
            "machine of the cluster; 'refold certificates DIR' makes the folder for --certificates"
        )


def read_address(text: str, certificates: str | None) -> ClusterAddress:
    """Return the address that a user's text names.

    Args:
        text: ``tcp://host:port``, ``tls://host:port``, ``host:port``, or the path of a scheduler file.
        certificates: folder of the certificates; ``REFOLD_CERTIFICATES`` if None. Read only for a TLS
            address.

    Raises:
        UsageError: if it is no address; the message says what is wrong with it.
    """
    # os.path answers False where Path raises: for names too long for the disk.
    url = _from_file(Path(text)) if "://" not in text and os.path.isfile(text) else text  # noqa: PTH113
    if url.endswith(".json") and "://" not in url:
        raise UsageError(f"there is no scheduler file {url}: the scheduler writes it when it starts")
    folder = certificates or os.environ.get("REFOLD_CERTIFICATES") or None
    if "://" not in url:
        url = f"{'tls' if folder else 'tcp'}://{url}"
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
        if "[" in url:  # urlsplit takes anything in brackets
            ipaddress.IPv6Address((parts.hostname or "").partition("%")[0])
    except ValueError as error:
        raise UsageError(f"{text!r} is no scheduler's address ({error}): {_FORMS}") from None
    if not url.isprintable() or " " in url:
        raise UsageError(f"{text!r} is no scheduler's address: {_FORMS}")
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or parts.path.strip("/"):
        raise UsageError(f"{text!r} is no scheduler's address: {_FORMS}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return ClusterAddress(
        f"{parts.scheme}://{host}:{port}", _certificates(parts.scheme, certificates, folder)
    )


_FORMS = "it looks like tcp://scheduler:8786 or tls://scheduler:8786, or it is the path of a scheduler file"


def _certificates(scheme: str, asked: str | None, folder: str | None) -> Certificates | None:
    if scheme == "tls":
        if folder is None:
            raise UsageError(
                "a tls:// address needs certificates: give their folder with --certificates DIR or "
                "REFOLD_CERTIFICATES; 'refold certificates DIR' makes them"
            )
        return Certificates(Path(folder).resolve()).checked()
    if asked is not None:
        raise UsageError("--certificates is for TLS: write the address as tls://HOST:PORT, or leave it out")
    return None


def _from_file(path: Path) -> str:
    try:
        return str(json_from(path.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is no scheduler file ({type(error).__name__}): a scheduler that is started with "
            "--scheduler-file writes one"
        ) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_towards(address: ClusterAddress) -> str:
    """Return the IP address of this machine's interface that leads to the scheduler."""
    family = socket.AF_INET6 if ":" in _number(address.host) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address.host, address.port))  # sends nothing
        return str(probe.getsockname()[0])


def _number(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
    except OSError as error:
        raise UsageError(
            f"no host is called {host!r} here ({error}): give its IP address, or correct the name"
        ) from None


def await_scheduler(address: ClusterAddress, patience: float) -> None:
    """Return when a scheduler answers.

    Args:
        address: the scheduler's address.
        patience: seconds to wait for it.

    Raises:
        UsageError: if none answers in that time; at once if what answers is not a scheduler that can be used.
    """
    begun = time.monotonic()
    while True:
        try:
            return _knock(address)
        except OSError as error:
            if time.monotonic() - begun < patience:
                time.sleep(0.2)
                continue
            if isinstance(error, _Silent):
                raise _no_scheduler(address) from None
            how = f" --certificates {address.certificates.folder}" if address.certificates else ""
            raise UsageError(
                f"no scheduler answers at {address.url} (waited {time.monotonic() - begun:.0f} s: "
                f"{error.strerror or error}): start one there with 'refold scheduler --host {address.host} "
                f"--port {address.port}{how}'"
            ) from None


def _knock(address: ClusterAddress) -> None:
    """Connect once and wait for the scheduler's first message.

    Raises:
        OSError: if nothing answers.
        UsageError: if what answers is no scheduler, or its certificates do not match.
    """
    with socket.create_connection((address.host, address.port), timeout=ATTEMPT) as plain:
        try:
            if address.certificates is None:
                first = plain.recv(1)
            else:
                with address.certificates.context(server=False).wrap_socket(plain) as encrypted:
                    # A server that rejects our certificate says so only in place of its first message.
                    first = encrypted.recv(1)
        except ssl.SSLError as error:
            raise _mismatch(address, error) from None
        except TimeoutError:
            raise _Silent from None  # it is busy, or it waits for us to send first
    if not first:
        raise _no_scheduler(address)


class _Silent(OSError):
    """The address accepts connections but sends nothing."""


def _no_scheduler(address: ClusterAddress) -> UsageError:
    other = "tcp" if address.certificates else "tls"
    return UsageError(
        f"what answers at {address.url} is no scheduler that speaks {address.url[:3]}: try {other}://, "
        "or see what runs there"
    )


def _mismatch(address: ClusterAddress, error: ssl.SSLError) -> UsageError:
    assert address.certificates is not None  # noqa: S101 - no TLS error without TLS
    folder = address.certificates.folder
    if error.reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"):
        return UsageError(
            f"the scheduler at {address.url} does not speak TLS: try tcp://, or start it with TLS"
        )
    return UsageError(
        f"the certificates in {folder} do not match those of the scheduler at {address.url} "
        f"({error.reason or error}): both need a copy of the same folder"
    )


def main() -> None:
    """Exit with 0 if a scheduler answers at the address given: a health check."""
    try:
        await_scheduler(read_address(sys.argv[1], None), patience=0)
    except UsageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
