"""Measures how long after a press a relative's phone rings, when neither internet nor texts get through.

Each figure takes half a minute of real time, for so the plan has it: several homes of processes are measured
beside each other, each with its own modem, cell network and family. They press at different moments, so that
no home is busy just because the others are. `voice_ringing_ms` is from the edge of the red key to the first
ringing of a phone, as the phone network sees it; `voice_dialled_ms` to the modem's dialling.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from sim.home.home import Home
from sim.home.setup import FAMILY, Setup
from sim.scenarios.texts import modems_up
from tests.benchmarks.rig import spread
from tests.benchmarks.sms import must, over

HOMES, ROUNDS = 5, 4
APART_S = 6.0  # between the presses of two homes: 5 of them share the half minute
SETUP = Setup(pendants=(), modems=True, family=FAMILY, sms_delay_s=(1.0, 1.0), texts_a_day=500)


def measure(directory: Path) -> dict[str, Any]:
    """voice_ringing_ms and voice_dialled_ms: {p50, p99, n}, and how many homes were beside each other."""
    places = [directory / f"v{number}" for number in range(HOMES)]
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
    try:
        found = asyncio.run(_homes(places))
    finally:
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
    return {
        "voice_ringing_ms": spread([ringing for _, ringing in found]),
        "voice_dialled_ms": spread([dialled for dialled, _ in found]),
        "homes": len(places),
    }


async def _homes(places: list[Path]) -> list[tuple[float, float]]:
    """All homes up, one after the other; then all measured at once."""
    homes = [Home(place, seed, SETUP) for seed, place in enumerate(places, 1)]
    try:
        for home in homes:
            await home.start()
            await must(modems_up(home))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_rounds(home, n * APART_S)) for n, home in enumerate(homes)]
    finally:
        await asyncio.gather(*(home.end() for home in homes))
    return [figures for task in tasks for figures in task.result()]


async def _rounds(home: Home, after_s: float) -> list[tuple[float, float]]:
    found = []
    await asyncio.sleep(after_s)
    for _ in range(ROUNDS):
        home.cell.air.loss = 1.0
        home.net.set(cut=True)
        found.append(await _rung(home))
        await over(home)
    return found


async def _rung(home: Home) -> tuple[float, float]:
    """From a press to the dialling and to the ringing of its first phone call."""
    press = await home.hub.press("red")
    calls = lambda: [c for c in home.cell.exchange.log if c.at_ms["dialling"] >= press.at_ms]  # noqa: E731
    await must(lambda: any("ringing" in call.at_ms for call in calls()))
    first = calls()[0]
    return float(first.at_ms["dialling"] - press.at_ms), float(first.at_ms["ringing"] - press.at_ms)
