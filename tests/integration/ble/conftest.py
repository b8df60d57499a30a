"""The air in this process."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sim.air.station import Station


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose path leaves room for a socket's name (107 bytes)."""
    with tempfile.TemporaryDirectory(prefix="air") as name:
        yield Path(name)


@pytest.fixture
async def station(short_dir: Path) -> AsyncIterator[Station]:
    """An air with sockets, in this process."""
    station = Station(short_dir, seed=1, supervision_s=0.3)
    yield station
    await station.close()
