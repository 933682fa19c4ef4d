"""A headless Chromium that opens pages, told what to do through its debugging pipe."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import io
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

CHROMIUM = os.environ.get("GPUPEPT_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on PATH, nor in GPUPEPT_CHROMIUM"
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=800,600",
    "--remote-debugging-pipe",
]
TIMEOUT = 60.0  # s, for one answer
ERRORS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


class Browser:
    """One browser with one tab."""

    def __init__(self, profile: Path) -> None:
        self._asked = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []
        self._process, self._to, self._from = _start(profile)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, page: Path) -> Self:
        """Load a page and wait until its figures are drawn."""
        self._events.clear()
        self._call("Page.navigate", url=page.as_uri())
        deadline = time.monotonic() + TIMEOUT
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._read(deadline))
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")
        return self

    def evaluate(self, script: str) -> Any:
        """Value of an expression in the page; a promise is waited for."""
        found = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        return found["result"].get("value")

    def errors(self) -> list[dict[str, Any]]:
        """Exceptions and console messages of the level of an error since the page was opened."""
        self.evaluate("0")  # events are sent in order: this answer comes after earlier ones
        found = [event for event in self._events if event["method"] in ERRORS]
        return [event["params"] for event in found if _is_error(event)]

    def picture(self) -> np.ndarray:
        """What the page looks like: (height, width, 3), from 0 to 1."""
        image = pytest.importorskip("matplotlib.image")
        return np.asarray(image.imread(io.BytesIO(self.png())))[..., :3]

    def png(self) -> bytes:
        """What the page looks like, as a PNG file."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        """End the browser, gently if it answers."""
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            self._session = ""
            self._call("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)

    _session = ""

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._asked:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._events.append(answer)

    def _read(self, deadline: float) -> dict[str, Any]:
        """Next message of the browser."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            received = os.read(self._from, 1 << 20)
            if not received:
                raise EOFError("the browser has ended")
            self._rest += received
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)


@contextlib.contextmanager
def running(profile: Path) -> Iterator[Browser]:
    """Start a browser with a fresh profile and end it afterwards."""
    browser = Browser(profile)
    try:
        yield browser
    finally:
        browser.close()


def near(picture: np.ndarray, colour: str) -> int:
    """Count the pixels near a colour."""
    target = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return int(np.count_nonzero(np.abs(picture - target).max(axis=2) < 0.25))


def _start(profile: Path) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start Chromium, which reads orders from its descriptor 3 and writes answers to its 4."""
    pipes = [end for _ in range(2) for end in os.pipe()]
    read_in, write_in, read_out, write_out = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in pipes)
    for end in pipes:
        os.close(end)

    def connect() -> None:
        os.dup2(read_in, 3)
        os.dup2(write_out, 4)

    process = subprocess.Popen(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}"],
        preexec_fn=connect,
        close_fds=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read_in)
    os.close(write_out)
    return process, write_in, read_out


def _is_error(event: dict[str, Any]) -> bool:
    parameters = event["params"]
    if event["method"] == "Runtime.exceptionThrown":
        return True
    level = parameters.get("type") or parameters["entry"]["level"]
    return level in ("error", "assert")
