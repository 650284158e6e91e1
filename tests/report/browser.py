"""Headless Chromium: what a page looks like, and what it says of itself."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
BUDGET_MS = 20_000
"""Virtual time, which a page that waits for nothing does not use up."""

_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--enable-logging=stderr",
)
_FIRST = """<script>
refused = [];
addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
</script>"""
_PROBE = """
<pre id="probe"></pre>
<script>
addEventListener("load", async () => {
  while (document.getElementById("figures") && !document.documentElement.dataset.drawn) {
    await new Promise((resume) => setTimeout(resume, 20));
  }
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
  const told = {
    sorted,
    blocks: boxes("main > header, main > section, main > section > *"),
    plots: [...document.querySelectorAll(".plot")].map((plot) => ({
      id: plot.id,
      box: boxes(`#${plot.id}`)[0],
      texts: {
        xticks: boxes(".xtick text", plot),
        yticks: boxes(".ytick text", plot),
        above: boxes(".legendtext, .annotation-text", plot),
        titles: boxes(".xtitle, .ytitle", plot),
      },
    })),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
    refused,
    width: [document.documentElement.scrollWidth, innerWidth],
  };
  document.getElementById("probe").textContent = JSON.stringify(told);
});
</script>
"""


@dataclass(frozen=True)
class Look:
    """What was seen of a page.

    Attributes:
        told: What the probe measured.
        said: What the browser wrote to its console.
    """

    told: dict[str, Any]
    said: list[str]


def look_at(page: Path, scratch: Path, *, width: int = 1280) -> Look:
    """Open a page with a probe in it."""
    probed = scratch / "probed.html"
    text = page.read_text("utf-8").replace("<head>", f"<head>{_FIRST}", 1)
    # Not before </body>: the library's code may hold that text.
    head, _, tail = text.rpartition("</body>")
    probed.write_text(f"{head}{_PROBE}</body>{tail}", "utf-8")
    ended = _chromium("--dump-dom", probed, scratch, width, 1000)
    found = re.search(r'<pre id="probe">(.*?)</pre>', ended.stdout, re.DOTALL)
    assert found, ended.stderr
    said = [line for line in ended.stderr.splitlines() if ":CONSOLE:" in line]
    return Look(json.loads(html.unescape(found[1])), said)


def screenshot(page: Path, scratch: Path, *options: str, height: int = 3000) -> Image.Image:
    """Return what a page looks like."""
    picture = scratch / "page.png"
    _chromium(f"--screenshot={picture}", page, scratch, 1280, height, *options)
    with Image.open(picture) as image:
        return image.convert("RGB")


def _chromium(
    what: str, page: Path, scratch: Path, width: int, height: int, *options: str
) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    return subprocess.run(  # noqa: S603 - a browser, on our own page
        [
            CHROMIUM,
            *_QUIET,
            f"--user-data-dir={scratch / 'profile'}",
            f"--window-size={width},{height}",
            f"--virtual-time-budget={BUDGET_MS}",
            *options,
            what,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=90,
    )
