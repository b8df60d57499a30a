"""The made-up month: what is labelled is asked about, and the score would say so if it were not."""

from __future__ import annotations

from collections import Counter

from edge.care.settings import BedExit, CareSection
from sim.life import TROUBLES, month, score

DAYS = 14


def test_the_rules_notice_what_is_labelled_and_ask_seldom_without_a_cause() -> None:
    table = score(month(1, DAYS))
    assert {rule for _, rule in TROUBLES.values()} <= table.keys()
    troubles = Counter(rule for _, rule in TROUBLES.values())
    assert {rule: (row.labels, row.misses) for rule, row in table.items() if row.labels} == {
        rule: (count, 0) for rule, count in troubles.items()
    }
    assert sum(row.false for row in table.values()) <= DAYS, "who is asked daily presses without listening"


def test_the_score_tells_misses_and_false_alarms() -> None:
    deaf = CareSection(bed_exit=BedExit(on=False))
    table = score(month(1, DAYS), deaf)
    assert (table["bed_exit"].hits, table["bed_exit"].misses) == (0, 1)
    hasty = CareSection(bed_exit=BedExit(after_minutes=4))
    assert score(month(1, DAYS), hasty)["bed_exit"].false > 0


def test_a_seed_is_a_month_and_another_is_another() -> None:
    first, again, other = month(3, DAYS), month(3, DAYS), month(4, DAYS)
    assert first.entries == again.entries
    assert first.labels != other.labels
    times = [entry.at.uptime_ms for entry in first.entries]
    assert times == sorted(times)
