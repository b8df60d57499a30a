"""Measures a press from outside, as an elder would: from the edge of the pin to lamp, light and buzz.

Hub presses: `hub_durable_ms` ends when the hub says that the press is on the disk (its own stage, for the
lamp may turn green before amber was seen), `hub_platform_ack_ms` when the lamp turns green; the same with
100,000 readings waiting. Pendant presses, on the simulated radio: `pendant_heard_ms` ends when the hub's
acknowledgement is in the pendant (the first, of whatever stage), `pendant_platform_ack_ms` when the hub's
lamp turns green, `pendant_delivered_ms` when the pendant buzzes so. The call is closed between presses; the
pendant sleeps again.

A simulated radio has no BlueZ and a simulated pendant wakes at once: its figures are published only beside
`pendant_with_wake_and_bluez_ms`, which adds what a board and a Raspberry Pi take.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge.api import ask
from sim.home.backlog import fill
from sim.home.home import Home
from sim.home.hubs import PINS
from sim.home.setup import MeterSetup, PendantSetup, Setup
from sim.home.waiting import Condition, came
from tests.benchmarks.rig import spread

HUB_PRESSES = 300
BACKLOG_PRESSES = 60
BACKLOG = 100_000
PENDANT_PRESSES = 30
WITHIN_S = 20.0
HOLD_S = 0.1
# What the simulation leaves out. Waking: 0.3 s with a frozen boot path, 0.6 s from files. BlueZ: from connect
# to first indication 0.4-0.5 s with the real one in a virtual machine; the simulated connect counts too.
WAKE_MS = (300, 600)
BLUEZ_CONNECT_MS = (400, 500)
CONFIRMED = re.compile(r"^(\S+ \S+) .*: pd-01 shows stage [1-6] of press (\d+)")


class Eyes:
    """A finger on the hub's keys and an eye on its lamp, at the pins themselves."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._levels: dict[str, int] = {}
        self._since: dict[str, float] = {}
        self._changed = asyncio.Event()
        self.moved_at = 0.0  # when a key was last pressed or let go
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self._reader:
            for colour, level in json.loads(line).get("lamp", {}).items():
                self._levels[colour] = level
                if level:
                    self._since[colour] = time.monotonic()
            self._changed.set()

    def drive(self, key: str, down: bool) -> None:
        """Press or let go."""
        self.moved_at = time.monotonic()
        edge = {"pin": PINS[key], "edge": 0 if down else 1, "at_s": self.moved_at}
        self._writer.write(json.dumps(edge).encode() + b"\n")

    async def lit(self, colour: str, since: float) -> float:
        """When the lamp turned to this colour after `since`. TimeoutError after WITHIN_S."""
        async with asyncio.timeout(WITHIN_S):
            while self._since.get(colour, 0.0) < since:
                self._changed.clear()
                await self._changed.wait()
        return self._since[colour]

    async def dark(self) -> None:
        """Wait until the lamp is off. TimeoutError after WITHIN_S."""
        async with asyncio.timeout(WITHIN_S):
            while any(self._levels.values()):
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        """Let go of the pins."""
        self._task.cancel()
        self._writer.close()


@asynccontextmanager
async def home(
    place: Path, *, pendant: bool, backlog: int = 0, meters: tuple[MeterSetup, ...] = ()
) -> AsyncIterator[tuple[Home, Eyes]]:
    """A home with one hub, a pendant that wakes in no time, meters, or a journal full of readings."""
    shutil.rmtree(place, ignore_errors=True)
    setup = Setup(pendants=(PendantSetup("pd-01", "e-chen"),) if pendant else (), meters=meters)
    there = Home(place, setup=setup)
    for rig in there.pendants.values():
        rig.board.boot_s = (0.0, 0.0)
    if backlog:
        fill(there.hub.directory / "data" / "journal.db", backlog)
    try:
        async with there.running():
            socket = str(there.hub.directory / "pins.sock")
            eyes = Eyes(*await asyncio.open_unix_connection(socket))
            try:
                yield there, eyes
            finally:
                await eyes.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def measure(directory: Path) -> dict[str, Any]:
    """hub_durable_ms, hub_platform_ack_ms, …_backlog_ms, pendant_*_ms; each {p50, p99, n}."""
    return {
        **asyncio.run(_hub(directory / "sos-hub")),
        **asyncio.run(_backlog(directory / "sos-backlog")),
        **asyncio.run(_pendant(directory / "sos-pendant")),
    }


async def _hub(place: Path) -> dict[str, Any]:
    durable, acked = [], []
    async with home(place, pendant=False) as (there, eyes):
        await _ready(there)
        for _ in range(HUB_PRESSES):
            took = await _press_red(there, eyes)
            acked.append(took)
            durable.append(float((await _newest(there))["stages"]["stored"]))
            await _close(there, eyes)
    return {"hub_durable_ms": spread(durable), "hub_platform_ack_ms": spread(acked)}


async def _backlog(place: Path) -> dict[str, Any]:
    acked: list[float] = []
    async with home(place, pendant=False, backlog=BACKLOG) as (there, eyes):
        await _ready(there)
        while len(acked) < BACKLOG_PRESSES:
            took = await _press_red(there, eyes)
            if (await _asked(there, "status"))["store"]["owed"] < 1_000:
                break  # nothing waits any more: a press from now on would flatter
            acked.append(took)
            await _close(there, eyes)
    return {"hub_platform_ack_backlog_ms": spread(acked)}


async def _press_red(there: Home, eyes: Eyes) -> float:
    """Milliseconds from the edge to the green lamp."""
    # no finger is back within 30 ms, and drivers/pi/debounce.py takes none for one
    await asyncio.sleep(max(0.0, eyes.moved_at + HOLD_S - time.monotonic()))
    pressed = time.monotonic()
    eyes.drive("red", True)
    lit = await eyes.lit("green", pressed)
    await asyncio.sleep(max(0.0, pressed + HOLD_S - time.monotonic()))
    eyes.drive("red", False)
    return (lit - pressed) * 1000


async def _pendant(place: Path) -> dict[str, Any]:
    acked, delivered, heard = [], [], []
    async with home(place, pendant=True) as (there, eyes):
        await _ready(there)
        rig = there.pendants["pd-01"]
        for _ in range(PENDANT_PRESSES):
            await _must(lambda: rig.asleep, 120.0, "the pendant does not go to sleep")
            pressed, wall = time.monotonic(), time.time()
            await there.press("pd-01", HOLD_S)
            acked.append((await eyes.lit("green", pressed) - pressed) * 1000)
            log = rig.board.log
            await _must(lambda: _felt(log, pressed) is not None, WITHIN_S, "no buzz of delivery")  # noqa: B023
            delivered.append(((_felt(log, pressed) or 0.0) - pressed) * 1000)
            heard.append(_confirmed(there.logs / "hub-01.log", wall))
            await _close(there, eyes)
    return {
        "pendant_heard_ms": spread(heard),
        "pendant_platform_ack_ms": spread(acked),
        "pendant_delivered_ms": spread(delivered),
        "pendant_with_wake_and_bluez_ms": {
            "pendant_heard_ms": _with(spread(heard), WAKE_MS, BLUEZ_CONNECT_MS),
            "pendant_platform_ack_ms": _with(spread(acked), WAKE_MS),
            "pendant_delivered_ms": _with(spread(delivered), WAKE_MS, BLUEZ_CONNECT_MS),
        },
    }


def _with(simulated: dict[str, float], *more: tuple[int, int]) -> dict[str, float]:
    """The simulated median with the least of what is left out, the simulated p99 with the most."""
    return {
        "p50": round(simulated["p50"] + sum(low for low, _ in more)),
        "p99": round(simulated["p99"] + sum(high for _, high in more)),
    }


def _felt(log: list[tuple[float, str, Any]], since: float) -> float | None:
    """When the pendant buzzed "delivered" after `since`."""
    felt = (at for at, kind, value in log if at >= since and (kind, value) == ("feel", "delivered"))
    return next(felt, None)


def _confirmed(log: Path, since: float) -> float:
    """Milliseconds until the hub logged that the pendant has confirmed what it was told."""
    for line in log.read_text().splitlines():
        found = CONFIRMED.match(line)
        if found is not None:
            at = datetime.datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").timestamp()
            if at >= since:
                return (at - since) * 1000
    raise LookupError("the hub logged no confirmation")


async def _ready(there: Home) -> None:
    async def good() -> bool:
        return any(path["good"] for path in (await _asked(there, "status"))["paths"])

    await _must(good, WITHIN_S, "no path to the platform becomes good")


async def _close(there: Home, eyes: Eyes) -> None:
    """The seat closes the call, and the hub knows."""
    await _must(lambda: there.platform.open_case("e-chen") is not None, WITHIN_S, "no case at the platform")
    case = there.platform.open_case("e-chen")
    assert case is not None
    await there.platform.hand(case.call_id, "close")

    async def over() -> bool:
        return (await _asked(there, "status"))["open_calls"] == 0

    await _must(over, WITHIN_S, "the hub does not learn that the call is closed")
    await _must(lambda: there.platform.open_case("e-chen") is None, WITHIN_S, "the case stays open")
    await eyes.dark()


async def _newest(there: Home) -> dict[str, Any]:
    """The newest event of the newest call, as the hub's own table has it, once it is stored."""

    async def stored() -> bool:
        return "stored" in (await _asked(there, "calls"))[-1]["events"][-1]["stages"]

    await _must(stored, WITHIN_S, "the press is never stored")
    event: dict[str, Any] = (await _asked(there, "calls"))[-1]["events"][-1]
    return event


async def _asked(there: Home, operation: str) -> Any:
    return await asyncio.to_thread(ask, there.hub.directory / "run" / "hub.sock", operation)


async def _must(condition: Condition, within_s: float, otherwise: str) -> None:
    if await came(condition, within_s) is None:
        raise TimeoutError(otherwise)
