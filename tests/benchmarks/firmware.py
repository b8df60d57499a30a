"""Measures the pendant's firmware on the unix port: heap, size, key to advert, and the energy model's days.

`press_to_advert_ms` is a pendant that is awake, from the finger to the advert at its radio's socket.
`press_from_sleep_process_ms` is one that sleeps, with the time of the chip's boot taken out (here it is the
start of a process); `press_from_sleep_estimate_ms` adds what a chip takes from wake to program, 300
to 600 ms.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from firmware import build, energy
from protocols.link import const, messages
from sim.pendant.board import Board, mpy_cache
from tests.micropython.hubside import HERE, ROOT, Hubside, Meeting, micropython

PRESSES = 20
WAKE_MS = (300, 600)  # wake to program, frozen and from .mpy files
HEAP = "192K"


def measure(directory: Path) -> dict[str, Any]:
    """heap_peak_kb, mpy_kb, press_to_advert_ms, battery_days, and what stands behind them."""
    place = directory / "firmware"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        tree = build.cached("unix", mpy_cache())
        awake, asleep = asyncio.run(_presses(place))
        heap = _probe(tree, "heap", "500")
        return {
            "heap_peak_kb": round(heap["highest"] / 1024, 1),
            "heap_of_kb": int(HEAP[:-1]),
            "mpy_kb": round(sum(p.stat().st_size for p in tree.rglob("*.mpy")) / 1024, 1),
            "press_to_advert_ms": _spread(awake),
            "press_from_sleep_process_ms": _spread(asleep),
            "press_from_sleep_estimate_ms": [round(statistics.median(asleep) + wake) for wake in WAKE_MS],
            "allocated_to_advert_bytes": _probe(tree, "edge")["most"],
            **energy.report(),
        }
    finally:
        shutil.rmtree(place, ignore_errors=True)


def run() -> dict[str, Any]:
    """The same, in the checkout's build folder."""
    return measure(build.ROOT / "build" / "bench")


def _probe(tree: Path, *arguments: str) -> dict[str, int]:
    words = micropython("probe_app.py", *arguments, heap=HEAP, path=f"{HERE / 'stub'}:{tree}").split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _spread(times_ms: list[float]) -> dict[str, float]:
    times_ms = sorted(times_ms)
    return {
        "p50": round(statistics.median(times_ms), 1),
        "p99": round(times_ms[min(len(times_ms) - 1, int(len(times_ms) * 0.99))], 1),
        "n": len(times_ms),
    }


async def _presses(place: Path) -> tuple[list[float], list[float]]:
    side = Hubside(place / "air.sock")
    await side.start()
    board = Board("pd-01", place / "pd-01", side.path, root_key=ROOT, boot_s=(0.0, 0.0))
    awake: list[float] = []
    asleep: list[float] = []
    try:
        await board.start()
        await side.until(lambda: side.handles)
        meeting = await side.meet()  # somebody connected keeps it awake
        for _ in range(PRESSES):
            awake.append(await _press(board, side))
            await _close(meeting)
        side.disconnect(meeting.conn)
        for _ in range(PRESSES):
            await board.until(lambda b: b.state == "asleep", 20)
            asleep.append(await _press(board, side))
            meeting = await side.meet()
            await _close(meeting)
            side.disconnect(meeting.conn)
    finally:
        await board.stop()
        await side.stop()
    return awake, asleep


async def _press(board: Board, side: Hubside) -> float:
    known = {a.number for a in side.adverts}
    started = time.perf_counter()
    board.key_down()
    await side.advert(lambda a: a.meaning and a.number not in known)
    took = time.perf_counter() - started
    await asyncio.sleep(0.06)
    board.key_up()
    await asyncio.sleep(0.06)  # a release takes 30 ms to be one
    return took * 1000


async def _close(meeting: Meeting) -> None:
    """The hub closes the call of every press."""
    status = await meeting.tell(messages.GetStatus())
    for press in status.presses:
        await meeting.ack(press.number, const.STAGE_CLOSED)
