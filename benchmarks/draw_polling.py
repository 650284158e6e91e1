"""Draw the frontier of polling: `python -m benchmarks.draw_polling polling.json picture.svg`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

LOOKS = {
    "learning": ("o-", "#1f6feb", "learning"),
    "backoff": ("s--", "#8b5a00", "exponential backoff"),
    "fixed": ("^:", "#6e7781", "fixed interval"),
}
DEFAULTS = {"learning": 3, "backoff": 3, "fixed": 1}
"""Which point of each is its default: it is filled."""

POLLS = (3, 5, 8, 12, 20, 40)
DELAYS_S = (0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)


def draw(kept: Path, picture: Path) -> None:
    """Draw one panel for each distribution."""
    found = json.loads(kept.read_text(encoding="utf-8"))
    mpl.rcParams |= {"svg.hashsalt": "polling", "font.size": 9}
    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, 2).flat
    for panel, (shape, frontiers) in zip(panels, found["frontiers"].items(), strict=True):
        for name, points in frontiers.items():
            style, colour, label = LOOKS[name]
            polls, delays = zip(*points, strict=True)
            panel.plot(polls, delays, style, color=colour, label=label, mfc="white")
            default = points[DEFAULTS[name]]
            panel.plot(*default, style[0], color=colour)
        panel.set_title(shape)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xticks(POLLS, map(str, POLLS))
        panel.set_yticks(DELAYS_S, [f"{delay_s:g}" for delay_s in DELAYS_S])
        panel.minorticks_off()
        panel.set_xlim(2.8, 42)
        panel.set_xlabel("polls a package")
        panel.set_ylabel("mean delay between ready and seen, s")
        panel.grid(visible=True, which="both", alpha=0.25)
        panel.legend()
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
