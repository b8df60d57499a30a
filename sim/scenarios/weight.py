"""Much waits, or the clock is wrong: what a hub carries must not slow or spoil a call."""

from __future__ import annotations

import asyncio
import sqlite3

from sim.home.backlog import TRUE_MS, fill
from sim.home.home import Home
from sim.home.setup import Setup
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, FEELS_S, arrived, close, feels, has_fault

READINGS = 100_000
TOLD_S = 60.0  # until a modem is up and has been looked at
OFF_MS = 5_000  # the network's time has whole seconds
YEARS_BACK_S = -9 * 365 * 86_400  # a board without a battery for its clock, asleep since its image was made


async def backlog(home: Home, case: Case) -> None:
    await home.hub.stop()
    await asyncio.to_thread(fill, home.hub.directory / "data" / "journal.db", READINGS)
    home.net.set(cut=True)
    await home.hub.start()
    red = await home.hub.press("red")
    press = await home.press("pd-02")
    home.net.set(cut=False)
    await case.until("both calls overtake the readings", arrived(home, red, press), 75)
    waiting = READINGS - readings(home)
    case.claim("most readings were still waiting then", waiting > READINGS // 2, f"{waiting} of {READINGS}")
    await case.until("the pendant's is felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    await close(home, case, "e-chen")
    second = await home.hub.press("red")
    await case.until("a call amid the readings is not delayed", arrived(home, second), 1.0)
    case.claim("the readings flow again", readings(home) > 0, f"{readings(home)}")


def readings(home: Home) -> int:
    """How many readings the platform's database holds."""
    path = home.platform.directory / "platform.db"
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        row = db.execute("SELECT count(*) FROM events WHERE kind = 'reading.room_temperature'").fetchone()
        return int(row[0])
    finally:
        db.close()


async def clock_wrong(home: Home, case: Case) -> None:
    home.net.set(cut=True)  # nothing corrects the clock before the first call
    await home.hub.kill()
    await home.hub.start()
    red = await home.hub.press("red")
    press = await home.press("pd-02")
    await asyncio.sleep(case.dice.uniform(1.0, 3.0))
    home.net.set(cut=False)
    await case.until("both calls arrive", arrived(home, red, press), 75)
    await case.until("it is felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    wrong = [event for event in home.platform.events if event.wall_ms < TRUE_MS]
    await case.until("that the clock is wrong stands as a fault", has_fault(home, "clock"), ARRIVES_S)
    case.claim("no event trusts the wrong clock", not any(e.clock_trusted for e in wrong), f"{len(wrong)}")
    await close(home, case, "e-chen")
    again = await home.hub.press("red")
    await case.until("a call after the correction arrives", arrived(home, again), ARRIVES_S)
    last = [event for event in home.platform.events if event.kind == "call.sos"][-1]
    case.claim("and its time is right", last.wall_ms > TRUE_MS and last.clock_trusted, str(last.wall_ms))


async def clock_from_the_air(home: Home, case: Case) -> None:
    home.net.set(cut=True)
    home.cell.air.loss = 1.0  # nor does a text of the platform prove the time
    await home.hub.kill()
    await home.hub.start()

    async def told() -> bool:
        return await home.hub.clock_by() == "network"

    await case.until("the cell network tells the time", told, TOLD_S)
    red = await home.hub.press("red")
    await asyncio.sleep(case.dice.uniform(0.0, 3.0))
    home.net.set(cut=False)
    await case.until("the call arrives", arrived(home, red), 75)
    event = next(event for event in home.platform.events if event.kind == "call.sos")
    off_ms = event.wall_ms - red.at_ms
    case.claim("at the time of its press", abs(off_ms) < OFF_MS, f"{off_ms} ms")
    case.claim("which nobody has proved", not event.clock_trusted)
    await case.until("that the clock is wrong stands as a fault", has_fault(home, "clock"), ARRIVES_S)
    await close(home, case, "e-chen")
    again = await home.hub.press("red")
    await case.until("a later call arrives", arrived(home, again), ARRIVES_S)
    last = [event for event in home.platform.events if event.kind == "call.sos"][-1]
    case.claim("and its time is proved", last.clock_trusted and last.wall_ms > TRUE_MS, str(last.wall_ms))


SCENARIOS = (
    Scenario("backlog", f"{READINGS} readings wait in the hub when two calls come.", backlog),
    Scenario(
        "clock-wrong",
        "The hub starts with a wall clock nine years behind and no line to correct it.",
        clock_wrong,
        Setup(clock_offset_s=YEARS_BACK_S),
    ),
    Scenario(
        "clock-from-the-cell-network",
        "As before, and texts are lost too: the modem's network alone tells the time, which proves nothing.",
        clock_from_the_air,
        Setup(modems=True, clock_offset_s=YEARS_BACK_S),
    ),
)
