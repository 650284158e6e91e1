"""Pictures of the results: SVG, the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

OURS, OTHERS = "#1f6feb", "#8c959f"
WIDTH_IN = 9.0
PANEL_IN = 2.3


def transfers_plot(result: Mapping[str, Any], picture: Path) -> None:
    """Draw a panel for each set and scheme: the wall time of each contender."""
    rows = result["rows"]
    cases = list(dict.fromkeys((row["files"], row["scheme"]) for row in rows))
    figure = new_figure(PANEL_IN * ((len(cases) + 1) // 2))
    panels = list(figure.subplots((len(cases) + 1) // 2, 2, squeeze=False).flat)
    for panel, case in zip(panels, cases, strict=False):
        own = [row for row in rows if (row["files"], row["scheme"]) == case][::-1]
        names, walls = [row["contender"] for row in own], [row["wall_s"] for row in own]
        colours = [OURS if name.startswith("ours") else OTHERS for name in names]
        panel.bar_label(panel.barh(names, walls, color=colours), fmt="%.2f s", padding=2)
        panel.set_title(", ".join(case))
        panel.set_xlim(0, max(walls) * 1.25)
        panel.set_xticks([])
        panel.spines[["top", "right", "bottom"]].set_visible(False)
    for panel in panels[len(cases) :]:
        panel.set_axis_off()
    save_figure(figure, picture)


def small_calls_plot(result: Mapping[str, Any], picture: Path) -> None:
    """Draw calls a second over the number at once."""
    figure = new_figure(3.5)
    panel = figure.subplots()
    for name in dict.fromkeys(row["contender"] for row in result["rows"]):
        own = [row for row in result["rows"] if row["contender"] == name]
        panel.plot(
            [row["at_once"] for row in own],
            [row["calls_per_s"] for row in own],
            "o-",
            label=name,
            linewidth=2 if name == "ours" else 1,
        )
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.set_xticks(sorted({row["at_once"] for row in result["rows"]}))
    panel.xaxis.set_major_formatter("{x:,.0f}")
    panel.set_xlabel("calls at once")
    panel.set_ylabel("calls a second")
    panel.grid(visible=True, alpha=0.25)
    panel.legend()
    save_figure(figure, picture)


def new_figure(height_in: float) -> Any:
    """Return a figure that is drawn on."""
    import matplotlib as mpl  # noqa: PLC0415 - measuring works without the extra that draws
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    mpl.rcParams |= {"svg.hashsalt": "benchmarks", "font.size": 8}
    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def save_figure(figure: Any, picture: Path) -> None:
    """Write a figure, without the date."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, metadata={"Date": None})
