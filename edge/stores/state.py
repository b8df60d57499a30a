"""The state: keys, pairings, counters and configuration versions, in one SQLite file and a checksummed
second copy.

Each write goes to the second copy first, then to the file, and counts when both have it: whichever breaks,
the other is as new. Everything is held in memory too, so that reading never waits for a disk. Counters only
rise: of two copies the higher number is believed, and where neither can be believed the counter is lost and
said so (CountersLost), never guessed. Writes block for the time of the disk: call them off the loop. Any
thread may call.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from edge.stores import recovery, statefile
from edge.stores.content import MAX_COUNTER, Content, Item, newest, read_copy, write_copy
from edge.stores.errors import CountersLost, StoreError, from_os, from_sqlite, is_corrupt, store_error
from edge.stores.files import SCHEMAS, connect, migrate, sync_directory
from edge.stores.recovery import Recovered
from edge.stores.reserve import Reserve
from protocols.errors import Reason

SCHEMA: Final = SCHEMAS / "state"
RESERVE_BYTES: Final = 1 << 20  # room for the counters of a hundred days on a full disk

_log = logging.getLogger("anban.stores")


def _system_wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Kept(Protocol):
    """The part of a State by which settings and prompts are kept."""

    def get(self, space: str, name: str) -> bytes | None: ...

    def names(self, space: str) -> list[str]: ...

    def put_all(self, values: dict[tuple[str, str], bytes | None]) -> None: ...


class State:
    """See the module. `State.open` makes and reads one; neither ever raises.

    One that is made and not read yet has nothing, and refuses writes with STORAGE_STUCK: so a hub starts
    while the disk hangs, and `load()` in a thread brings everything when it answers.

    `fresh`: neither file was there. `trouble`: why writes cannot be durable now, else None.
    `recovered`: what happened to damaged files. `counters_lost`: counters that were there are not known any
    more.
    """

    def __init__(self, path: Path, *, wall_ms: Callable[[], int] = _system_wall_ms) -> None:
        self.path = path
        self.copy_path = path.with_name(path.name + ".copy")
        self.fresh = False
        self.counters_lost = False
        self.trouble: Reason | None = Reason.STORAGE_STUCK
        self.loaded = False
        self.recovered: tuple[Recovered, ...] = ()
        self._wall_ms = wall_ms
        self._lock = threading.RLock()
        self._reserve = Reserve(path.with_suffix(".reserve"), RESERVE_BYTES)
        self._content = Content()
        self._connection: sqlite3.Connection | None = None

    @classmethod
    def open(cls, path: Path, *, wall_ms: Callable[[], int] = _system_wall_ms) -> State:
        """The state at a path: migrated, checked, recovered from its second copy if need be. Never raises.

        On a disk that cannot be written it holds what could be read, `trouble` says why, and writes raise.
        """
        state = cls(path, wall_ms=wall_ms)
        state.load()
        return state

    def load(self) -> None:
        """Read it, once, for as long as the disk takes. Never raises; see `open`."""
        with self._lock:
            self.trouble = None
            try:
                self._load()
                self._reserve.hold()
            except StoreError as error:
                self.trouble = error.reason
                _log.error("state cannot be written: %s", error)
            self.loaded = True

    # reading, from memory

    def get(self, space: str, name: str) -> bytes | None:
        """A value, or None where there is none."""
        item = self._content.items.get((space, name))
        return item.value if item else None

    def names(self, space: str) -> list[str]:
        """The names in a space that have a value, sorted."""
        items = self._content.items.items()
        return sorted(name for (of, name), item in items if of == space and item.value is not None)

    def counters(self) -> dict[str, int]:
        """The first number of each counter that nobody has been given."""
        return dict(self._content.counters)

    # writing

    def put(self, space: str, name: str, value: bytes | None) -> None:
        """Set a value, durably; None takes it away. Raises StoreError: then it does not count as set."""
        self.put_all({(space, name): value})

    def put_all(self, values: Mapping[tuple[str, str], bytes | None]) -> None:
        """Set several values in one write: all or none. Raises StoreError."""
        self._answers()
        with self._lock:
            now = self._content
            number = now.generation + 1
            items = now.items | {key: Item(value, number) for key, value in values.items()}
            self._write(Content(number, items, now.counters))

    def create_counter(self, name: str, first: int = 0) -> None:
        """Make a counter that is not there: of a context or a life that has never been used. Raises
        AnbanError.
        """
        self._answers()
        with self._lock:
            if name in self._content.counters:
                raise StoreError(Reason.CONFLICT, f"The counter {name} is there already.")
            self._set_counter(name, first)

    def reserve(self, name: str, count: int) -> range:
        """The next `count` numbers of a counter, for this caller alone, whatever happens; durable on return.

        Raises CountersLost where the counter is not known, StoreError where the disk does not take it.
        """
        if count <= 0:
            raise StoreError(Reason.BAD_VALUE, f"{count} numbers cannot be reserved.")
        self._answers()
        with self._lock:
            first = self._content.counters.get(name)
            if first is None:
                raise CountersLost(name)
            self._set_counter(name, first + count)
            return range(first, first + count)

    def raise_counter(self, name: str, least: int) -> None:
        """Lift a counter to at least `least`; it never goes back. Raises CountersLost, StoreError."""
        self._answers()
        with self._lock:
            first = self._content.counters.get(name)
            if first is None:
                raise CountersLost(name)
            if least > first:
                self._set_counter(name, least)

    def _answers(self) -> None:
        """Nobody waits for a disk that has not answered since the start, nor calls a counter lost for it."""
        if not self.loaded:
            raise store_error(Reason.STORAGE_STUCK, "the state has not been read yet")

    def _set_counter(self, name: str, following: int) -> None:
        if not 0 <= following <= MAX_COUNTER:
            raise StoreError(Reason.BAD_VALUE, f"The counter {name} would leave its range.")
        now = self._content
        self._write(Content(now.generation + 1, now.items, now.counters | {name: following}))

    def _write(self, content: Content) -> None:
        if self._connection is None:
            raise store_error(self.trouble or Reason.STORAGE_FAILED, "the state could not be opened")
        try:
            self._write_both(content)
        except StoreError as error:
            if error.reason is not Reason.STORAGE_FULL or not self._reserve.release():
                self.trouble = error.reason
                raise
            self._write_both(content)
        self.trouble = None
        if self._reserve.wanted:
            self._reserve.hold()

    def _write_both(self, content: Content) -> None:
        try:
            write_copy(self.copy_path, content)
        except OSError as error:
            raise from_os(error) from error
        try:
            self._write_file(content)
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise from_sqlite(error) from error
            self._rebuild(content, str(error))
        self._content = content
        self._carry_over()

    def _carry_over(self) -> None:
        """Into the file itself after every write: a WAL that is lost then takes no counter back."""
        assert self._connection is not None
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            _log.warning("checkpoint: %s", error)

    def _write_file(self, content: Content) -> None:
        assert self._connection is not None
        try:
            statefile.write(self._connection, self._content, content)
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise

    # opening and mending

    def reopen(self) -> bool:
        """Try again to open a state that could not be opened or written; whether it can be written now."""
        if not self.loaded:
            return False
        with self._lock:
            try:
                self._load()
                self._reserve.hold()
                self.trouble = None
            except StoreError as error:
                self.trouble = error.reason
            return self.trouble is None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _load(self) -> None:
        self._disconnect()
        there = self.path.exists()
        try:
            second = read_copy(self.copy_path)
            second_broken = second is None and self.copy_path.exists()
        except OSError:
            second, second_broken = None, True
        try:
            self._connect()
            assert self._connection is not None
            first = statefile.read(self._connection) if there else None
            rolled_back = there and recovery.frames_beyond(self.path) > 0
            reason = "the file is damaged" if there and first is None else ""
        except sqlite3.Error as error:
            self._disconnect()
            if not is_corrupt(error):
                self._content = second or statefile.salvage(self.path)
                raise from_sqlite(error) from error
            first, rolled_back, reason = None, False, str(error)
        self.fresh = not there and second is None and not second_broken
        self._settle(first, second, reason, rolled_back, second_broken)

    def _settle(
        self,
        first: Content | None,
        second: Content | None,
        reason: str,
        rolled_back: bool,
        second_broken: bool,
    ) -> None:
        """Choose what to believe, and bring both copies to it. Raises StoreError."""
        if first is not None and second is not None:
            content = newest(first, second)
            behind = content.generation - first.generation
            if behind > 1:  # one behind is a crash between the two writes
                self._tell(f"the file had lost {behind} writes", "", content)
        elif first is not None:
            content = first
            if second_broken or first.generation:
                self._tell("the second copy is broken or gone", "", content)
            if rolled_back:  # what SQLite passed over may have been a counter
                content = self._without_counters(content)
        elif second is not None:
            content = second
        else:
            content = statefile.salvage(self.path) if reason else Content()
            if reason or second_broken:
                content = self._without_counters(content)
        if first is None:
            self._rebuild(content, reason or ("" if self.fresh else "the file was gone"))
        elif first != content:
            self._content = first
            self._mirror(content)
        self._content = content
        if second != content:
            try:
                write_copy(self.copy_path, content)
            except OSError as error:
                raise from_os(error) from error

    def _without_counters(self, content: Content) -> Content:
        self.counters_lost = True
        return Content(content.generation, content.items, {})

    def _mirror(self, content: Content) -> None:
        try:
            self._write_file(content)
        except sqlite3.Error as error:
            raise from_sqlite(error) from error

    def _connect(self) -> None:
        new = not self.path.exists()
        self._connection = connect(self.path)
        migrate(self._connection, SCHEMA)
        if new:
            with contextlib.suppress(OSError):  # a disk that cannot do this fails the next write too
                sync_directory(self.path.parent)

    def _rebuild(self, content: Content, reason: str) -> None:
        """A new file with this content in place of the damaged one, if there is one. Raises StoreError."""
        moved = ""
        try:
            if reason and self.path.exists():
                self._disconnect()
                moved = str(recovery.move_aside(self.path, self._wall_ms()))
            if self._connection is None:
                self._connect()
            self._content = Content()
            self._write_file(content)
        except OSError as error:
            raise from_os(error) from error
        except sqlite3.Error as error:
            raise from_sqlite(error) from error
        if reason:
            self._tell(reason, moved, content)

    def _tell(self, reason: str, moved: str, content: Content) -> None:
        report = Recovered(
            store="state",
            reason=reason,
            moved_to=moved,
            kept=len(content.items),
            lost=0,
            wall_ms=self._wall_ms(),
        )
        self.recovered = (*self.recovered, report)
        _log.error("state recovered: %s", reason)
