"""The platform's memory: one writer thread commits in groups, calls first; readers see what is committed.

Nothing is answered before its commit has returned. A delivery that fails takes no other with it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from protocols.errors import AnbanError, Reason
from protocols.values import Command, DownlinkItem, Event, EventId, Lane, Receipt
from protocols.wire import decode_event, encode_downlink, encode_event
from sim.platform.db import connect
from sim.platform.desk import Arrival, Change, Desk, Unread
from sim.platform.faults import SILENT, Fault
from sim.platform.folding import Action, Case
from sim.platform.registry import Register, write_config

log = logging.getLogger(__name__)

GROUP_EVENTS = 500  # of one commit: about 20 ms of work, so that an SOS never waits longer for its turn
PROPOSAL_MS = 24 * 3_600_000  # a hub that comes back after a day is told again by whoever still wants it
READINGS_AMONG = 2_000  # newest events that are looked through for readings that a seat is shown
QUEUE_JOBS = 2_000  # deliveries waiting; beyond that the platform says "later" and stays alive

_CASES = msgspec.msgpack.Decoder(Case)
_FAULTS = msgspec.msgpack.Decoder(Fault)


def now_ms() -> int:
    """The platform's wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class _SqliteShelf:
    """The desk's shelf inside one transaction of the writer's connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._register = Register(db)
        self._heard: dict[str, int] = {}
        self._beats: dict[str, str] = {}
        highest = db.execute(
            "SELECT max(coalesce((SELECT max(number) FROM events), 0),"
            " coalesce((SELECT max(number) FROM downlink), 0))"
        ).fetchone()[0]
        self._numbers = itertools.count(highest + 1)

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._register.refresh()

    def commit(self) -> None:
        for hub, at_ms in self._heard.items():
            beat = self._beats.get(hub)
            self._db.execute(
                "UPDATE hubs SET heard_ms = ?, heartbeat = coalesce(?, heartbeat) WHERE id = ?",
                (at_ms, beat, hub),
            )
        self._heard.clear()
        self._beats.clear()
        self._db.execute("COMMIT")

    def next_number(self) -> int:
        return int(next(self._numbers))

    def event_number(self, event_id: EventId) -> int | None:
        row = self._db.execute("SELECT number FROM events WHERE id = ?", (str(event_id),)).fetchone()
        return int(row[0]) if row else None

    def put_event(self, event: Event, hub: str, number: int, at_ms: int, case_id: EventId | None) -> None:
        event_id, call_id = str(event.id), str(case_id) if case_id is not None else None
        who = (event_id, number, hub, call_id, event.kind, int(event.lane), event.elder, event.device)
        row = (*who, event.room, at_ms, event.wall_ms, encode_event(event))
        self._db.execute("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
        if call_id is not None:
            press = (event_id, call_id, event.kind, event.device, at_ms)
            self._db.execute("INSERT INTO presses VALUES (?,?,?,?,?)", press)

    def case_of_event(self, event_id: EventId) -> EventId | None:
        return self._id("SELECT call_id FROM presses WHERE id = ?", str(event_id))

    def case_of_call(self, call_id: EventId) -> EventId:
        return self._id("SELECT case_id FROM calls WHERE call_id = ?", str(call_id)) or call_id

    def put_call(self, call_id: EventId, case_id: EventId) -> None:
        self._db.execute("INSERT OR IGNORE INTO calls VALUES (?,?)", (str(call_id), str(case_id)))

    def open_case_for(self, hub: str, elder: str) -> EventId | None:
        if self._register.elder_for(hub, elder) is None:
            return None
        query = "SELECT call_id FROM cases WHERE elder = ? AND lifecycle = 'open' ORDER BY alerted_ms DESC"
        return self._id(query, elder)

    def _id(self, query: str, key: str) -> EventId | None:
        row = self._db.execute(query, (key,)).fetchone()
        return EventId.parse(row[0]) if row else None

    def case(self, call_id: EventId) -> Case | None:
        row = self._db.execute("SELECT body FROM cases WHERE call_id = ?", (str(call_id),)).fetchone()
        return _CASES.decode(row[0]) if row else None

    def put_case(self, case: Case) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO cases VALUES (?,?,?,?,?,?,?,?,?)",
            (
                str(case.call_id),
                case.elder,
                case.kind,
                case.lifecycle.value,
                case.handling.value,
                case.opened_ms,
                case.alerted_ms,
                case.ended_ms,
                msgspec.msgpack.encode(case),
            ),
        )

    def fault(self, key: str) -> Fault | None:
        row = self._db.execute("SELECT body FROM faults WHERE key = ?", (key,)).fetchone()
        return _FAULTS.decode(row[0]) if row else None

    def put_fault(self, fault: Fault) -> None:
        row = (
            fault.key,
            fault.hub,
            fault.fault,
            fault.since_ms,
            fault.ended_ms,
            msgspec.msgpack.encode(fault),
        )
        self._db.execute("INSERT OR REPLACE INTO faults VALUES (?,?,?,?,?,?)", row)

    def put_downlink(self, hub: str, number: int, item: Receipt | Command) -> None:
        body = encode_downlink([DownlinkItem(cursor=number, item=item)])
        self._db.execute("INSERT INTO downlink VALUES (?,?,?)", (number, hub, body))

    def heard(self, hub: str, event: Event, at_ms: int) -> None:
        self._heard[hub] = at_ms
        if event.kind == "heartbeat":
            self._beats[hub] = msgspec.json.encode(event.data).decode()

    def is_foreign(self, hub: str, device: str) -> bool:
        return self._register.is_foreign(hub, device)

    def set_silent(self, hub: str, silent: bool, since_ms: int, at_ms: int) -> bool:
        """Raise or end the platform's own fault about a hub; whether that changed anything."""
        fresh = Fault(hub=hub, device=hub, fault=SILENT, about="", since_ms=since_ms)
        known = self.fault(fresh.key)
        if silent == (known is not None and not known.ended_ms):
            return False
        if silent:
            self.put_fault(msgspec.structs.replace(fresh, count=known.count + 1 if known else 1))
        elif known is not None:
            self.put_fault(msgspec.structs.replace(known, ended_ms=at_ms))
        return True


class _Job(msgspec.Struct, order=True, frozen=True):
    lane: int
    order: int
    run: Any = msgspec.field(default=None)
    size: int = 1
    future: Any = None


class Store:
    """The open platform.db. `on_arrival` is called in the loop after a commit, with what came of each job."""

    def __init__(self, directory: Path, on_arrival: Callable[[Arrival], None]) -> None:
        self._on_arrival = on_arrival
        self._loop = asyncio.get_running_loop()
        self._writer_db = connect(directory)
        self._reader_db = connect(directory, read_only=True)
        self.register = Register(self._reader_db)
        self._shelf = _SqliteShelf(self._writer_db)
        self._desk = Desk(self._shelf)
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._write, name="platform-writer", daemon=True)
        self._thread.start()

    async def receive(self, events: Sequence[Event | Unread], hub: str) -> Arrival:
        """Commit a delivery; its receipts. AnbanError(BUSY) or (STORAGE_FAILED) if it is not stored."""
        lane = min((e.lane for e in events if isinstance(e, Event)), default=Lane.TELEMETRY)
        if self._jobs.qsize() > QUEUE_JOBS and lane > Lane.ASSIST:
            raise AnbanError(Reason.BUSY, "The platform has more waiting than it can hold; try again later.")
        return await self._submit(lane, lambda: self._desk.receive(events, hub, now_ms()), len(events))

    async def act(self, call_id: EventId, action: Action, by: str, seen: int | None = None) -> Arrival:
        """Commit a seat's hand; `seen` as in `fold_action`. AnbanError(NOT_FOUND) or (CONFLICT)."""
        return await self._submit(Lane.SOS, lambda: self._desk.act(call_id, action, by, now_ms(), seen))

    async def command(self, hub: str, command: Command) -> Arrival:
        """Put a command on a hub's downlink."""
        return await self._submit(Lane.ASSIST, lambda: self._desk.command(hub, command))

    async def prompt(self, hub: str, kind: str, data: dict[str, Any], by: str) -> Arrival:
        """Send a prompt to a hub, or take one away. AnbanError(NOT_FOUND) for no hub of ours."""
        self.register.refresh()
        if hub not in self.register.hubs:
            raise AnbanError(Reason.NOT_FOUND, "There is no such hub.")
        command = Command(
            id=secrets.token_hex(8), kind=kind, expires_ms=now_ms() + PROPOSAL_MS, authority=by, data=data
        )
        return await self.command(hub, command)

    async def propose(self, hub: str, document: str, by: str) -> Arrival:
        """Put settings up for a hub, and tell it to fetch them. AnbanError(NOT_FOUND) for no hub of ours."""
        self.register.refresh()
        if hub not in self.register.hubs:
            raise AnbanError(Reason.NOT_FOUND, "There is no such hub.")
        at_ms = now_ms()
        command = Command(
            id=secrets.token_hex(8), kind="config.propose", expires_ms=at_ms + PROPOSAL_MS, authority=by
        )

        def run() -> Arrival:
            write_config(self._writer_db, hub, "proposed", document, by, at_ms)
            return self._desk.command(hub, command)

        return await self._submit(Lane.ASSIST, run)

    async def set_silent(self, silent: dict[str, tuple[bool, int]]) -> Arrival:
        """Raise or end "nothing heard" for hubs: hub -> (silent, since)."""

        def run() -> Arrival:
            changed = [
                h for h, (is_, since) in silent.items() if self._shelf.set_silent(h, is_, since, now_ms())
            ]
            return Arrival([], [Change(fault=True)] if changed else [], set())

        return await self._submit(Lane.FAULT, run)

    async def put_config(self, hub: str, document: str, author: str) -> Arrival:
        """Keep the configuration that a hub says is active."""

        def run() -> Arrival:
            write_config(self._writer_db, hub, "active", document, author, now_ms())
            return Arrival([], [], set())

        return await self._submit(Lane.TELEMETRY, run)

    def downlink(self, hub: str, after: int, room: int) -> list[bytes]:
        """Downlink items of a hub after a cursor, oldest first, at most `room` bytes together (at least one).

        A cursor beyond all that this platform ever numbered is of another life of its store: all is said
        again.
        """
        top = self._reader_db.execute("SELECT max(number) FROM downlink").fetchone()[0] or 0
        rows = self._reader_db.execute(
            "SELECT body FROM downlink WHERE hub = ? AND number > ? ORDER BY number LIMIT 200",
            (hub, after if after <= top else 0),
        )
        taken: list[bytes] = []
        for (body,) in rows:
            room -= len(body)
            if room < 0 and taken:
                break
            taken.append(body)
        return taken

    async def change(self, statement: str, values: tuple[object, ...]) -> None:
        """Commit one statement about something else than what arrived. AnbanError if that fails."""

        def run() -> Arrival:
            self._writer_db.execute(statement, values)
            return Arrival([], [], set())

        await self._submit(Lane.SOS, run)

    def ask(self, query: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        found: tuple[Any, ...] | None = self._reader_db.execute(query, values).fetchone()
        return found

    def cases(self, ended_limit: int) -> list[Case]:
        """All open cases and the last ended ones, the latest alert first."""
        rows = self._reader_db.execute(
            "SELECT body FROM cases WHERE lifecycle = 'open' UNION ALL SELECT body FROM"
            " (SELECT body FROM cases WHERE lifecycle != 'open' ORDER BY alerted_ms DESC LIMIT ?)",
            (ended_limit,),
        )
        return sorted((_CASES.decode(row[0]) for row in rows), key=lambda case: -case.alerted_ms)

    def standing_faults(self) -> list[Fault]:
        """All faults that have not ended, oldest first; at most 5,000."""
        rows = self._reader_db.execute(
            "SELECT body FROM faults WHERE ended_ms = 0 ORDER BY since_ms LIMIT 5000"
        )
        return [_FAULTS.decode(row[0]) for row in rows]

    def readings(self, limit: int) -> list[tuple[str, int, Event]]:
        """(hub, received, event) of people's newest readings among the newest events, the newest first."""
        rows = self._reader_db.execute(
            "SELECT hub, received_ms, body FROM (SELECT kind, hub, received_ms, body FROM events"
            " ORDER BY number DESC LIMIT ?) WHERE (kind LIKE 'reading.%' OR kind = 'care.whose')"
            " AND kind NOT IN ('reading.room_temperature', 'reading.humidity')",
            (READINGS_AMONG,),
        )
        found, said = [], dict[tuple[str, str], str]()
        for hub, received_ms, body in rows:
            event = decode_event(body)
            if event.kind == "care.whose":  # the newest counts, and comes first
                said.setdefault((hub, str(event.data.get("about"))), event.elder)
            else:
                elder = said.get((hub, str(event.id)), event.elder)
                found.append((hub, received_ms, msgspec.structs.replace(event, elder=elder)))
            if len(found) == limit:
                break
        return found

    def heard(self) -> dict[str, int]:
        """Hub -> when its last event came; when it was registered if none did."""
        return dict(self._reader_db.execute("SELECT id, max(heard_ms, created_ms) FROM hubs"))

    def config(self, hub: str) -> dict[str, Any] | None:
        """What a hub is to have: the platform's proposal, else what the hub last said it has."""
        row = self._reader_db.execute(
            "SELECT side, author, hash, document, at_ms FROM configs WHERE hub = ? ORDER BY side DESC", (hub,)
        ).fetchone()
        return dict(zip(("side", "author", "hash", "document", "at_ms"), row, strict=True)) if row else None

    def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        self._jobs.put(_Job(lane=1 << 30, order=next(self._order)))
        self._thread.join()
        self._writer_db.close()
        self._reader_db.close()

    async def _submit(self, lane: int, run: Callable[[], Arrival], size: int = 1) -> Arrival:
        future: asyncio.Future[Arrival] = self._loop.create_future()
        self._jobs.put(_Job(lane=int(lane), order=next(self._order), run=run, size=size, future=future))
        return await future

    def _write(self) -> None:
        """The writer thread: take what waits, calls first; one commit; then say so."""
        while True:
            group = [self._jobs.get()]
            size = group[0].size
            while size < GROUP_EVENTS and group[-1].run is not None:
                try:
                    group.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
                size += group[-1].size
            last = group[-1].run is None
            done = self._commit([job for job in group if job.run is not None])
            self._loop.call_soon_threadsafe(self._tell, done)
            if last:
                return

    def _commit(self, group: list[_Job]) -> list[tuple[_Job, Arrival | Exception]]:
        if not group:
            return []
        try:
            self._shelf.begin()
            done = [(job, self._run(job)) for job in group]
            self._shelf.commit()
            return done
        except sqlite3.Error as error:
            if self._writer_db.in_transaction:
                self._writer_db.execute("ROLLBACK")
            if len(group) > 1:  # whose fault was it? each by itself
                return [result for job in group for result in self._commit([job])]
            log.error("a commit failed: %s", error)
            failure = AnbanError(Reason.STORAGE_FAILED, f"The platform's store failed: {error}")
            return [(job, failure) for job in group]

    def _run(self, job: _Job) -> Arrival | Exception:
        """One job inside a savepoint: what it cannot do, it alone does not do."""
        self._writer_db.execute("SAVEPOINT job")
        result: Arrival | Exception
        try:
            result = job.run()
        except sqlite3.Error:
            raise
        except AnbanError as error:
            result = error
        except Exception:  # the thread that supervises all writing outlives a job that it cannot do
            log.exception("a delivery could not be folded")
            result = AnbanError(Reason.STORAGE_FAILED, "The platform could not take this; it is in its log.")
        if not isinstance(result, Arrival):
            self._writer_db.execute("ROLLBACK TO job")
        self._writer_db.execute("RELEASE job")
        return result

    def _tell(self, done: list[tuple[_Job, Arrival | Exception]]) -> None:
        for job, result in done:
            if isinstance(result, Arrival):
                self._on_arrival(result)
            if job.future.done():
                continue
            if isinstance(result, Arrival):
                job.future.set_result(result)
            else:
                job.future.set_exception(result)
