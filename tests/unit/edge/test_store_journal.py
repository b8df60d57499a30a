"""The journal: what was appended is there, in order, chained; what the platform has is no longer owed."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from edge.stores.journal import Journal
from edge.stores.reading import Verdict
from protocols.values import Lane
from protocols.wire import decode_events, encode_events
from tests.unit.edge.making import did, eid, fired, said, tried
from tests.unit.edge.store_making import batch, event, fill, numbers, rows, stored


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "journal.db")


def test_what_was_appended_is_replayed_in_order_after_a_restart(tmp_path: Path, journal: Journal) -> None:
    entries = [
        event(1),
        tried(eid(1), 1),
        stored(1),
        said(2, "taken", eid(1)),
        fired("realert", eid(1)),
    ]
    seqs = journal.append(Lane.SOS, entries)
    seqs += journal.append(Lane.SOS, [did("cancel_asked", eid(1))])
    again = Journal.open(tmp_path / "journal.db")  # the first one is not closed: as after a kill
    assert seqs == [1, 2, 3, 4, 5, 6]
    assert list(again.replay()) == list(zip(seqs, [*entries, did("cancel_asked", eid(1))], strict=True))
    assert list(again.replay(after=5)) == [(6, did("cancel_asked", eid(1)))]
    assert again.durable
    assert again.trouble is None
    assert again.recovered == ()


def test_an_event_that_is_there_keeps_its_row(journal: Journal) -> None:
    assert journal.append(Lane.SOS, [event(1)]) == [1]
    assert journal.append(Lane.SOS, [event(1), event(2), event(1)]) == [1, 2, 1]
    assert numbers(journal) == [1, 2]


def test_a_receipt_settles_its_event_in_its_own_transaction(journal: Journal) -> None:
    journal.append(Lane.SOS, [event(1), event(2)])
    journal.append(Lane.SOS, [stored(1)])
    assert [owed.entry.event.id.number for owed in journal.pending(Lane.SOS, 10)] == [2]


def test_a_call_that_the_platform_rejected_stays_owed_and_a_reading_does_not(journal: Journal) -> None:
    journal.append(Lane.SOS, [event(1)])
    journal.append(Lane.READING, [event(2, Lane.READING), event(3, Lane.READING)])
    journal.append(Lane.READING, [said(1, "rejected", eid(1)), said(2, "rejected", eid(2))])
    assert [owed.seq for owed in journal.pending(Lane.SOS, 10)] == [1]
    assert [owed.seq for owed in journal.pending(Lane.READING, 10)] == [3]


def test_one_entry_settles_a_batch_each_by_its_own_receipt(journal: Journal) -> None:
    journal.append(Lane.SOS, [event(1)])
    journal.append(Lane.READING, [event(number, Lane.READING) for number in (2, 3, 4)])
    answer = [said(1, "rejected", eid(1)), said(2, "rejected", eid(2)), stored(3)]
    assert journal.append(Lane.READING, [batch(answer)]) == [5]
    assert [owed.seq for owed in journal.pending(Lane.SOS, 10)] == [1]
    assert [owed.seq for owed in journal.pending(Lane.READING, 10)] == [4]
    assert [entry for seq, entry in journal.replay() if seq == 5] == [batch(answer)]
    assert journal.verify().ok


def test_what_is_sent_on_packed_is_what_was_stored(journal: Journal) -> None:
    fill(journal, 0, 5, Lane.READING)
    owed, packed = journal.pending(Lane.READING, 10), journal.packed(Lane.READING, 10)
    assert decode_events(encode_events([queued.event for queued in packed])) == [
        each.entry.event for each in owed
    ]
    assert [(queued.seq, queued.event.id) for queued in packed] == [
        (each.seq, each.entry.event.id) for each in owed
    ]


def test_packed_reads_on_past_a_damaged_row(journal: Journal) -> None:
    fill(journal, 0, 5, Lane.READING)
    journal._writer.execute("UPDATE entries SET body = x'00' WHERE seq = 1")
    journal._writer.execute("UPDATE entries SET body = zeroblob(length(body)) WHERE seq = 2")
    assert [queued.seq for queued in journal.packed(Lane.READING, 2)] == [3, 4]


def test_stages_of_a_call_settle_no_event(journal: Journal) -> None:
    journal.append(Lane.SOS, [event(1), said(1, "taken", eid(1)), said(2, "closed", eid(1))])
    assert len(journal.pending(Lane.SOS, 10)) == 1


def test_an_event_goes_by_its_own_lane_whatever_it_was_submitted_in(journal: Journal) -> None:
    journal.append(Lane.TELEMETRY, [event(1)])
    assert len(journal.pending(Lane.SOS, 10)) == 1


def test_the_fold_does_not_read_the_readings(journal: Journal) -> None:
    journal.append(Lane.READING, [event(1, Lane.READING)])
    journal.append(Lane.SOS, [event(2)])
    journal.append(Lane.FAULT, [event(3, Lane.FAULT)])
    assert [seq for seq, _ in journal.replay(calls_only=True)] == [2, 3]


def steps_of(journal: Journal, limit: int) -> int:
    """Thousands of SQLite's own steps that one `pending` takes: work, not time."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    journal._reader.set_progress_handler(count, 100)
    assert len(journal.pending(Lane.READING, limit)) == limit
    journal._reader.set_progress_handler(None, 0)
    return steps


def test_asking_what_is_owed_costs_the_same_with_100_000_readings_waiting(journal: Journal) -> None:
    fill(journal, 0, 200, Lane.READING)
    few = steps_of(journal, 100)
    (row,) = rows(1_000, 1, Lane.READING)
    for start in range(0, 100_000, 1_000):  # one body for all: making 100,000 is not what is measured
        journal.append_rows([row._replace(event_id=f"hub-02.00000001.{start + n}") for n in range(1_000)])
    assert steps_of(journal, 100) == few
    first = journal.pending(Lane.READING, 100)
    following = journal.pending(Lane.READING, 100, after=first[-1].seq)
    assert following[0].seq == first[-1].seq + 1


def test_pending_reads_on_past_a_damaged_row(journal: Journal) -> None:
    fill(journal, 0, 5, Lane.READING)
    journal._writer.execute("UPDATE entries SET body = x'00' WHERE seq IN (1, 2)")
    assert [owed.seq for owed in journal.pending(Lane.READING, 2)] == [3, 4]


def test_the_chain_holds_and_its_head_is_the_newest_row(journal: Journal) -> None:
    fill(journal, 0, 1_200, Lane.READING)
    verdict = journal.verify()
    assert verdict.ok
    assert verdict.checked == 1_200
    assert (verdict.head_seq, verdict.head_digest) == journal.head


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE entries SET body = x'a0' WHERE seq = 3", {3}),
        ("UPDATE entries SET digest = zeroblob(32) WHERE seq = 3", {3, 4}),
        ("DELETE FROM entries WHERE seq = 3", {4}),
        ("UPDATE entries SET lane = 4 WHERE seq = 3", {3}),
        ("UPDATE entries SET body = NULL WHERE seq = 3", {3}),
    ],
)
def test_a_row_that_was_changed_or_taken_away_is_noticed(
    journal: Journal, damage: str, found: set[int]
) -> None:
    fill(journal, 0, 6, Lane.READING)
    journal._writer.execute(damage)
    assert set(journal.verify().bad) == found


def test_an_end_that_was_taken_away_is_noticed_and_said_once(tmp_path: Path, journal: Journal) -> None:
    fill(journal, 0, 6, Lane.READING)
    journal.close()
    with sqlite3.connect(tmp_path / "journal.db") as direct:
        direct.execute("DELETE FROM entries WHERE seq > 4")
    direct.close()
    again = Journal.open(tmp_path / "journal.db")
    assert [report.lost for report in again.recovered] == [2]
    assert again.append(Lane.SOS, [event(10)]) == [7]  # a seq is not used twice
    assert again.verify().ok
    assert again.verify().known_breaks == 1
    again.close()
    assert Journal.open(tmp_path / "journal.db").recovered == ()


def test_a_call_whose_row_is_damaged_is_used_and_a_reading_is_not(journal: Journal) -> None:
    journal.append(Lane.SOS, [event(1)])
    journal.append(Lane.READING, [event(2, Lane.READING)])
    journal._writer.execute("UPDATE entries SET crc = crc + 1")
    assert numbers(journal) == [1]
    assert journal.damaged == 1
    assert isinstance(journal.verify(), Verdict)
    assert not journal.verify().ok


def test_only_its_owner_reads_the_journal(tmp_path: Path, journal: Journal) -> None:
    journal.append(Lane.SOS, [event(1)])
    for file in tmp_path.glob("journal.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_commit_is_synced(journal: Journal) -> None:
    assert journal._writer.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert journal._writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_journal_in_memory_says_so(tmp_path: Path) -> None:
    journal = Journal.in_memory()
    journal.append(Lane.SOS, [event(1)])
    assert not journal.durable
    assert numbers(journal) == [1]
    assert journal.verify().ok


def test_a_journal_in_memory_moves_to_its_disk_when_that_answers(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    before = Journal.open(path)
    before.append(Lane.SOS, [event(1)])
    before.close()
    journal = Journal.in_memory(stands_in_for=path)
    journal.append(Lane.SOS, [event(2), stored(2), event(3)])
    assert journal.ailing
    assert journal.tend()
    assert journal.durable
    assert not journal.ailing
    assert journal.trouble is None
    assert numbers(journal) == [1, 2, 3]
    journal.append(Lane.SOS, [event(4)])
    journal.close()
    again = Journal.open(path)
    assert numbers(again) == [1, 2, 3, 4]
    assert again.verify().ok
    assert [owed.entry.event.id.number for owed in again.pending(Lane.SOS, 9)] == [1, 3, 4]
