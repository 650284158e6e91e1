"""A Markdown extension for the site: links to files of the repository become plain text.

The pages are also read in the repository, where links to tests and code lead somewhere. The site
has only what is below `docs/`.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

ROOT = Path(__file__).parents[2]


def leads_outside(target: str) -> bool:
    """Return whether a link of a page leads to a file beside `docs/`."""
    path = target.partition("#")[0]
    below = path.lstrip("./")
    return path.startswith("../") and below != "" and (ROOT / below).exists()


class _Unlinker(Treeprocessor):
    def run(self, root: Element) -> None:
        """Make a `span` of each link that leads outside."""
        for link in root.iter("a"):
            if leads_outside(link.get("href", "")):
                link.tag = "span"
                del link.attrib["href"]


class LinksOutside(Extension):
    """Registers the processor."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown calls it so
        """Run after links are parsed, and before the site checks them."""
        md.treeprocessors.register(_Unlinker(md), "links_outside", 15)


def makeExtension() -> LinksOutside:  # noqa: N802 - Markdown calls it so
    """Return the extension; Markdown calls this."""
    return LinksOutside()
