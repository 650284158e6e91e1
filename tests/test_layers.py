"""Imports point one way, from the command line down to the vocabulary."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pixxel_async

ROOT = Path(pixxel_async.__file__).parent
LAYERS = (
    (
        "_version",
        "errors",
        "downloads",
        "runs",
        "models",
        "records",
        "addresses",
        "policy",
        "members",
        "config",
        "events",
    ),
    ("sansio",),
    ("loop_waker", "waits"),
    ("http", "destinations"),
    ("settings", "journal"),
    ("transfer",),
    ("export",),
    ("report",),
    ("geo",),
    ("resources", "display"),
    ("composition",),
    ("client", "client_runs"),
    ("sync", "benchmark"),
    ("_api",),
    ("__init__",),
    ("cli", "sandbox"),
    ("pytest_plugin",),
)
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}
MODULES = sorted(ROOT.rglob("*.py"))


def part(path: Path, root: Path = ROOT) -> str:
    """Return the layer's folder or file that a module belongs to."""
    return path.relative_to(root).parts[0].removesuffix(".py")


def imports(path: Path, root: Path = ROOT) -> Iterator[str]:
    """Yield the absolute names of the modules that a module imports."""
    package = ("pixxel_async", *path.relative_to(root).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *(node.module or "").split("."))).rstrip(".")
            yield module
            if node.level and not node.module:
                yield from (f"{module}.{name.name}" for name in node.names)


def own(path: Path, root: Path = ROOT) -> Iterator[str]:
    """Yield the parts of the package that a module imports."""
    for name in imports(path, root):
        first, *rest = name.split(".")
        # `from .. import events` names the package, and then a part of it: the part counts.
        if first == "pixxel_async" and rest:
            yield rest[0]


def from_above(path: Path, root: Path = ROOT) -> list[str]:
    """Return the imported parts that are in a higher layer than the module."""
    return [name for name in own(path, root) if HEIGHT[name] > HEIGHT[part(path, root)]]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_from_above(path: Path) -> None:
    assert from_above(path) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from ..client import PixxelClient", ["client"]),
        ("from .. import export", ["export"]),
        ("import pixxel_async.cli.app", ["cli"]),
        ("from pixxel_async.http.service_calls import Api", ["http"]),
        ("from .backoff import judge", []),
        ("from .. import events", []),
        ("import json", []),
    ],
)
def test_an_import_from_above_is_found_in_each_form(
    tmp_path: Path, line: str, found: list[str]
) -> None:
    module = tmp_path / "sansio" / "made_up.py"
    module.parent.mkdir()
    module.write_text(f"{line}\n", encoding="utf-8")
    assert from_above(module, tmp_path) == found


@pytest.mark.parametrize("layer", ["http", "destinations", "resources", "sandbox"])
def test_neighbours_do_not_know_each_other(layer: str) -> None:
    neighbours = {
        "http": {"destinations"},
        "destinations": {"http"},
        "resources": {"export", "transfer", "journal"},
    }
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
    assert found == {"http", "client", "composition"}


def test_no_file_of_a_report_touches_the_world() -> None:
    worldly = {"anyio", "asyncio", "os", "random", "socket", "tempfile", "threading", "time"}
    found = {
        path.name
        for path in (ROOT / "report").rglob("*.py")
        if {name.split(".")[0] for name in imports(path)} & worldly
    }
    assert found == set()


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
    # of things that users look up
    lists = {"config.py": 600, "errors.py": 600, "events.py": 600}
    long = {
        path.name
        for path in MODULES
        if len(path.read_text("utf-8").splitlines()) > lists.get(path.name, 430)
    }
    assert long == set()
