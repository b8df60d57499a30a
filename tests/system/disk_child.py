"""A process with both real stores, driven by JSON lines: what the disk tests start, hang and kill.

In:  {"op": "submit", "lane": 0, "number": 7}, {"op": "look"}, {"op": "reserve", "count": 5}, {"op": "load"},
{"op": "close"} Out: {"opened": ...}, {"durable": 7}, {"failed": 7, "reason": ...}, {"saved": [7]},
{"stuck_ms": ...}, {"reserved": [0, 5]}
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.entries import Entry, EventEntry
from edge.stores import writer as writing
from edge.stores.journal import Journal
from edge.stores.state import State
from edge.stores.writer import Writer
from protocols.errors import AnbanError
from protocols.values import Lane
from tests.unit.edge.store_making import event

writing.RETRY_S = writing.TEND_S = 0.05  # type: ignore[misc]
LOAD = (Lane.SOS, Lane.READING, Lane.READING, Lane.FAULT, Lane.READING)
AT_ONCE = 40  # submissions of the load that wait at any moment


def tell(**what: Any) -> None:
    """One line out; it has left this process when this returns. Ends the process when nobody reads."""
    try:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever started this is gone: it must not load the machine for ever
        os._exit(1)


def ids(entries: Sequence[Entry]) -> list[int]:
    return [entry.event.id.number for entry in entries if isinstance(entry, EventEntry)]


class Child:
    def __init__(self, folder: Path) -> None:
        journal = Journal.open(folder / "journal.db", reserve_bytes=1 << 20)
        self.state = State.open(folder / "state.db")
        if self.state.fresh and self.state.trouble is None:
            self.state.create_counter("sos")
        self.writer = Writer(
            journal, on_saved=lambda entries, _: tell(saved=ids(entries)), on_attached=self.attached
        )
        tell(
            opened=journal.durable,
            trouble=journal.trouble,
            owed=[owed.entry.event.id.number for owed in journal.pending(Lane.SOS, 1000)],
            recovered=len(journal.recovered),
            state_trouble=self.state.trouble,
        )
        self.running: set[asyncio.Task[None]] = set()

    def attached(self) -> None:
        tell(
            attached=True, owed=[o.entry.event.id.number for o in self.writer.journal.pending(Lane.SOS, 1000)]
        )

    async def submit(self, lane: Lane, number: int) -> None:
        try:
            await self.writer.submit(lane, [event(number, lane)])
        except AnbanError as error:
            tell(failed=number, reason=error.reason)
        else:
            tell(durable=number)

    async def load(self, first: int, early: bool) -> None:
        """Submit for ever, AT_ONCE at a time, in all lanes; `early` is the planted fault: told before it is
        true.
        """
        room = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            if early:
                tell(durable=number)
            await self.submit(LOAD[number % len(LOAD)], number)
            room.release()

        number = first
        while True:
            await room.acquire()
            self.start(one(number))
            number += 1

    def start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def reserve(self, count: int) -> None:
        try:
            if self.state.trouble is not None:
                await asyncio.to_thread(self.state.reopen)
            numbers = await asyncio.to_thread(self.state.reserve, "sos", count)
        except AnbanError as error:
            tell(reserve_failed=error.reason)
        else:
            tell(reserved=[numbers.start, numbers.stop])

    def look(self) -> None:
        now_ms = writing._system_ms()
        tell(
            stuck_ms=self.writer.stuck_ms(now_ms), unsaved=self.writer.unsaved, full=self.writer.journal.full
        )

    async def run(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            asked = json.loads(line)
            match asked["op"]:
                case "submit":
                    self.start(self.submit(Lane(asked["lane"]), asked["number"]))
                case "look":
                    self.look()
                case "reserve":
                    self.start(self.reserve(asked["count"]))
                case "load":
                    self.start(self.load(asked["first"], asked["early"]))
                case "verify":
                    verdict = await self.writer.read(lambda journal: journal.verify())
                    tell(verified=verdict.ok)
                case "close":
                    tell(closed=await self.writer.close())
                    return


async def main() -> None:
    await Child(Path(sys.argv[1])).run()


if __name__ == "__main__":
    asyncio.run(main())
