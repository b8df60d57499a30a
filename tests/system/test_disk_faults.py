"""Real processes on a disk that hangs, is full, read-only or dead: calls go on, and nobody is told too
much.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from edge.stores.journal import Journal
from protocols.values import Lane
from sim.disk import FaultDisk
from tests.unit.edge.store_making import numbers

ROOT = Path(__file__).resolve().parents[2]
ANSWER_S = 60.0  # a deadline on a busy machine, never a wait


class Child:
    """A process with both stores (disk_child.py) on a fault disk."""

    def __init__(self, disk: FaultDisk, folder: Path) -> None:
        self.disk = disk
        self.folder = folder
        self.process: asyncio.subprocess.Process

    async def start(self) -> dict[str, Any]:
        """Start it; what it says when its stores are open."""
        env = self.disk.environment(os.environ) | {"PYTHONPATH": str(ROOT)}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.system.disk_child",
            str(self.folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=env,
            cwd=ROOT,
        )
        return await self.answer()

    def ask(self, op: str, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"op": op, **what}).encode() + b"\n")

    async def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(ANSWER_S):
            return dict(json.loads(await self.process.stdout.readline()))

    async def submit(self, lane: Lane, number: int) -> dict[str, Any]:
        self.ask("submit", lane=int(lane), number=number)
        return await self.answer()

    async def look(self, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look at it until something holds; its loop answers although its disk does not."""
        async with asyncio.timeout(ANSWER_S):
            while True:
                self.ask("look")
                if until(seen := await self.answer()):
                    return seen

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[Child]:
    child = Child(FaultDisk(tmp_path / "data", tmp_path / "control"), tmp_path / "data")
    yield child
    child.disk.heal()
    await child.kill()


async def test_a_hanging_sync_is_seen_within_250_ms_and_the_press_is_durable_when_it_returns(
    child: Child,
) -> None:
    assert (await child.start())["opened"]
    child.disk.hang()
    child.ask("submit", lane=0, number=1)
    seen = await child.look(lambda seen: seen["stuck_ms"] >= 250)
    assert "durable" not in seen
    assert child.disk.get("syncing") == 1
    child.disk.heal()
    assert await child.answer() == {"durable": 1}
    await child.look(lambda seen: seen["stuck_ms"] == 0)
    await child.kill()
    assert numbers(Journal.open(child.folder / "journal.db")) == [1]


async def test_on_a_full_disk_calls_are_written_and_readings_are_refused(child: Child) -> None:
    await child.start()
    child.disk.fill(0)
    assert (await child.submit(Lane.READING, 1)).get("reason") == "storage-full"
    for number in range(2, 42):
        assert await child.submit(Lane.SOS, number) == {"durable": number}
    # not from the reserve of calls
    assert (await child.submit(Lane.READING, 42)).get("reason") == "storage-full"
    assert await child.submit(Lane.ASSIST, 43) == {"durable": 43}
    child.disk.heal()
    assert await child.submit(Lane.READING, 44) == {"durable": 44}
    await child.look(lambda seen: not seen["full"])
    assert (child.folder / "journal.reserve").stat().st_size == 1 << 20  # kept back again
    await child.kill()
    assert numbers(Journal.open(child.folder / "journal.db")) == [*range(2, 42), 43, 44]


async def test_a_hub_that_starts_on_a_full_disk_is_durable_by_its_reserve(child: Child) -> None:
    await child.start()
    assert await child.submit(Lane.SOS, 1) == {"durable": 1}
    await child.kill()
    for name in ("journal.db-shm", "state.db-shm"):  # as after a power cut: they are made anew, and need room
        (child.folder / name).unlink()
    child.disk.fill(0)
    opened = await child.start()
    assert opened["opened"]
    assert opened["owed"] == [1]
    assert await child.submit(Lane.SOS, 2) == {"durable": 2}


async def test_a_disk_that_turns_read_only_fails_at_once_and_keeps_the_press_for_later(child: Child) -> None:
    await child.start()
    assert await child.submit(Lane.SOS, 1) == {"durable": 1}
    child.disk.turn_read_only()
    failed = await child.submit(Lane.SOS, 2)
    assert failed["failed"] == 2
    assert failed["reason"] in ("storage-read-only", "storage-failed")
    await child.look(lambda seen: seen["unsaved"] == 1)
    child.disk.heal()
    assert await child.answer() == {"saved": [2]}
    await child.kill()
    assert numbers(Journal.open(child.folder / "journal.db")) == [1, 2]


@pytest.mark.parametrize("fault", ["read-only", "dead"])
async def test_a_hub_that_starts_without_a_disk_takes_calls_and_moves_there_later(
    child: Child, fault: str
) -> None:
    await child.start()
    assert await child.submit(Lane.SOS, 1) == {"durable": 1}
    assert await child.submit(Lane.READING, 2) == {"durable": 2}
    await child.kill()
    if fault == "dead":
        child.disk.fail(reads=True)
    else:
        child.disk.turn_read_only()
    opened = await child.start()
    assert not opened["opened"]
    assert opened["trouble"] is not None
    assert opened["owed"] == ([] if fault == "dead" else [1])  # what can be read is not forgotten
    assert await child.submit(Lane.SOS, 3) == {"durable": 3}  # in memory: `durable` of the journal is False
    child.disk.heal()
    attached = await child.answer()
    assert attached == {"attached": True, "owed": [1, 3]}
    await child.kill()
    journal = Journal.open(child.folder / "journal.db")
    assert numbers(journal) == [1, 2, 3]
    assert journal.verify().ok


async def test_a_dead_disk_that_comes_back_goes_on_with_a_whole_chain(child: Child) -> None:
    await child.start()
    for round_number in range(3):
        child.disk.fail()
        failed = await child.submit(Lane.SOS, 10 * round_number)
        assert failed == {"failed": 10 * round_number, "reason": "storage-failed"}
        child.disk.heal()
        assert await child.answer() == {"saved": [10 * round_number]}
        assert await child.submit(Lane.SOS, 10 * round_number + 1) == {"durable": 10 * round_number + 1}
    child.ask("verify")
    assert await child.answer() == {"verified": True}


async def reserve(child: Child) -> dict[str, Any]:
    child.ask("reserve", count=5)
    return await child.answer()


@pytest.mark.parametrize("fault", ["full", "read-only", "dead"])
async def test_no_number_is_given_twice_whatever_the_disk_does(child: Child, fault: str) -> None:
    await child.start()
    assert await reserve(child) == {"reserved": [0, 5]}
    {"full": child.disk.fill, "read-only": child.disk.turn_read_only, "dead": child.disk.fail}[fault]()
    given = await reserve(child)
    if fault == "full":
        assert given == {"reserved": [5, 10]}  # from its own reserve
    else:
        assert "reserve_failed" in given
    child.disk.heal()
    following = (await reserve(child))["reserved"][0]
    assert following >= (10 if fault == "full" else 5)
    await child.kill()
    await child.start()
    assert (await reserve(child))["reserved"][0] >= following + 5
