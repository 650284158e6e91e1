"""Imports point one way: vocabulary, sansio, transport and sinks, engine, client, edges."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pixxel_async

ROOT = Path(pixxel_async.__file__).parent
LAYERS = (
    ("_version", "errors", "downloads", "models", "config", "events"),
    ("sansio",),
    ("transport", "sinks"),
    ("engine",),
    ("resources",),
    ("client",),
    ("__init__",),
    ("cli", "sandbox"),
)
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}
MODULES = sorted(ROOT.rglob("*.py"))


def part(path: Path) -> str:
    """Return the layer's folder or file that a module belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Yield the absolute names of the modules that a module imports."""
    package = ("pixxel_async", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *(node.module or "").split("."))).rstrip(".")
            yield module
            if node.level and not node.module:
                yield from (f"{module}.{name.name}" for name in node.names)


def own(path: Path) -> Iterator[str]:
    """Yield the parts of the package that a module imports."""
    for name in imports(path):
        first, *rest = name.split(".")
        if first == "pixxel_async":
            yield rest[0] if rest else "__init__"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_from_above(path: Path) -> None:
    for name in own(path):
        if name == "__init__" and path.name != "__init__.py" and part(path) != "cli":
            # `from .. import events` names the package and then a part of it.
            continue
        assert HEIGHT[name] <= HEIGHT[part(path)], f"{path.name} imports {name}"


@pytest.mark.parametrize("layer", ["transport", "sinks", "resources", "sandbox"])
def test_neighbours_do_not_know_each_other(layer: str) -> None:
    neighbours = {"transport": {"sinks"}, "sinks": {"transport"}, "resources": {"engine"}}
    banned = neighbours.get(layer, set(HEIGHT) - {"sandbox"})
    for path in (ROOT / layer).rglob("*.py"):
        assert not set(own(path)) & banned, path.name


def test_only_the_transport_and_the_client_know_httpx_and_tenacity() -> None:
    found = {
        part(path)
        for path in MODULES
        if part(path) != "sandbox"
        and {name.split(".")[0] for name in imports(path)} & {"httpx", "httpcore", "tenacity"}
    }
    assert found == {"transport", "client"}


@pytest.mark.parametrize(
    "banned", ["anyio", "asyncio", "httpx", "random", "time", "threading", "os", "socket"]
)
def test_the_pure_half_does_nothing(banned: str) -> None:
    for path in (ROOT / "sansio").rglob("*.py"):
        assert banned not in {name.split(".")[0] for name in imports(path)}, path.name
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kinds = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
        assert not any(isinstance(node, kinds) for node in ast.walk(tree)), path.name


def test_no_file_is_two_ideas() -> None:
    long = {path.name for path in MODULES if len(path.read_text("utf-8").splitlines()) > 380}
    assert long == set()


def test_the_test_can_fail(tmp_path: Path) -> None:
    assert HEIGHT["client"] > HEIGHT["sansio"]
    module = ROOT / "sansio" / "made_up.py"
    assert part(module) == "sansio"
    source = tmp_path / "made_up.py"
    source.write_text("import httpx.x\nfrom pixxel_async.client import PixxelClient\n")
    names = [
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    ]
    assert names == ["httpx.x", "pixxel_async.client"]
