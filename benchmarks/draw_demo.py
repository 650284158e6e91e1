"""Records the demo in a terminal and draws it as an animated SVG. Needs tmux.

python -m benchmarks.draw_demo docs/pictures/demo.svg
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

COLUMNS, LINES = 100, 19
EVERY_S = 1.0
LAST_S = 6.0
"""How long the end is shown."""
LONGEST_S = 300.0
COMMAND = "pixxel-async demo"
ENDED = re.compile(r"^packages .*^\$ *$", re.MULTILINE | re.DOTALL)
SESSION = "pixxel-async-demo"
CHAR, LINE = 12.2, 24.4
PAD = 16
FRAME = "{styles}\x00{matrix}"


def tmux(*words: str) -> str:
    """Run a tmux command and return what it prints."""
    return subprocess.run(  # noqa: S603
        ["tmux", *words],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def frames() -> list[str]:
    """Run the demo and return the screen, with its colours, once a second until it has ended."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        shell = f"cd {folder}; PATH={path} PS1='$ ' HISTFILE= bash --norc"
        tmux("new-session", "-d", "-s", SESSION, "-x", f"{COLUMNS}", "-y", f"{LINES}", shell)
        try:
            tmux("send-keys", "-t", SESSION, COMMAND, "Enter")
            shown: list[str] = []
            for _ in range(int(LONGEST_S / EVERY_S)):
                time.sleep(EVERY_S)
                screen = tmux("capture-pane", "-e", "-p", "-t", SESSION)
                if not shown or screen != shown[-1]:
                    shown.append(screen)
                if ENDED.search(Text.from_ansi(screen).plain):
                    return shown
        finally:
            tmux("kill-session", "-t", SESSION)
    message = f"the demo has not ended within {LONGEST_S:g} s"
    raise SystemExit(message)


def drawn(screen: str, number: int) -> tuple[str, str]:
    """Return the styles and the elements of a screen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n")), overflow="crop")
    fragment = console.export_svg(
        theme=SVG_EXPORT_THEME, code_format=FRAME, unique_id=f"f{number}", clear=True
    )
    styles, matrix = fragment.split("\x00")
    return styles, re.sub(r' clip-path="[^"]*"', "", matrix)


def animation(screens: list[str]) -> str:
    """Return the screens as an SVG that shows one after the other, again and again."""
    parts = [drawn(screen, number) for number, screen in enumerate(screens)]
    total_s = EVERY_S * (len(parts) - 1) + LAST_S
    width, height = COLUMNS * CHAR + 2 * PAD, LINES * LINE + 2 * PAD
    share, last = (100 * shown_s / total_s for shown_s in (EVERY_S, LAST_S))
    styles = "\n".join(style for style, _ in parts)
    delays = "\n".join(
        f".s{number} {{ animation-delay: {number * EVERY_S:g}s }}" for number in range(len(parts))
    )
    end = len(parts) - 1
    groups = "\n".join(
        f'<g class="screen s{number}">{matrix}</g>' for number, (_, matrix) in enumerate(parts)
    )
    return f"""<svg viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg">
<style>
text {{ font: 20px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }}
.screen {{ visibility: hidden; animation: show {total_s:g}s step-end infinite }}
@keyframes show {{ 0% {{ visibility: visible }} {share:.4f}% {{ visibility: hidden }} }}
@keyframes stay {{ 0% {{ visibility: visible }} {last:.4f}% {{ visibility: hidden }} }}
.s{end} {{ animation-name: stay }}
@media (prefers-reduced-motion: reduce) {{
  .screen {{ animation: none }} .s{end} {{ visibility: visible }}
}}
{delays}
{styles}
</style>
<rect width="{width:g}" height="{height:g}" rx="8" fill="#16181d"/>
<g transform="translate({PAD}, {PAD})">
{groups}
</g>
</svg>
"""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(animation(frames()), encoding="utf-8")
