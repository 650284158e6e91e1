"""No version is taken that is known to be vulnerable."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
FIXED = {
    "aiohttp": "3.14.3",  # CVE-2026-69243, CVE-2026-69244
    "anyio": "4.14.2",  # CVE-2026-63374, CVE-2026-64847
    "httpcore": "1.0.9",  # CVE-2025-43859, of h11
    "pillow": "12.3.0",  # CVE-2026-54058, CVE-2026-55379
    "pydantic": "2.4.0",  # CVE-2024-3772
    "starlette": "1.3.1",  # CVE-2026-48710, CVE-2026-54283
}
"""The first versions that are not affected."""


def required() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return {found.name: found for found in map(Requirement, lines)}


@pytest.mark.parametrize("name", FIXED)
def test_a_lower_bound_excludes_what_is_known_to_be_vulnerable(name: str) -> None:
    (lower,) = [bound for bound in required()[name].specifier if bound.operator == ">="]
    assert Version(lower.version) >= Version(FIXED[name])


def test_every_dependency_has_a_lower_bound() -> None:
    for name, requirement in required().items():
        if name != "pixxel-async":
            assert ">=" in str(requirement.specifier), name


def test_the_locked_versions_are_within_the_bounds() -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
    locked = {
        name.lower(): version for name, _, version in (line.partition("==") for line in lines)
    }
    wanted = required()
    for name in locked.keys() & wanted.keys():
        assert wanted[name].specifier.contains(locked[name]), name
    assert {"httpx", "anyio", "pydantic", "starlette"} <= locked.keys()
