"""The hub's radio and the real firmware on real MicroPython: what the hub tells is felt at the wrist."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.ble.facts import (
    AskConfirmed,
    FallAnswered,
    PressHeard,
    ReplaySuspected,
    StageConfirmed,
    StatusLearned,
)
from protocols.link.const import (
    MEANING_FALL,
    MEANING_SOS,
    STAGE_CANCELLED,
    STAGE_DELIVERED,
    STAGE_HEARD,
    STAGE_TAKEN,
)
from sim import motion
from sim.air.station import Station
from sim.pendant.board import Board
from tests.integration.ble.home import ROOT, HubHome
from tests.integration.ble.waiting import until


@pytest.fixture
async def home(station: Station) -> AsyncIterator[HubHome]:
    home = HubHome(station)
    yield home
    await home.stop()


async def wear(home: HubHome, directory: Path, number: int = 1) -> Board:
    """A board with the firmware, paired with the hub; it has made its stores, was proved, and sleeps."""
    name, address = f"pd-0{number}", f"C4:00:00:00:00:0{number}"
    path = await home.station.add_pendant(name, address, x=2)
    home.pair(name, address)
    board = Board(name, directory / name, path, root_key=ROOT, address=address, boot_s=(0.01, 0.02))
    home.worn.append(board)
    await board.start()
    await until(lambda: any(kind == "sleep" for _, kind, _ in board.log))
    return board


def felt(board: Board) -> list[str]:
    return [value for _, kind, value in board.log if kind == "feel"]


async def test_a_press_is_felt_as_delivered_and_taken(home: HubHome, tmp_path: Path) -> None:
    await home.start({"deaf": True})
    board = await wear(home, tmp_path)
    await board.press()
    press = await home.fact(PressHeard)
    assert press.meaning == MEANING_SOS
    assert (await home.fact(StageConfirmed)).stage == STAGE_HEARD
    home.pendants["pd-01"].tell(press.life, press.number, STAGE_DELIVERED)
    await until(lambda: "delivered" in felt(board))
    await idle(home)
    home.pendants["pd-01"].tell(press.life, press.number, STAGE_TAKEN)
    await until(lambda: "taken" in felt(board))
    assert felt(board)[0] == "pressed"
    assert home.of(StatusLearned)[0].life == press.life != 0
    assert home.of(ReplaySuspected) == []


async def idle(home: HubHome) -> None:
    """Until no link stands."""
    await until(lambda: not any(home.radio.connected(p.address) for p in home.pendants.values()))


async def test_two_pendants_are_pressed_at_once(home: HubHome, tmp_path: Path) -> None:
    await home.start({"deaf": True})
    boards = [await wear(home, tmp_path, n) for n in (1, 2)]
    await asyncio.gather(*(board.press() for board in boards))
    await until(lambda: {f.device for f in home.of(StageConfirmed)} == {"pd-01", "pd-02"})


async def test_a_hub_that_asks_and_has_gone_comes_back_for_the_word_that_another_was_answered(
    home: HubHome, tmp_path: Path
) -> None:
    await home.start()
    board = await wear(home, tmp_path)
    other = await HubHome(home.station, number=2).start()
    try:
        other.pair("pd-01", board.address)
        board.move(motion.fallen(20, before_s=6.0))
        for hub in (home, other):
            assert (await hub.fact(PressHeard)).meaning == MEANING_FALL
            hub.pendants["pd-01"].ask(1)
            await hub.fact(AskConfirmed)
        await idle(home)
        await idle(other)
        fall = home.of(PressHeard)[0]
        home.pendants["pd-01"].tell(fall.life, fall.number, STAGE_CANCELLED, True)
        told = await other.fact(FallAnswered)
        assert told == FallAnswered("pd-01", fall.life, fall.number, "hub-01")
        await until(lambda: "ended" in felt(board))  # felt and sent come by two pipes
        await idle(other)
        assert felt(board).count("ended") == 1
        assert home.of(FallAnswered) == []
    finally:
        await other.stop()


async def test_a_stranger_does_not_silence_the_real_pendant(home: HubHome, tmp_path: Path) -> None:
    await home.start()
    board = await wear(home, tmp_path)
    await home.station.phone("thief", "pd-01", "babble", x=1)
    await board.press()
    await home.fact(StageConfirmed)


async def test_a_hub_with_a_higher_floor_challenges_and_then_believes(home: HubHome, tmp_path: Path) -> None:
    await home.start()
    board = await wear(home, tmp_path)
    floor = 0xF0000000
    home.pair("pd-01", board.address, floor=floor)
    await board.press()
    press = await home.fact(PressHeard)
    assert press.late
    await home.fact(StageConfirmed)
    assert home.of(ReplaySuspected) == []
    await until(lambda: home.pendants["pd-01"]._judge.floor > floor)  # FLOOR was taken
