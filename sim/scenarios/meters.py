"""Somebody measures: every reading arrives once, of the right person, and no call waits for it."""

from __future__ import annotations

import asyncio
import datetime

from edge.api import ask
from sim.home.home import Home
from sim.home.meters import HOME_ZONE, MeterRig
from sim.home.readings import judge
from sim.home.setup import MeterSetup, Setup
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, FEELS_S, arrived, close, feels

HISTORY = 200
TAKES_S = 45.0  # a history of that length at the pace of a real link, with a hub that starts anew meanwhile
PACE_S = 0.03
SHARED = Setup(
    meters=(
        MeterSetup("bp-01", users={"1": "e-chen", "2": "e-wang"}, manners={"forgets": False}),
        MeterSetup("bp-02", elder="e-wang", manners={"pace_s": PACE_S}),
    )
)


def _at_platform(home: Home, count: int) -> Condition:
    return lambda: len(home.platform.readings()) >= count


def _ago(minutes: int) -> datetime.datetime:
    now = datetime.datetime.now(HOME_ZONE).replace(tzinfo=None)
    return now - datetime.timedelta(minutes=minutes)


def _history(meter: MeterRig, count: int) -> None:
    for n in range(count):
        meter.pressure(_ago(10 * (count - n)), 120 + n % 50, 75 + n % 10, 60 + n % 30)


async def blood_pressure(home: Home, case: Case) -> None:
    shared, own = home.meters["bp-01"], home.meters["bp-02"]
    shared.pressure(_ago(30), 138, 88, 66, user=1)
    shared.pressure(_ago(20), 121, 79, 58, user=2)
    shared.pressure(_ago(10), 150, 95, 71, user=3)
    shared.garbage("00007800500060")
    await shared.send()
    await case.until("four readings reach the platform", _at_platform(home, 4), ARRIVES_S)
    seen = await shared.seen()
    case.claim(
        "the meter's clock is set within 5 s", 0 <= seen["clock_after_s"] < 5, str(seen["clock_after_s"])
    )
    nobodys = [r for r in home.platform.readings() if not r.elder]
    case.claim("whose it is not known is nobody's", len(nobodys) == 2, f"{len(nobodys)} of 4")
    await case.until("the hub lets go of the meter", lambda: _free(home, "bp-01"), ARRIVES_S)
    shared.pressure(_ago(1), 133, 84, 69, user=1)
    await shared.send()
    await case.until("the next arrives", _at_platform(home, 5), TAKES_S)
    _claim_ledger(home, case, "its whole memory sent again doubles nothing")
    await _while_it_transfers(home, case, own)
    await _through_a_death(home, case, own)
    rows = await asyncio.to_thread(
        ask, home.hub.directory / "run" / "hub.sock", "readings", person="e-chen", limit=50
    )
    told = [row["text"] for row in rows]
    wanted = ["133/84 mmHg, pulse 69", "138/88 mmHg, pulse 66"]
    case.claim("the hub's own table shows hers, the newest first", told == wanted, str(told))


async def _while_it_transfers(home: Home, case: Case, meter: MeterRig) -> None:
    """A press in the middle of a transfer, with the internet cut for a while."""
    _history(meter, HISTORY)
    await meter.send()

    async def begun() -> bool:
        return bool((await meter.seen())["confirmed"] >= 5)

    await case.until("a long transfer has begun", begun, ARRIVES_S)
    press = await home.press("pd-01")
    await case.until("a press in its middle arrives", arrived(home, press), ARRIVES_S)
    busy = (await meter.seen())["held"]
    case.claim("while it still goes on", busy > 0, f"{busy} records to go")
    await case.until("and is felt", feels(home, "pd-01", "delivered", press.at_ms), FEELS_S)
    await close(home, case, "e-chen")


async def _free(home: Home, meter: str) -> bool:
    return not (await home.air.state())["radios"][meter]["connections"]


async def _through_a_death(home: Home, case: Case, meter: MeterRig) -> None:
    async def halfway() -> bool:
        return bool((await meter.seen())["held"] < HISTORY // 2)

    await case.until("the transfer is half over", halfway, TAKES_S)
    await home.hub.kill()
    home.net.set(cut=True)
    await home.hub.start()

    async def told_all() -> bool:
        return bool((await meter.seen())["held"] == 0)

    await case.until("killed in its middle, the hub takes the rest", told_all, TAKES_S)
    home.net.set(cut=False)
    await case.until("the platform has all of it", _at_platform(home, HISTORY + 5), 75)
    _claim_ledger(home, case, "each is there once")


def _claim_ledger(home: Home, case: Case, name: str) -> None:
    measured = [one for meter in home.meters.values() for one in meter.measured]
    verdict = judge(measured, home.platform.readings())
    sentences = (*verdict.lost, *verdict.doubled, *verdict.invented)
    case.claim(name, verdict.ok, "; ".join(sentences[:4]) or f"{len(measured)} readings")


SCENARIOS = (
    Scenario(
        "blood-pressure",
        "Two meters: a shared one sends its memory twice; the hub is killed amid a long transfer.",
        blood_pressure,
        SHARED,
    ),
)
