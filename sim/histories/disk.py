"""The hub's disk: the product's journal and the writer's own rules, with commits that last, hang and fail.

`Writer` has a thread; here the same object is stepped by the world instead: a commit begins, takes as long as
the disk takes, and is carried out at its end. A process that is killed in between leaves nothing of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
from unittest import mock

from edge.entries import Entry
from edge.stores import writer as writer_module
from edge.stores.errors import StoreError
from edge.stores.journal import Journal
from edge.stores.rows import Row
from edge.stores.writer import RETRY_S, Writer
from protocols.errors import Reason
from protocols.values import Lane
from sim.histories.clockwork import Loop, World


class Disk:
    """What survives: the journal's file, and the small store of counters. `trouble`: "", "hangs", "fails"."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.trouble = ""
        self.journal = Journal.in_memory(wall_ms=lambda: world.now_ms)
        self.journal.append_rows = self._append_rows  # type: ignore[method-assign]
        self.events: set[str] = set()  # ids of events that are on it, for the checks
        self.numbers: dict[tuple[str, str], bytes] = {}
        self.counters: dict[str, int] = {}
        self.reserved = 0

    def commit_ms(self) -> int:
        """How long a commit takes now."""
        if self.trouble == "hangs":
            return self.world.delay(5_000, 15_000)
        slow = self.world.random.random() < 0.05
        return self.world.delay(100, 400) if slow else self.world.delay(2, 12)

    def _append_rows(self, rows: Sequence[Row]) -> list[int]:
        if self.trouble == "fails":
            self.world.note("a commit fails", "disk: commit fails")
            raise StoreError(Reason.STORAGE_FAILED, "The disk does not write.")
        seqs = Journal.append_rows(self.journal, rows)
        self.events.update(row.event_id for row in rows if row.kind == "event" and row.event_id)
        return seqs


class Numbers:
    """`edge.stores.state.State` for those who keep a few numbers: what is put is durable, or refused."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def get(self, space: str, name: str) -> bytes | None:
        return self._disk.numbers.get((space, name))

    def counters(self) -> dict[str, int]:
        return self._disk.counters

    def create_counter(self, name: str, first: int = 0) -> None:
        self.put_all({})
        self._disk.counters[name] = first

    def reserve(self, name: str, count: int) -> range:
        self.put_all({})
        first = self._disk.counters[name]
        self._disk.counters[name] = first + count
        return range(first, first + count)

    def put(self, space: str, name: str, value: bytes) -> None:
        self.put_all({(space, name): value})

    def put_all(self, changed: dict[tuple[str, str], bytes]) -> None:
        if self._disk.trouble:
            raise StoreError(Reason.STORAGE_FAILED, "The disk does not write.")
        self._disk.numbers.update(changed)


class _NoThread:
    """In place of the writer's threads."""

    def __init__(self, **_: object) -> None:
        pass

    def start(self) -> None:
        """Never runs."""


class SteppedWriter(Writer):
    """The product's writer without its threads."""

    def __init__(
        self, disk: Disk, loop: Loop, on_saved: Callable[[Sequence[Entry], list[int]], None]
    ) -> None:
        """Made on its loop, as Writer is."""
        self._disk, self._world = disk, disk.world
        with mock.patch.object(writer_module, "threading", SimpleNamespace(Thread=_NoThread)):
            super().__init__(disk.journal, monotonic_ms=lambda: disk.world.now_ms, on_saved=on_saved)
        self._loop = loop
        self._busy_now = False
        self.dead = False

    @property
    def durable(self) -> bool:
        """The journal is in memory, and that memory is this world's disk."""
        return True

    def submit(self, lane: Lane, entries: Sequence[Entry]) -> Any:
        """As Writer.submit; a dead process's entries go nowhere."""
        return self._loop.create_future() if self.dead else super().submit(lane, entries)

    def read(self, ask: Callable[[Journal], Any]) -> Any:
        """As Writer.read: at once from an idle disk, after a moment while it writes."""
        future = self._loop.create_future()

        def answer() -> None:
            if not self.dead and not future.done():
                try:
                    future.set_result(ask(self.journal))
                except sqlite3.Error as error:
                    future.set_exception(error)

        if self._busy_now:
            self._world.after(1, answer)
        else:
            self._loop.call_soon(answer)
        return future

    def _rouse(self) -> None:
        self._turn()

    def _turn(self) -> None:
        if self._busy_now or self.dead:
            return
        jobs = self._next()
        if not jobs and not self._unsaved:
            return
        self._busy_now = True
        urgent = any(self._queues[lane] for lane in (Lane.SOS, Lane.ASSIST))
        if urgent and jobs and all(row.lane > Lane.ASSIST for job in jobs for row in job.rows):
            self._loop.troubles.append("I3 lanes: a lower lane is committed while a call waits")
        if self._disk.trouble == "hangs":
            self._world.note("a commit hangs", "disk: commit hangs")
        self._began_ms = self._world.now_ms
        wait_ms = self._disk.commit_ms() if jobs else RETRY_S * 1000 * self._world.lapse
        self._world.after(wait_ms, self._end, jobs)

    def _end(self, jobs: list[Any]) -> None:
        if self.dead:
            return
        self._commit(jobs)
        self._busy_now = False
        self._turn()
