"""The committing thread: a press waits for one bounded commit at most, and nobody is told too much."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from edge.entries import Entry
from edge.stores import writer as writing
from edge.stores.errors import StoreError, store_error
from edge.stores.journal import Journal
from edge.stores.rows import Row
from edge.stores.writer import BATCH_ROWS, Writer
from protocols.errors import Reason
from protocols.values import Lane
from tests.unit.edge.making import eid
from tests.unit.edge.store_making import batch, event, numbers, stored


class Gated(Journal):
    """A journal whose commits wait at a gate (a hanging disk) or fail for a reason (a dead one)."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Semaphore(0)
        self.failing: Reason | None = None
        self.batches: list[list[Lane]] = []

    def append_rows(self, rows: Sequence[Row]) -> list[int]:
        self.reached.release()
        self.gate.wait()
        if self.failing is not None:
            raise store_error(self.failing)
        self.batches.append([row.lane for row in rows])
        return super().append_rows(rows)

    async def hang(self, writer: Writer) -> asyncio.Future[list[int]]:
        """Shut the gate and have a commit stand before it."""
        self.gate.clear()
        future = writer.submit(Lane.TELEMETRY, [event(9_000, Lane.TELEMETRY)])
        await asyncio.to_thread(self.reached.acquire)
        return future


@pytest.fixture
def journal(tmp_path: Path) -> Gated:
    return Gated(tmp_path / "journal.db")


class Saved(list[tuple[Sequence[Entry], list[int]]]):
    """What `on_saved` was told; `wait` returns when something was."""

    def __init__(self) -> None:
        super().__init__()
        self._told = asyncio.Event()

    def __call__(self, entries: Sequence[Entry], seqs: list[int]) -> None:
        self.append((entries, seqs))
        self._told.set()

    async def wait(self) -> None:
        async with asyncio.timeout(60):
            await self._told.wait()


@pytest.fixture
async def saved() -> Saved:
    return Saved()


@pytest.fixture
async def writer(journal: Gated, saved: Saved) -> AsyncIterator[Writer]:
    now_ms = [0]
    writer = Writer(journal, monotonic_ms=lambda: now_ms[0], on_saved=saved)
    writer.now_ms = now_ms  # type: ignore[attr-defined]
    yield writer
    journal.gate.set()
    journal.failing = None
    assert await writer.close()


async def test_a_press_that_was_acknowledged_is_there_after_a_kill(writer: Writer, tmp_path: Path) -> None:
    assert await writer.submit(Lane.SOS, [event(1), event(2)]) == [1, 2]
    assert numbers(Journal.open(tmp_path / "journal.db")) == [1, 2]


async def test_an_sos_overtakes_all_that_waits(writer: Writer, journal: Gated) -> None:
    await journal.hang(writer)
    lower = [writer.submit(Lane.READING, [event(n, Lane.READING)]) for n in range(1000)]
    fault = writer.submit(Lane.FAULT, [event(2000, Lane.FAULT)])
    assist = writer.submit(Lane.ASSIST, [event(2001, Lane.ASSIST)])
    sos = [writer.submit(Lane.SOS, [event(n)]) for n in (2002, 2003)]
    journal.batches.clear()
    journal.gate.set()
    await asyncio.gather(*sos, assist, fault, *lower)
    assert journal.batches[1:3] == [[Lane.SOS, Lane.SOS], [Lane.ASSIST]]
    assert journal.batches[3][:2] == [Lane.FAULT, Lane.READING]
    assert [len(batch) for batch in journal.batches[3:]] == [BATCH_ROWS] * 3 + [1001 - 3 * BATCH_ROWS]


async def test_what_settles_many_events_counts_for_many_rows(writer: Writer, journal: Gated) -> None:
    await journal.hang(writer)
    answers = [batch([stored(n) for n in range(50)]) for _ in range(8)]
    settled = [writer.submit(Lane.READING, [answer, answer]) for answer in answers]
    huge = writer.submit(Lane.READING, answers)  # longer than a commit should be: it goes, and goes alone
    journal.batches.clear()
    journal.gate.set()
    await asyncio.gather(*settled, huge)
    assert [len(each) for each in journal.batches[1:]] == [4, 4, 4, 4, 8]


async def test_a_press_waits_for_one_batch_of_readings_and_not_for_ten(
    writer: Writer, journal: Gated
) -> None:
    await journal.hang(writer)
    readings = [writer.submit(Lane.READING, [event(n, Lane.READING)]) for n in range(10 * BATCH_ROWS)]
    sos: list[asyncio.Future[list[int]]] = []
    readings[0].add_done_callback(lambda _: sos.append(writer.submit(Lane.SOS, [event(5000)])))
    journal.gate.set()
    await readings[0]
    await asyncio.sleep(0)
    await sos[0]
    assert not readings[-1].done()
    await asyncio.gather(*readings)


async def test_how_long_a_commit_hangs_is_known_and_the_loop_goes_on(writer: Writer, journal: Gated) -> None:
    assert writer.stuck_ms(1_000) == 0
    hanging = await journal.hang(writer)
    assert writer.stuck_ms(250) == 250
    assert not hanging.done()
    assert await writer.read(lambda store: store.pending(Lane.SOS, 10)) == []  # reads do not wait for it
    journal.gate.set()
    await hanging
    assert writer.stuck_ms(9_999) == 0


async def test_a_press_on_a_dead_disk_is_told_so_at_once_and_is_saved_when_it_lives(
    writer: Writer, journal: Gated, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "RETRY_S", 0.01)
    journal.failing = Reason.STORAGE_READ_ONLY
    press, reading = [event(1)], [event(2, Lane.READING)]
    for lane, entries in ((Lane.SOS, press), (Lane.READING, reading)):
        with pytest.raises(StoreError) as caught:
            await writer.submit(lane, entries)
        assert caught.value.reason is Reason.STORAGE_READ_ONLY
    assert writer.unsaved == 1  # the reading is its sender's to keep
    journal.failing = None
    await saved.wait()
    assert saved == [(press, [1])]
    assert writer.unsaved == 0
    assert numbers(journal) == [1]


async def test_what_failed_comes_before_what_follows(writer: Writer, journal: Gated, saved: Saved) -> None:
    journal.failing = Reason.STORAGE_FAILED
    for number in (1, 2):
        with pytest.raises(StoreError):
            await writer.submit(Lane.SOS, [event(number)])
    journal.failing = None
    assert await writer.submit(Lane.READING, [event(3, Lane.READING)]) == [3]
    assert [seqs for _, seqs in saved] == [[1], [2]]
    assert numbers(journal) == [1, 2, 3]


async def test_too_many_readings_for_a_hanging_disk_are_refused_and_a_press_is_not(
    writer: Writer, journal: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_WAITING_ROWS", 5)
    await journal.hang(writer)
    for number in range(4):
        writer.submit(Lane.READING, [event(number, Lane.READING)])
    with pytest.raises(StoreError) as caught:
        writer.submit(Lane.READING, [event(100, Lane.READING)])
    assert caught.value.reason is Reason.BUSY
    press = writer.submit(Lane.SOS, [event(101)])
    journal.gate.set()
    await press


async def test_a_transaction_that_others_would_wait_for_is_refused(writer: Writer) -> None:
    with pytest.raises(StoreError) as caught:
        writer.submit(Lane.READING, [event(n, Lane.READING) for n in range(BATCH_ROWS + 1)])
    assert caught.value.reason is Reason.TOO_BIG


async def test_closing_commits_what_waits(journal: Gated, tmp_path: Path) -> None:
    writer = Writer(journal)
    await journal.hang(writer)
    futures = [writer.submit(Lane.READING, [event(n, Lane.READING)]) for n in range(600)]
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    journal.gate.set()
    assert await closing
    assert all(future.done() for future in futures)
    assert len(numbers(Journal.open(tmp_path / "journal.db"))) == 601  # and the one that hung
    with pytest.raises(StoreError):
        writer.submit(Lane.SOS, [event(1)])
    assert writer.stuck_ms(writing._system_ms() + 500) >= 500  # nothing commits any more: that shows


async def test_a_disk_that_hangs_does_not_hold_up_the_end(journal: Gated) -> None:
    writer = Writer(journal)
    await journal.hang(writer)
    assert not await writer.close(timeout_s=0.01)
    journal.gate.set()
    assert await writer.close()


@pytest.mark.parametrize(("passive", "catch_up"), [(20, 1 << 30), (1 << 30, 60)])
async def test_the_wal_is_carried_over_and_does_not_grow_for_ever(
    journal: Gated, monkeypatch: pytest.MonkeyPatch, passive: int, catch_up: int
) -> None:
    monkeypatch.setattr(writing, "CHECKPOINT_FRAMES", passive)
    monkeypatch.setattr(writing, "CATCH_UP_FRAMES", catch_up)
    writer = Writer(journal)
    for number in range(200):
        await writer.submit(Lane.SOS, [event(number)])
        await writer.read(lambda _: None)  # the reading thread has done what it was asked before
    assert journal._writer.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    assert journal._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1] < 150  # of about 800
    await writer.close()


async def test_a_cancelled_wait_cancels_no_commit(writer: Writer, journal: Gated) -> None:
    await journal.hang(writer)
    press = writer.submit(Lane.SOS, [event(1)])
    press.cancel()
    journal.gate.set()
    await writer.submit(Lane.SOS, [event(2)])
    assert 1 in numbers(journal)


async def test_retention_runs_between_commits(writer: Writer, journal: Gated) -> None:
    journal._budget = dict.fromkeys(Lane, 10)
    for start in range(0, 600, 200):
        await writer.submit(Lane.READING, [event(n, Lane.READING) for n in range(start, start + 200)])
    assert await writer.evict(keep_calls={str(eid(1))}) == 580
    assert len(numbers(journal)) == 20  # none was delivered: twice the budget
    assert await writer.evict() == 0


async def test_a_journal_in_memory_that_finds_its_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "TEND_S", 0.01)
    attached = asyncio.Event()
    journal = Journal.in_memory(stands_in_for=tmp_path / "later" / "journal.db")
    writer = Writer(journal, on_attached=attached.set)
    assert await writer.submit(Lane.SOS, [event(1)]) == [1]
    assert not writer.durable
    (tmp_path / "later").mkdir()
    async with asyncio.timeout(60):
        await attached.wait()
    assert writer.durable
    await writer.submit(Lane.SOS, [event(2)])
    await writer.close()
    assert numbers(Journal.open(tmp_path / "later" / "journal.db")) == [1, 2]
