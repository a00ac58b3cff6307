"""A headless Chromium for tests: opens pages, clicks what a person would, reads and photographs them."""

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import WebSocketClientConnection, websocket_connect

_PATIENCE = 60.0


class Browser:
    """One page, driven over the DevTools protocol.

    Source: https://chromedevtools.github.io/devtools-protocol/
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: WebSocketClientConnection) -> None:
        self._loop, self._socket, self._number = loop, socket, 0

    def open(self, url: str) -> None:
        """Go to an address; a changed fragment alone loads the page anew."""
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=url)

    def text(self) -> str:
        """Return what is written on the page."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def wait_for(self, *words: str) -> str:
        """Return the page's text when all of the words are on it."""
        return str(self.wait_until(self.text, lambda text: all(word in text for word in words), words))

    def wait_until(self, look: Any, enough: Any, what: Any) -> Any:
        """Look again and again until it is enough."""
        deadline = time.monotonic() + _PATIENCE
        while not enough(found := look()):
            assert time.monotonic() < deadline, f"no {what} on the page:\n{self.text()}"
            time.sleep(0.25)
        return found

    def click(self, label: str) -> None:
        """Click the smallest thing that has this text or accessible name."""
        script = (
            "(() => { const wanted = %s; const all = [...document.querySelectorAll('*')].filter(e =>"
            " (e.innerText || '').trim() === wanted || e.getAttribute('aria-label') === wanted);"
            " const found = all[all.length - 1]; if (!found) return false; found.click(); return true; })()"
        )
        self.wait_until(lambda: self.run(script % json.dumps(label)), bool, label)

    def run(self, script: str) -> Any:
        """Run JavaScript in the page and return its value."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def photograph(self, file: Path, settle: float = 2.0) -> None:
        """Write a picture of the window."""
        time.sleep(settle)
        file.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def remember(self, **values: str) -> None:
        """Put values into the local storage of whatever page is opened next."""
        lines = [f"localStorage.setItem({json.dumps(k)}, {json.dumps(v)});" for k, v in values.items()]
        source = f"try {{ {' '.join(lines)} }} catch (error) {{}}"
        self._call("Page.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=source)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        return self._loop.run_until_complete(self._answer(message))

    async def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        await self._socket.write_message(json.dumps(message))
        while True:
            read: Any = self._socket.read_message()
            answer = json.loads(await asyncio.wait_for(read, _PATIENCE) or "{}")
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result


@contextmanager
def chromium(width: int = 1280, height: int = 900) -> Iterator[Browser]:
    """Start a browser and end it; a test that needs it is skipped where Chromium is not installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with tempfile.TemporaryDirectory(prefix="refold-chromium-", ignore_cleanup_errors=True) as profile:
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--window-size={width},{height}", "--remote-debugging-port=0"]
        command += [f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            loop = asyncio.new_event_loop()
            try:
                address = _page(process)
                socket = loop.run_until_complete(_connected(address))
                yield Browser(loop, socket)
                socket.close()
            finally:
                loop.run_until_complete(asyncio.sleep(0))
                loop.close()
                os.killpg(process.pid, signal.SIGKILL)


async def _connected(address: str) -> WebSocketClientConnection:
    return await websocket_connect(address, max_message_size=1 << 26)


def _page(process: subprocess.Popen[str]) -> str:
    """Return the address at which the browser's page is driven."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"ws://(127\.0\.0\.1:\d+)/", line):
            with urllib.request.urlopen(f"http://{found[1]}/json/list", timeout=30) as answer:
                pages = json.load(answer)
            return str(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))
    raise AssertionError("Chromium ended")
