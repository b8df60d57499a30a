"""Recurrences: a strict part of RFC 5545's RRULE over local days and minutes, in which nothing is endless.

python-dateutil reads the calendar; here stands what it may be asked. Allowed are FREQ (DAILY, WEEKLY,
MONTHLY), INTERVAL, BYDAY (in MONTHLY with a number: 1MO, -1FR), BYMONTHDAY, BYHOUR, BYMINUTE, COUNT, UNTIL
(local, a Z at its end is passed over) and WKST=MO. Everything else is refused by its name, and so is what
would have dateutil search for a day that never comes (`_problem`). It is begun near the days that are asked
for, and never at a start of long ago. A start that does not fit the rule is no occurrence. Times are naive
datetimes, local in the home. dateutil is imported with the first question.

Public: `Recurrence`, `parse`, `start_of`, `between`.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import MAXYEAR, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from protocols.errors import AnbanError, Reason

if TYPE_CHECKING:
    from dateutil.rrule import rrule

MAX_TEXT: Final = 200
MAX_COUNT: Final = 1_000
MAX_DAYS: Final = 3_700  # that a COUNT is followed: ten years
MOST_DAYS: Final = 62  # of one question
MOST_TIMES: Final = 24  # of one day
BLOCK: Final = 8  # days that are asked of dateutil at once, and remembered
FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY")
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY: Final = re.compile(r"(-?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_START: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
_UNTIL: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule read. `days`: (number, weekday), number 0 for every one; None: at its start alone."""

    frequency: str | None
    interval: int = 1
    days: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    count: int | None = None
    until: datetime | None = None


ONCE: Final = Recurrence(None)


def start_of(text: str) -> datetime:
    """2026-11-22T08:00, with seconds if one likes. AnbanError(BAD_VALUE)."""
    found = _START.fullmatch(text)
    try:
        if found is not None:
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
            return datetime(year, month, day, hour, minute, second)
    except ValueError:
        pass
    raise _bad(f"start {text[:32]!r}", "Write it as 2026-11-22T08:00, in the home's local time.")


def parse(text: str, start: datetime) -> Recurrence:
    """A rule with its start; "" is once. COUNT becomes the end that it means. AnbanError(BAD_VALUE)."""
    if not text:
        return ONCE
    if len(text) > MAX_TEXT:
        raise _bad(f"{len(text)} characters", f"Allowed are {MAX_TEXT}.")
    parts: dict[str, str] = {}
    for part in text.removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or name in parts:
            raise _bad(f"{part[:32]!r}", "Each part is NAME=VALUE and stands there once.")
        parts[name] = value
    rule = _read(parts)
    return replace(rule, until=_end(rule, start), count=None) if rule.count is not None else rule


def between(rule: Recurrence, start: datetime, after: datetime, until: datetime) -> list[datetime]:
    """Occurrences later than `after` and not later than `until`, in order; of the last MOST_DAYS of that."""
    if rule.frequency is None:
        return [start] if after < start <= until else []
    if until < start:
        return []
    first = max(start.date(), after.date(), until.date() - timedelta(days=MOST_DAYS))
    blocks = range(first.toordinal() // BLOCK, until.toordinal() // BLOCK + 1)
    return [at for block in blocks for at in _block(rule, start, block) if after < at <= until]


@functools.lru_cache(maxsize=256)  # two of each of a hundred prompts: they are looked at twice a second
def _block(rule: Recurrence, start: datetime, number: int) -> tuple[datetime, ...]:
    """Occurrences of BLOCK days; days are counted as `date.toordinal` does."""
    first = date.fromordinal(max(1, number * BLOCK))
    last = date.fromordinal(min(number * BLOCK + BLOCK - 1, date.max.toordinal()))
    end = datetime.combine(last, time.max)
    return tuple(_from(rule, start, first, end if rule.until is None else min(end, rule.until)))


def _from(rule: Recurrence, start: datetime, first: date, end: datetime) -> Iterator[datetime]:
    """Occurrences from that day on, in order."""
    begin = datetime.combine(first, time.min)
    return (at for at in _asked(rule, start, first, end) if at >= start and at >= begin)


def _asked(rule: Recurrence, start: datetime, first: date, end: datetime) -> rrule:
    """dateutil's rule, begun at its last whole step before `first`; whatever it would take from its start is
    said."""
    from dateutil import rrule as lib

    days = rule.days
    if rule.frequency == "WEEKLY" and not days:
        days = ((0, start.weekday()),)
    if any(number for number, _ in days):  # dateutil would want a day that is both numbered and plain
        days = tuple((n, day) for number, day in days for n in ((number,) if number else range(1, 6)))
    month_days = rule.month_days
    if rule.frequency == "MONTHLY" and not days and not month_days:
        month_days = (start.day,)
    weekdays = [lib.weekdays[day](number) if number else lib.weekdays[day] for number, day in days]
    return lib.rrule(
        getattr(lib, rule.frequency or ""),
        dtstart=datetime.combine(_step_before(rule, start.date(), first), time.min),
        interval=rule.interval,
        wkst=lib.MO,
        until=end,
        byweekday=weekdays or None,
        bymonthday=month_days or None,
        byhour=rule.hours or (start.hour,),
        byminute=rule.minutes or (start.minute,),
        bysecond=(start.second,),
    )


def _step_before(rule: Recurrence, start: date, first: date) -> date:
    """The day, Monday or first of a month at which the last step of the rule before `first` begins."""
    first = max(start, first)
    if rule.frequency == "DAILY":
        days = (first - start).days
        return first - timedelta(days=days % rule.interval)
    if rule.frequency == "WEEKLY":
        monday, there = (day - timedelta(days=day.weekday()) for day in (start, first))
        return there - timedelta(days=(there - monday).days % (7 * rule.interval))
    months = (first.year - start.year) * 12 + first.month - start.month
    year, month = divmod(first.year * 12 + first.month - 1 - months % rule.interval, 12)
    return date(year, month + 1, 1)


def _read(parts: dict[str, str]) -> Recurrence:
    unknown = parts.keys() - {
        *("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYHOUR", "BYMINUTE", "COUNT", "UNTIL", "WKST")
    }
    if unknown:
        raise _bad(f"{min(unknown)[:32]!r}", "It is not in the part of RFC 5545 that is read here.")
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        raise _bad(f"FREQ={frequency[:32]!r}", f"Allowed is one of {', '.join(FREQUENCIES)}.")
    if parts.get("WKST", "MO") != "MO" or ("COUNT" in parts and "UNTIL" in parts):
        raise _bad("WKST, or COUNT beside UNTIL", "Weeks begin on Monday; there is one end.")
    days = tuple(_weekday(text, frequency) for text in parts["BYDAY"].split(",")) if "BYDAY" in parts else ()
    if frequency == "WEEKLY" and "BYMONTHDAY" in parts:
        raise _bad("BYMONTHDAY in a weekly rule", "RFC 5545, 3.3.10.")
    rule = Recurrence(
        frequency,
        _number("INTERVAL", parts.get("INTERVAL", "1"), 1, 1_000),
        days,
        tuple(_number("BYMONTHDAY", text, -31, 31) for text in _listed(parts, "BYMONTHDAY")),
        tuple(sorted({_number("BYHOUR", text, 0, 23) for text in _listed(parts, "BYHOUR")})),
        tuple(sorted({_number("BYMINUTE", text, 0, 59) for text in _listed(parts, "BYMINUTE")})),
        _number("COUNT", parts["COUNT"], 1, MAX_COUNT) if "COUNT" in parts else None,
        _until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )
    if 0 in rule.month_days or max(1, len(rule.hours)) * max(1, len(rule.minutes)) > MOST_TIMES:
        raise _bad("BYMONTHDAY=0, or too many times a day", f"Allowed are {MOST_TIMES} times a day.")
    if problem := _problem(rule):
        raise _bad("a rule whose day may never come", problem)
    return rule


def _problem(rule: Recurrence) -> str:
    """What may have no occurrence within centuries: dateutil would search to the end of its calendar.

    Without these, a week of every WEEKLY, a day within some years of every DAILY, and a step of every MONTHLY
    rule is an occurrence; steps of many months come to the year 9999 soon.
    """
    numbered = any(number for number, _ in rule.days)
    if rule.frequency == "DAILY" and rule.interval > 1 and (rule.days or rule.month_days):
        return "Write it without INTERVAL, or without BYDAY and BYMONTHDAY."
    if numbered and rule.month_days:
        return "Write a numbered BYDAY or BYMONTHDAY, not both."
    if rule.frequency == "MONTHLY" and rule.interval % 12 == 0:  # always the same month
        rare = all(abs(day) > 28 for day in rule.month_days) and rule.month_days
        if rare or (numbered and all(abs(number) > 4 for number, _ in rule.days)):
            return "Of one month of the year only the days 1 to 28 and the weekdays 1 to 4 are sure to come."
    return ""


def _listed(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _weekday(text: str, frequency: str) -> tuple[int, int]:
    found = _DAY.fullmatch(text)
    if found is None or (found[1] and frequency != "MONTHLY"):
        raise _bad(
            f"BYDAY={text[:32]!r}", "Allowed are MO to SU, in MONTHLY with a number such as 1MO or -1FR."
        )
    return int(found[1] or 0), WEEKDAYS.index(found[2])


def _number(name: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,4}", text, re.ASCII) or not least <= int(text) <= most:
        raise _bad(f"{name}={text[:32]!r}", f"Allowed is a number from {least} to {most}.")
    return int(text)


def _until(text: str) -> datetime:
    found = _UNTIL.fullmatch(text)
    try:
        if found is not None:
            last = ("23", "59", "59") if found[4] is None else found.groups()[3:]
            year, month, day, hour, minute, second = map(int, (*found.groups()[:3], *last))
            return datetime(year, month, day, hour, minute, second)
    except ValueError:
        pass
    raise _bad(f"UNTIL={text[:32]!r}", "Write it as 20261122 or 20261122T235959.")


def _end(rule: Recurrence, start: datetime) -> datetime:
    """When a rule with COUNT ends: its last occurrence, or its start if it has none within ten years."""
    if start.date() > date(MAXYEAR, 12, 31) - timedelta(days=MAX_DAYS):
        return start
    found = _from(rule, start, start.date(), start + timedelta(days=MAX_DAYS))
    return max(itertools.islice(found, rule.count), default=start)


def _bad(what: str, remedy: str) -> AnbanError:
    return AnbanError(Reason.BAD_VALUE, f"no recurrence: {what}", remedy)
