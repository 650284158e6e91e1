"""Random faults through whole exports, over real sockets: nothing is wrong, lost, or hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from .chance import export_by_chance

FEW, SOME, CHUNK = 24, 1000, 25


@pytest.mark.parametrize("seed", range(FEW))
async def test_faults_drawn_at_random_lose_nothing(tmp_path: Path, seed: int) -> None:
    tale = await export_by_chance(seed, tmp_path)
    assert tale.runs >= 1


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(FEW, FEW + SOME, CHUNK))
async def test_faults_drawn_at_random_a_thousand_times_lose_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: int
) -> None:
    tales = [
        await export_by_chance(seed, tmp_path / str(seed)) for seed in range(first, first + CHUNK)
    ]
    packages = sum(tale.packages for tale in tales)
    runs = sum(tale.runs for tale in tales)
    cut = sum(tale.cut_short for tale in tales)
    failed = sum(len(tale.reasons) for tale in tales)
    struck = sum(tale.struck.total() for tale in tales)
    tampered = sum(len(tale.tampering.done) for tale in tales)
    with capsys.disabled():
        print(  # noqa: T201 - the figures of a soak
            f"\nseeds {first} to {first + CHUNK - 1}: {packages} packages, {runs} runs under "
            f"faults, {cut} of them cut short, {failed} failures, {struck} answers struck by "
            f"a fault, {tampered} acts of tampering; all saved in the end"
        )
