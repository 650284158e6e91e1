"""Headless Chromium: the layout of a page, and what it logs.

One browser serves all tests of a process; each look is at a page of its own. It is spoken with over
two pipes, in the Chrome DevTools Protocol: JSON with a NUL after each message.
"""

from __future__ import annotations

import base64
import fcntl
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
LOUD = frozenset({"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"})
SEEN, WHOLE = 1000, 3000
_HIGH_FD = 10
_LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium takes commands on descriptor 3, and answers on 4."""

_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_FIRST = """
refused = [];
addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
"""
_PROBE = """(() => {
  const boxes = (selector, within = document) =>
    [...within.querySelectorAll(selector)].map((element) => {
      const box = element.getBoundingClientRect();
      return { what: element.id || element.textContent.trim(), left: box.left, top: box.top,
               right: box.right, bottom: box.bottom };
    }).filter((box) => box.right > box.left);
  const heads = [...document.querySelectorAll("#slowest th button")];
  const sizes = () => [...document.querySelectorAll("#slowest tbody tr")]
    .map((row) => Number(row.cells[1].dataset.value));
  const sorted = heads.length ? (heads[1].click(), sizes()) : [];
  return {
    sorted,
    blocks: boxes("main > header, main > section, main > section > *"),
    plots: [...document.querySelectorAll(".plot")].map((plot) => ({
      id: plot.id,
      box: boxes(`#${plot.id}`)[0],
      texts: {
        xticks: boxes(".xtick", plot),
        yticks: boxes(".ytick", plot),
        above: boxes(".legend span, .mark", plot),
        titles: boxes(".xtitle, .unit", plot),
      },
    })),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
    refused,
    width: [document.documentElement.scrollWidth, innerWidth],
  };
})()"""


@dataclass(frozen=True)
class Look:
    """What was seen of a page.

    Attributes:
        told: What the probe measured.
        said: What the browser wrote to its console.
        image: What it looks like, if that was asked for.
    """

    told: dict[str, Any]
    said: list[str]
    image: Image.Image | None


class Browser:
    """A running Chromium; closed as a context."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        theirs, ours = os.pipe(), os.pipe()
        read, write = (fcntl.fcntl(fd, fcntl.F_DUPFD, _HIGH_FD) for fd in (theirs[0], ours[1]))
        command = [CHROMIUM, *_QUIET, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(  # noqa: S603 - a browser, on our own pages
            [sys.executable, "-I", "-S", "-c", _LAUNCH, str(read), str(write), *command],
            pass_fds=(read, write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (theirs[0], ours[1], read, write):
            os.close(fd)
        self._to = os.fdopen(theirs[1], "wb", buffering=0)
        self._from = os.fdopen(ours[0], "rb", buffering=0)
        self._came = b""
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()

    def look_at(
        self, page: Path, *, width: int = 1280, scheme: str = "light", in_picture: bool = False
    ) -> Look:
        """Open a page, wait until it is drawn, and inspect it."""
        with self._tab() as session:
            height = WHOLE if in_picture else SEEN
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            self._call("Emulation.setDeviceMetricsOverride", session, **size)
            wish = {"name": "prefers-color-scheme", "value": scheme}
            self._call("Emulation.setEmulatedMedia", session, features=[wish])
            self._call("Page.addScriptToEvaluateOnNewDocument", session, source=_FIRST)
            for domain in ("Page", "Runtime", "Log"):
                self._call(f"{domain}.enable", session)
            self._events.clear()
            self._call("Page.navigate", session, url=page.as_uri())
            while not any(event["method"] == "Page.loadEventFired" for event in self._events):
                self._events.append(self._read())
            image = self._picture(session) if in_picture else None
            told = self._evaluate(session, _PROBE)
            said = [json.dumps(event) for event in self._events if event["method"] in LOUD]
        return Look(told, said, image)

    def _picture(self, session: str) -> Image.Image:
        data = self._call("Page.captureScreenshot", session, format="png")["data"]
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            return image.convert("RGB")

    @contextmanager
    def _tab(self) -> Iterator[str]:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        yield attached["sessionId"]
        self._call("Target.closeTarget", targetId=target)

    def _evaluate(self, session: str, expression: str) -> Any:
        wish = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self._call("Runtime.evaluate", session, **wish)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        self._to.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._came:
            piece = self._from.read(65536)
            assert piece, "the browser has ended"
            self._came += piece
        message, _, self._came = self._came.partition(b"\0")
        return dict(json.loads(message))
