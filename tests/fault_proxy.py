"""A proxy between a client and a server that mistreats requests at random, as networks and servers do."""

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

FAULTS = ("drop the request", "drop the answer", "cut the answer", "delay", "duplicate", "refuse")
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


class FaultProxy:
    """What the proxy does and has done.

    Attributes:
        share: of the requests that are mistreated, in [0, 1]; may be changed at any time.
        faults: how often each fault was done.
        requests: how many requests came.
    """

    def __init__(self, target: str, share: float, seed: int, longest_delay: float) -> None:
        parts = urlsplit(target)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self.share, self._rng, self._lock = share, random.Random(seed), threading.Lock()
        self._longest_delay = longest_delay
        self.faults: Counter[str] = Counter()
        self.requests = 0
        self.uri = ""

    def choose(self) -> tuple[str | None, float]:
        """Return what to do with the next request, and how long to wait."""
        with self._lock:
            self.requests += 1
            if self._rng.random() >= self.share:
                return None, 0.0
            fault = self._rng.choice(FAULTS)
            self.faults[fault] += 1
            return fault, self._rng.uniform(0.0, self._longest_delay)

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, bytes]:
        """Pass a request on and return status, headers and body of the answer."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault, delay = self.proxy.choose()
        if fault == "drop the request":
            return self._hang_up()
        if fault == "refuse":
            return self._send(503, [], b"<html>not now</html>")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            answer = self.proxy.forward(self.command, self.path, headers, body)
            if fault == "duplicate":
                answer = self.proxy.forward(self.command, self.path, headers, body)
        except OSError:
            return self._hang_up()
        if fault == "delay":
            time.sleep(delay)
        if fault == "drop the answer":
            return self._hang_up()
        return self._send(*answer, cut=fault == "cut the answer")

    def _send(self, status: int, headers: Any, body: bytes, *, cut: bool = False) -> None:
        with suppress(OSError):
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.wfile.flush()
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # http.server's names

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def fault_proxy(
    target: str, *, share: float = 0.3, seed: int = 1, longest_delay: float = 0.3
) -> Iterator[FaultProxy]:
    """Start a proxy before the server at ``target``; its own address is ``uri``."""
    proxy = FaultProxy(target, share, seed, longest_delay)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        proxy.uri = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
