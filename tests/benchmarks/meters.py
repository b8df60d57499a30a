"""Measures what health meters cost: connects, a thousand records, and above all a press in the meantime.

`sos_ms` is from the edge of the key to the hub's green lamp: its `p50` and `p99` are those of the red key
while ten meters transfer all the time; `red` and `pendant` have the same with no meter on the air (`idle`)
beside it (`meters`), and `ratio`, meters / idle of the medians. `stored_ms` is the hub's part of it, until
a press of the red key is on the disk. The meters are simulated GATT servers that send a record every 50 ms,
four links at a time, on one simulated adapter; their host stack runs on the cores that the hub, the platform
and the pendants share, which no home has: most of what `ratio` shows is theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from edge.api import ask
from sim.home.home import Home
from sim.home.meters import HOME_ZONE
from sim.home.setup import MeterSetup
from tests.benchmarks import sos
from tests.benchmarks.rig import spread

METERS = 10
RECORDS = 1_000
PRESSES = 20
WITHIN_S = 240.0
PACE_S = 0.05  # an indication and its confirmation take two events of a link, 30 to 50 ms apart


def measure(directory: Path) -> dict[str, Any]:
    """connects_per_s, transfer_1000_s, sos_ms {p50, p99, red, pendant}, stored_ms, rss_mb."""
    return asyncio.run(_measure(directory / "meters"))


async def _measure(place: Path) -> dict[str, Any]:
    meters = tuple(
        MeterSetup(f"bp-{n:02}", elder="e-chen", manners={"pace_s": PACE_S}) for n in range(METERS)
    )
    async with sos.home(place, pendant=True, meters=meters) as (there, eyes):
        await sos._ready(there)
        began = time.monotonic()
        await _send(there, 1)
        await _drained(there)
        connects = METERS / (time.monotonic() - began)
        began = time.monotonic()
        await _send(there, RECORDS // METERS)
        await _drained(there)
        took = time.monotonic() - began
        presses: dict[str, Callable[[Home, sos.Eyes], Awaitable[float]]]
        presses = {"red": sos._press_red, "pendant": _press_pendant}
        idle = {name: await _presses(there, eyes, press) for name, press in presses.items()}
        stored_idle, seen = await _stored(there, set())
        async with _busy(there):
            busy = {name: await _presses(there, eyes, press) for name, press in presses.items()}
        stored_busy, _ = await _stored(there, seen)
        red = spread(busy["red"])
        return {
            "connects_per_s": round(connects, 2),
            "transfer_1000_s": round(took, 2),
            "stored_ms": {"idle": spread(stored_idle), "meters": spread(stored_busy)},
            "sos_ms": {"p50": red["p50"], "p99": red["p99"]}
            | {
                name: {
                    "idle": spread(idle[name]),
                    "meters": spread(busy[name]),
                    "ratio": round(spread(busy[name])["p50"] / spread(idle[name])["p50"], 2),
                }
                for name in presses
            },
            "rss_mb": _rss_mb(there),
        }


async def _send(there: Home, records: int) -> None:
    """Each meter gets so many records, and goes on the air."""
    now = datetime.datetime.now(HOME_ZONE).replace(tzinfo=None)
    for meter in there.meters.values():
        for n in range(records):
            at = now - datetime.timedelta(seconds=len(meter.measured) + n)
            meter.pressure(at, 110 + n % 60, 70 + n % 20, 55 + n % 40)
        await meter.send()


async def _drained(there: Home) -> None:
    """Until no meter holds anything."""

    async def empty() -> bool:
        return not any([(await meter.seen())["held"] for meter in there.meters.values()])

    await sos._must(empty, WITHIN_S, "the meters are not read to their end")


@contextlib.asynccontextmanager
async def _busy(there: Home) -> AsyncIterator[None]:
    """Ten meters that always have something to send."""

    async def feed() -> None:
        while True:
            await _send(there, 100)
            await _drained(there)

    feeding = asyncio.create_task(feed())
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _presses(
    there: Home, eyes: sos.Eyes, press: Callable[[Home, sos.Eyes], Awaitable[float]]
) -> list[float]:
    found = []
    for _ in range(PRESSES):
        found.append(await press(there, eyes))
        await sos._close(there, eyes)
    return found


async def _press_pendant(there: Home, eyes: sos.Eyes) -> float:
    await sos._must(lambda: there.pendants["pd-01"].asleep, 120.0, "the pendant does not go to sleep")
    pressed = time.monotonic()
    await there.press("pd-01", sos.HOLD_S)
    return (await eyes.lit("green", pressed) - pressed) * 1000


async def _stored(there: Home, seen: set[str]) -> tuple[list[float], set[str]]:
    """Milliseconds from the press to its disk of the red key's calls that were not seen before."""
    door = there.hub.directory / "run" / "hub.sock"
    calls: list[dict[str, Any]] = await asyncio.to_thread(ask, door, "calls")
    events = [e for call in calls for e in call["events"] if e["kind"] == "call.sos" and e["id"] not in seen]
    mine = [e for e in events if e["id"].startswith(there.hub.setup.id)]
    return [float(e["stages"]["stored"]) for e in mine], seen | {e["id"] for e in events}


def _rss_mb(there: Home) -> float:
    """Resident memory of the hub's process."""
    process = there.hub.child.process
    assert process is not None
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise LookupError("no VmRSS")
