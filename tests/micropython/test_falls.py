"""A pendant that falls: the real firmware, the accelerometer at its registers, what goes on the air."""

import asyncio
from collections.abc import Callable

import pytest

from protocols.link import const
from sim import motion
from sim.pendant.board import Board
from tests.micropython.hubside import Hubside

pytestmark = pytest.mark.asyncio


def falls(side: Hubside) -> set[int]:
    return {heard.number for heard in side.adverts if heard.meaning == const.MEANING_FALL}


async def came(what: Callable[[], bool], within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            while not what():
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True


@pytest.mark.slow
async def test_a_fall_wakes_the_pendant_and_is_on_the_air_at_once(make_board, side: Hubside) -> None:
    board: Board = make_board(boot_s=(0.3, 0.6))
    await board.start()
    await board.until(lambda b: b.state == "asleep", 60.0)
    board.move(motion.fallen(20, before_s=6.0))
    assert await came(lambda: bool(falls(side)), 40.0)
    assert ("wake", "motion") in [(kind, value) for _, kind, value in board.log]
    assert board.felt() == [], "nobody pressed: the hub asks, the pendant does not answer for it"


async def test_a_press_after_a_fall_is_an_sos_of_its_own(make_board, side: Hubside) -> None:
    board: Board = make_board(preset="two-meanings")
    await board.start()
    board.move(motion.fallen(32, before_s=3.0))
    assert await came(lambda: bool(falls(side)), 40.0)
    assert not any(h.meaning == const.MEANING_SOS for h in side.adverts)
    await board.press()
    assert await came(lambda: any(h.meaning == const.MEANING_SOS for h in side.adverts), 10.0)
    assert len(falls(side)) == 1


async def test_a_chip_that_does_not_answer_stops_no_press(make_board, side: Hubside) -> None:
    board: Board = make_board()
    board.bus.chip.nak = 10**6
    await board.start()
    await board.until(lambda b: b.state == "running")
    await board.press()
    assert await came(lambda: any(h.meaning == const.MEANING_SOS for h in side.adverts), 10.0)


async def test_a_stuck_bus_is_clocked_free(make_board, side: Hubside) -> None:
    board: Board = make_board()
    board.bus.chip.stuck = True
    await board.start()
    board.move(motion.fallen(26, before_s=3.0))
    assert await came(lambda: bool(falls(side)), 40.0)
    assert not board.bus.chip.stuck
