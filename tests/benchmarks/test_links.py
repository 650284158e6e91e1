"""Small runs over the links of the benchmark, and the figures that they give."""

from __future__ import annotations

import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import links
from benchmarks.file_sets import FileSet
from benchmarks.nginx import SEARCHED, nginx

if shutil.which("nginx", path=SEARCHED) is None:
    pytest.skip("needs nginx: apt-get install nginx", allow_module_level=True)

FILES = FileSet("tiny", 8, 64 * 1024)


@pytest.mark.parametrize("number", [0, 3], ids=["without a relay", "with a relay"])
def test_each_number_brings_something_over_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(links, "SECONDS", 0.5)
    monkeypatch.setattr(links, "NUMBERS", ("1", "4"))
    served = tmp_path / "served"
    served.mkdir()
    FILES.make(served)
    shape = replace(links.SHAPES[number], files=FILES)
    with nginx(served) as server:
        rows = links.measured(shape, server, tmp_path)
    assert [row.fetches for row in rows] == ["1", "4", "auto"]
    assert all(row.mib_per_s > 0 and row.peak_mib > 0 for row in rows)


def test_a_relay_ends_with_its_link(tmp_path: Path) -> None:
    with nginx(tmp_path) as server:
        with links.port_of(links.SHAPES[3], server) as port:
            socket.create_connection(("127.0.0.1", port)).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
