"""A quick sandbox without faults."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .stand import Stand, stand


@pytest.fixture
async def quick() -> AsyncIterator[Stand]:
    async with stand() as it:
        yield it
