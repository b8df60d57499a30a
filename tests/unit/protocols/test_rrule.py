"""Recurrences as RFC 5545 means them, and nothing endless, whatever somebody writes."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import Any
from unittest import mock

import pytest
from dateutil import rrule as lib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols.errors import AnbanError, Reason
from protocols.rrule import MAX_DAYS, MOST_DAYS, WEEKDAYS, Recurrence, _block, between, parse, start_of

MOST_SEARCHED = 5_000  # days, weeks or months of one question: some ms
START = datetime(1997, 9, 2, 9, 0)  # a Tuesday: the examples of RFC 5545, 3.8.5.3


def days(rule: str, until: datetime, start: datetime = START) -> list[str]:
    """Occurrences up to a day, month by month, as "9-2"."""
    read, found, after = parse(rule, start), [], start - timedelta(seconds=1)
    while after < until:
        step = min(until, after + timedelta(days=MOST_DAYS))
        found += between(read, start, after, step)
        after = step
    return [f"{at.month}-{at.day}" for at in found]


def test_daily_for_ten_occurrences() -> None:
    assert days("FREQ=DAILY;COUNT=10", datetime(1998, 1, 1)) == [f"9-{n}" for n in range(2, 12)]


def test_daily_until_christmas_eve() -> None:
    found = days("FREQ=DAILY;UNTIL=19971224T000000Z", datetime(1998, 2, 1))
    assert (len(found), found[0], found[-1]) == (113, "9-2", "12-23")


def test_every_ten_days_five_occurrences() -> None:
    assert days("FREQ=DAILY;INTERVAL=10;COUNT=5", datetime(1998, 1, 1)) == [
        *("9-2", "9-12", "9-22", "10-2", "10-12")
    ]


def test_every_other_week_on_tuesday_and_thursday() -> None:
    found = days("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=MO;BYDAY=TU,TH", datetime(1998, 1, 1))
    assert found == ["9-2", "9-4", "9-16", "9-18", "9-30", "10-2", "10-14", "10-16"]


def test_the_first_friday_and_the_last_monday_but_one_of_the_month() -> None:
    friday = days("FREQ=MONTHLY;COUNT=4;BYDAY=1FR", datetime(1998, 6, 1), datetime(1997, 9, 5, 9))
    assert friday == ["9-5", "10-3", "11-7", "12-5"]
    monday = days("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", datetime(1998, 6, 1), datetime(1997, 9, 22, 9))
    assert monday == ["9-22", "10-20", "11-17", "12-22", "1-19", "2-16"]


def test_the_third_to_the_last_day_and_friday_the_thirteenth() -> None:
    third = days("FREQ=MONTHLY;BYMONTHDAY=-3", datetime(1998, 2, 27), datetime(1997, 9, 28, 9))
    assert third == ["9-28", "10-29", "11-28", "12-29", "1-29", "2-26"]
    friday = days("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", datetime(1998, 12, 1))
    assert friday == ["2-13", "3-13", "11-13"]


def test_the_thirty_first_is_only_in_months_that_have_one() -> None:
    assert days("FREQ=MONTHLY;COUNT=3", datetime(1998, 6, 1), datetime(1997, 12, 31, 9)) == [
        *("12-31", "1-31", "3-31")
    ]


def test_three_times_a_day() -> None:
    rule = parse("FREQ=DAILY;BYHOUR=8,12,20;BYMINUTE=30", START)
    found = between(rule, START, START, START + timedelta(days=1))
    assert [at.strftime("%d %H:%M") for at in found] == ["02 12:30", "02 20:30", "03 08:30"]


def test_without_a_rule_it_is_once() -> None:
    rule = parse("", START)
    assert between(rule, START, START - timedelta(days=1), START) == [START]
    assert between(rule, START, START, START + timedelta(days=400)) == []


@pytest.mark.parametrize(
    "text",
    [
        *("FREQ=SECONDLY", "FREQ=HOURLY", "FREQ=YEARLY", "FREQ=DAILY;BYSETPOS=1", "FREQ=DAILY;FREQ=DAILY"),
        *("FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=2;UNTIL=20260101", "FREQ=DAILY;INTERVAL=0", "INTERVAL=2"),
        *("FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=6MO", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=DAILY;"),
        *("FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=DAILY;UNTIL=20261399", "FREQ=DAILY;BYHOUR=24", "FREQ=daily"),
        *("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "FREQ=DAILY;INTERVAL=2;BYMONTHDAY=1"),  # never, or hardly ever
        *("FREQ=MONTHLY;BYDAY=2MO;BYMONTHDAY=1", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30,31"),
        *("FREQ=MONTHLY;INTERVAL=24;BYDAY=5MO", "FREQ=MINUTELY;COUNT=1000"),
        *("FREQ=DAILY;WKST=SU", "FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(60))), "FREQ=DAILY" * 30),
    ],
)
def test_what_is_not_read_is_refused(text: str) -> None:
    with pytest.raises(AnbanError) as caught:
        parse(text, START)
    assert caught.value.reason is Reason.BAD_VALUE


def test_a_start_is_a_local_time() -> None:
    assert start_of("2026-11-22T08:05") == datetime(2026, 11, 22, 8, 5)
    for text in ("2026-11-22", "2026-13-01T08:00", "2026-11-22T08:00Z", "٢026-11-22T08:00", ""):
        with pytest.raises(AnbanError):
            start_of(text)


def listed(values: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=3).map(lambda row: ",".join(map(str, row)))


numbers = st.sampled_from(["", "", 1, 2, 4, 5, -1, -5])
days_of_week = st.builds(lambda number, day: f"{number}{day}", numbers, st.sampled_from(WEEKDAYS))
parts = st.one_of(
    st.integers(1, 1000).map(lambda n: f"INTERVAL={n}"),
    st.sampled_from(["INTERVAL=1", "INTERVAL=2", "INTERVAL=6", "INTERVAL=12", "COUNT=1000", "COUNT=7"]),
    listed(days_of_week).map(lambda text: f"BYDAY={text}"),
    listed(st.integers(-31, 31)).map(lambda text: f"BYMONTHDAY={text}"),
    listed(st.integers(0, 23)).map(lambda text: f"BYHOUR={text}"),
    st.sampled_from(["BYMINUTE=59", "UNTIL=99991231", "UNTIL=20301231", "WKST=MO"]),
)
rules = st.builds(
    lambda frequency, more: ";".join((f"FREQ={frequency}", *more)),
    st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "SECONDLY")),
    st.lists(parts, max_size=4, unique_by=lambda part: part.partition("=")[0]),
)


def length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def is_day(rule: Recurrence, start: date, day: date) -> bool:
    """RFC 5545 read day by day, as nobody would do it who has a library."""
    monthly = rule.frequency == "MONTHLY"
    month_days = rule.month_days or ((start.day,) if monthly and not rule.days else ())
    if month_days and day.day not in month_days and day.day - length(day) - 1 not in month_days:
        return False
    of_month = (0, (day.day - 1) // 7 + 1, -((length(day) - day.day) // 7 + 1))
    weekdays = rule.days or (((0, start.weekday()),) if rule.frequency == "WEEKLY" else ())
    if weekdays and not any(day.weekday() == d and number in of_month for number, d in weekdays):
        return False
    if monthly:
        steps = (day.year - start.year) * 12 + day.month - start.month
    elif rule.frequency == "WEEKLY":
        steps = (day.toordinal() - day.weekday() - start.toordinal() + start.weekday()) // 7
    else:
        steps = (day - start).days
    return steps % rule.interval == 0


@given(
    rules,
    st.datetimes(datetime(1999, 1, 1), datetime(2032, 1, 1)),
    st.datetimes(datetime(2026, 1, 1), datetime(2032, 1, 1)),
)
@settings(deadline=None)
def test_a_rule_means_what_it_means_read_day_by_day(text: str, start: datetime, until: datetime) -> None:
    start = start.replace(microsecond=0)
    try:
        rule = parse(text, start)
    except AnbanError:
        return
    after, found = until - timedelta(days=40), []
    for number in range(42):
        day = (after + timedelta(days=number)).date()
        hours, minutes = rule.hours or (start.hour,), rule.minutes or (start.minute,)
        if day >= start.date() and is_day(rule, start.date(), day):
            found += [datetime.combine(day, time(h, m, start.second)) for h in hours for m in minutes]
    last = rule.until or datetime.max
    assert between(rule, start, after, until) == [
        at for at in found if after < at <= until and start <= at <= last
    ]


@given(
    rules | st.text(max_size=40),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
)
@example("FREQ=MONTHLY;INTERVAL=6;BYMONTHDAY=31;BYDAY=MO", datetime(2026, 2, 1), datetime(2026, 9, 1))
@example("FREQ=DAILY;BYMONTHDAY=31;BYDAY=MO", datetime(1, 1, 1), datetime(2026, 9, 1))
@example("FREQ=MONTHLY;INTERVAL=1000;BYMONTHDAY=31;BYDAY=MO", datetime(2026, 2, 1), datetime(2026, 9, 1))
@example("FREQ=MONTHLY;BYDAY=MO,1FR", datetime(2026, 2, 1), datetime(2026, 9, 1))
@settings(deadline=None)
def test_whatever_is_written_ends_soon_in_order_and_within_what_was_asked(
    text: str, start: datetime, until: datetime
) -> None:
    """Soon is counted in the days, weeks and months that dateutil opens, not in this machine's seconds."""
    opened = 0

    def counting(name: str) -> Any:
        whole = getattr(lib._iterinfo, name)

        def open_set(*args: Any) -> Any:
            nonlocal opened
            opened += 1
            return whole(*args)

        return mock.patch.object(lib._iterinfo, name, open_set)

    _block.cache_clear()
    with counting("ddayset"), counting("wdayset"), counting("mdayset"):
        try:
            rule = parse(text, start)
        except AnbanError:
            return
        after = until - timedelta(days=2) if until > datetime(1, 1, 4) else datetime(1, 1, 1)
        parsed, opened = opened, 0
        found = between(rule, start, after, until)
    assert parsed <= MAX_DAYS + MOST_SEARCHED
    assert opened <= 2 * MOST_SEARCHED
    assert found == sorted(set(found))
    assert all(after < at <= until and at >= start for at in found)
