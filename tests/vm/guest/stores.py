"""Both stores on a disk of their own: tells what they hold, then works under load until the power goes."""

from __future__ import annotations

import asyncio
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Final

from edge.entries import EventEntry, Stamp
from edge.stores import writer as writing
from edge.stores.journal import Journal
from edge.stores.state import State
from edge.stores.writer import Writer
from protocols.errors import AnbanError
from protocols.values import Event, EventId, Lane
from tests.vm.guest.port import tell

DATA: Final = Path("/run/data")
COUNTER: Final = "oscore.sos"
KINDS: Final = {Lane.SOS: "call.sos", Lane.FAULT: "fault.raised", Lane.READING: "reading.pulse"}
MIX: Final = (Lane.SOS, Lane.READING, Lane.READING, Lane.FAULT, Lane.READING)
AT_ONCE: Final = 12  # submissions that wait at any moment
# A round writes some hundred rows: the WAL is to be carried over many times in it, not once in a long while.
writing.CHECKPOINT_FRAMES, writing.CATCH_UP_FRAMES = 60, 240  # type: ignore[misc]


async def main(life: int, synchronous: str) -> None:
    """Tells {"opened": ...} with all event ids and the counter, then for ever {"ack": n}, {"reserved": end}.

    `life` marks the events of this boot. `synchronous` OFF is the planted fault.
    """
    mount()
    journal = Journal.open(DATA / "journal.db")
    state = State.open(DATA / "state.db")
    if state.fresh and state.trouble is None:
        state.create_counter(COUNTER)
    if synchronous != "FULL":
        for connection in (journal._writer, journal._reader, state._connection):
            assert connection is not None
            connection.execute(f"PRAGMA synchronous={synchronous}")
    tell(opened=contents(journal, state))
    writer = Writer(journal)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(reserve(state))
        for first in range(1, AT_ONCE + 1):
            tasks.create_task(submit(writer, life, first))


def mount() -> None:
    """The disk of this machine; the kernel mends what a cut has left."""
    DATA.mkdir()
    subprocess.run(["mount", "-t", "ext4", "-o", "noatime", "/dev/vda", str(DATA)], check=True)


def contents(journal: Journal, state: State) -> dict[str, object]:
    """Everything that the host compares with what was acknowledged."""
    events: defaultdict[int, list[int]] = defaultdict(list)
    for _, entry in journal.replay():
        if isinstance(entry, EventEntry):
            events[entry.event.id.life].append(entry.event.id.number)
    return {
        "events": events,
        "counter": state.counters().get(COUNTER),
        "durable": journal.durable,
        "chain": journal.verify().ok,
        "recovered": [report.reason for report in journal.recovered],
        "state_trouble": state.trouble,
        "damaged": journal.damaged,
    }


async def submit(writer: Writer, life: int, number: int) -> None:
    """One event after the other, each acknowledged outside when its commit has returned."""
    while True:
        lane = MIX[number % len(MIX)]
        try:
            await writer.submit(lane, [event(life, number, lane)])
        except AnbanError as error:
            tell(failed_append=number, reason=str(error.reason))
            await asyncio.sleep(0.2)
        else:
            tell(ack=number)
        number += AT_ONCE


def event(life: int, number: int, lane: Lane) -> EventEntry:
    """An event as a hub mints it."""
    made = EventId("hub-01", life, number)
    value = Event(
        id=made,
        call_id=made if lane == Lane.SOS else None,
        kind=KINDS[lane],
        lane=lane,
        elder="e-chen",
        device="hub-01",
        room="hall",
        data={"pulse": number % 100} if lane == Lane.READING else {},
    )
    return EventEntry(at=Stamp(uptime_ms=number, boot=life), event=value, source="red")


async def reserve(state: State) -> None:
    """Numbers of a security context: none may ever be given twice."""
    while True:
        try:
            numbers = await asyncio.to_thread(state.reserve, COUNTER, 8)
        except AnbanError as error:
            tell(failed_reserve=str(error.reason))
            await asyncio.sleep(0.2)
        else:
            tell(reserved=numbers.stop)
        await asyncio.sleep(0.05)
