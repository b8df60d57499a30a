"""What the journal forgets, and what it never does."""

from __future__ import annotations

import pytest

from edge.stores import retention
from edge.stores.journal import Journal
from protocols.values import Lane
from tests.unit.edge.making import eid, said, tried
from tests.unit.edge.store_making import event, fill, numbers, stored

SMALL = {Lane.SOS: 10, Lane.ASSIST: 10, Lane.FAULT: 10, Lane.READING: 10, Lane.TELEMETRY: 10}


@pytest.fixture
def journal() -> Journal:
    journal = Journal.in_memory()
    journal._budget = SMALL
    return journal


def call(number: int, *, delivered: bool = True) -> list[object]:
    """A whole call: press, attempt, receipt, closed."""
    entries = [event(number), tried(eid(number), 1, outcome="unknown")]
    return [*entries, stored(number), said(number, "closed", eid(number))] if delivered else entries


def test_sos_is_kept_longest_of_the_call_lanes() -> None:
    assert retention.BUDGET_ROWS[Lane.SOS] == max(retention.BUDGET_ROWS[lane] for lane in list(Lane)[:3])
    assert retention.BUDGET_ROWS[Lane.READING] > 100_000  # the backlog of a long outage


def test_old_calls_go_whole_and_their_digests_stay(journal: Journal) -> None:
    for number in range(1, 6):
        journal.append(Lane.SOS, call(number))
    head = journal.head
    assert journal.evict() == 12
    assert numbers(journal) == [4, 5]
    assert len(list(journal.replay())) == 8  # nothing of the three others is left over
    verdict = journal.verify()
    assert verdict.ok
    assert verdict.evicted == 12
    assert (verdict.head_seq, verdict.head_digest) == head


def test_an_open_call_and_an_undelivered_one_are_never_evicted(journal: Journal) -> None:
    journal.append(Lane.SOS, call(1))
    for number in range(2, 9):
        journal.append(Lane.SOS, call(number, delivered=False))
    journal.append(Lane.SOS, call(9))
    assert journal.evict(keep_calls={str(eid(1))}) == 4
    assert numbers(journal) == list(range(1, 9))
    assert journal.evict(keep_calls={str(eid(1))}) == 0


def test_delivered_readings_go_before_waiting_ones(journal: Journal) -> None:
    fill(journal, 0, 15, Lane.READING)
    journal.append(Lane.READING, [stored(13), stored(14)])
    journal.evict()
    assert numbers(journal) == list(range(13))


def test_waiting_readings_go_only_beyond_twice_the_budget_the_oldest_first(journal: Journal) -> None:
    fill(journal, 0, 20, Lane.READING)
    assert journal.evict() == 0
    fill(journal, 20, 5, Lane.READING)
    journal.evict()
    assert numbers(journal) == list(range(5, 25))
    assert journal.verify().ok


def test_an_event_of_an_evicted_row_is_still_folded(journal: Journal) -> None:
    for number in range(1, 6):
        journal.append(Lane.SOS, call(number))
    journal.evict()
    assert journal.append(Lane.SOS, [event(1)]) == [1]
    assert numbers(journal) == [4, 5]


def test_the_oldest_digests_are_dropped_and_the_chain_holds_from_the_anchor(journal: Journal) -> None:
    fill(journal, 0, 40, Lane.READING)
    journal.append(Lane.READING, [stored(number) for number in range(40)])
    head = journal.head
    journal.evict()
    assert retention.drop_stubs(journal._writer, keep=5) > 20
    verdict = journal.verify()
    assert verdict.ok
    assert (verdict.head_seq, verdict.head_digest) == head
    journal._writer.execute("DELETE FROM entries WHERE seq = (SELECT min(seq) FROM entries)")
    assert not journal.verify().ok
