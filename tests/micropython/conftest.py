"""A pendant on the unix port, and what it talks to."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sim.pendant.board import Board
from tests.micropython.hubside import ROOT, Hubside

QUICK_BOOT = (0.0, 0.01)


@pytest_asyncio.fixture
async def side(tmp_path: Path) -> AsyncIterator[Hubside]:
    side = Hubside(tmp_path / "air.sock")
    await side.start()
    yield side
    await side.stop()


@pytest_asyncio.fixture
async def make_board(tmp_path: Path, side: Hubside) -> AsyncIterator[Callable[..., Board]]:
    boards: list[Board] = []

    def make(**options: Any) -> Board:
        options = {"boot_s": QUICK_BOOT, "root_key": ROOT, **options}
        board = Board("pd-01", tmp_path / "pd-01", side.path, **options)
        boards.append(board)
        return board

    yield make
    for board in boards:
        await board.stop()


@pytest.fixture
def board(make_board: Callable[..., Board]) -> Board:
    return make_board()
