"""Presses on the real firmware: heard, connected, acknowledged, felt; a second while a connect hangs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from drivers.ble.arbiter import Abort
from drivers.ble.facts import PressHeard, StageConfirmed, StatusLearned
from protocols.link.const import STAGE_CLOSED, STAGE_DELIVERED, STAGE_HEARD
from sim.pendant.board import Board
from tests.vm.guest.bluetooth import bluetooth
from tests.vm.guest.home import Home, until
from tests.vm.guest.port import tell

BOARDS = Path("/run/boards")


async def main(bluez: str, presses: int, hangs: int, called_off: int) -> None:
    """`presses` by one pendant, one after the other; `hangs` times one vanishes and one stays; `called_off`
    attempts are called off."""
    async with bluetooth(bluez) as (adapter, air, version), Home(adapter, air) as home:
        tell(bluez=version)
        boards = [await home.wear(number, BOARDS) for number in (1, 2)]
        tell(ready=[board.name for board in boards])
        for _ in range(presses):
            tell(press=await press(home, boards[0]))
        for _ in range(hangs):
            tell(hang=await hang(home, boards[0], boards[1]))
        for _ in range(called_off):
            tell(called_off=await call_off(home, boards[0]))
        tell(radio=[repr(fact) for fact in home.radio_facts])


async def press(home: Home, board: Board) -> dict[str, Any]:
    """One press from the key to the closed call: milliseconds from the key, and the connects it took."""
    begun, connects = time.monotonic(), len(home.adapter.connects)
    felt = len(board.felt())
    await board.press()
    at = {}
    at["heard"], heard = await home.first(PressHeard, board.name, begun, 30)
    at["status"], _ = await home.first(StatusLearned, board.name, begun, 60)
    at["acknowledged"], confirmed = await home.first(StageConfirmed, board.name, begun, 60)
    assert confirmed.stage == STAGE_HEARD and confirmed.kept, confirmed  # noqa: PT018
    home.pendants[board.name].tell(heard.life or confirmed.life, heard.number, STAGE_DELIVERED)
    await until(lambda: "delivered" in board.felt()[felt:], 60)
    at["felt_delivered"] = time.monotonic()
    await close(home, board, confirmed.life, heard.number, felt)
    return {name: round((t - begun) * 1000) for name, t in at.items()} | {
        "connects": [[round(s * 1000), error] for _, s, error in home.adapter.connects[connects:]]
    }


async def close(home: Home, board: Board, life: int, number: int, felt: int) -> None:
    """The call is closed, the pendant has said so, sleeps, and no link stands."""
    home.pendants[board.name].tell(life, number, STAGE_CLOSED)
    await until(lambda: "ended" in board.felt()[felt:], 60)
    await until(lambda: board.state == "asleep" and not home.radio.connected(board.address), 90)


async def hang(home: Home, first: Board, second: Board) -> dict[str, Any]:
    """The first pendant vanishes as the hub connects, its elder has felt it; then the second is pressed."""
    begun, connects = time.monotonic(), len(home.adapter.connects)
    felt = (len(first.felt()), len(second.felt()))
    gone: list[float] = []

    async def vanish(address: str) -> None:
        if address == first.address and not gone:
            await until(lambda: "pressed" in first.felt()[felt[0] :], 2)
            first.power_cut()
            gone.append(time.monotonic())

    home.adapter.before_connect = vanish
    await first.press()
    await until(lambda: gone, 60)
    await second.press()
    pressed = time.monotonic()
    heard_at, heard = await home.first(PressHeard, second.name, pressed - 0.2, 60)
    acked_at, confirmed = await home.first(StageConfirmed, second.name, pressed - 0.2, 60)
    hung = [[round(s * 1000), e] for a, s, e in home.adapter.connects[connects:] if a == first.address]
    first.power_on()  # the press that its flash holds comes back
    _, lost = await home.first(PressHeard, first.name, begun, 1)
    await home.first(StageConfirmed, first.name, begun, 90)
    life = home.pendants[first.name].life
    await close(home, second, confirmed.life, heard.number, felt[1])
    await close(home, first, life, lost.number, felt[0])
    return {
        "heard": round((heard_at - pressed) * 1000),
        "acknowledged": round((acked_at - pressed) * 1000),
        "hung": hung,
    }


async def call_off(home: Home, board: Board) -> list[list[Any]]:
    """A press whose first attempt is aborted when its link stands already; returns the attempts."""
    begun, connects, felt = time.monotonic(), len(home.adapter.connects), len(board.felt())
    aborts: list[asyncio.Task[None]] = []

    async def abort(address: str) -> None:
        while not (await home.air.state())["radios"][home.adapter.name]["connections"]:
            await asyncio.sleep(0.01)
        home.radio._carry_out(Abort(home.adapter.name, address, "turn"))

    async def watch(address: str) -> None:
        if not aborts:
            aborts.append(asyncio.create_task(abort(address)))

    home.adapter.before_connect = watch
    await board.press()
    _, heard = await home.first(PressHeard, board.name, begun, 30)
    _, confirmed = await home.first(StageConfirmed, board.name, begun, 60)
    await close(home, board, confirmed.life, heard.number, felt)
    return [[round(s * 1000), error] for _, s, error in home.adapter.connects[connects:]]
