"""Recurrences: a strict part of RFC 5545's RRULE over local days and minutes, in which nothing is endless.

Read are FREQ (DAILY, WEEKLY, MONTHLY), INTERVAL, BYDAY (in MONTHLY with a number: 1MO, -1FR), BYMONTHDAY,
BYHOUR, BYMINUTE, COUNT, UNTIL (local, a Z at its end is passed over) and WKST=MO. Everything else is
refused by its name. A start that does not fit the rule is no occurrence. Times are naive datetimes,
local in the home.

Public: `Recurrence`, `parse`, `start_of`, `between`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from protocols.errors import AnbanError, Reason

MAX_TEXT: Final = 200
MAX_COUNT: Final = 1_000
MAX_DAYS: Final = 3_700  # that a COUNT is followed: ten years
MOST_DAYS: Final = 62  # of one question
MOST_TIMES: Final = 24  # of one day
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
    found = _from(rule, start, first, (until.date() - first).days + 1)
    return [at for at in found if after < at <= until]


def _from(rule: Recurrence, start: datetime, first: date, days: int) -> Iterator[datetime]:
    for number in range(days):
        if first.toordinal() + number > date.max.toordinal():
            return
        day = first + timedelta(days=number)
        if not _is_day(rule, start.date(), day):
            continue
        for moment in _times(rule, start):
            at = datetime.combine(day, moment)
            if at >= start and (rule.until is None or at <= rule.until):
                yield at


def _is_day(rule: Recurrence, start: date, day: date) -> bool:
    """Whether a day is one of the rule's, whatever the hour."""
    if (
        rule.month_days
        and day.day not in rule.month_days
        and day.day - _length(day) - 1 not in rule.month_days
    ):
        return False
    if rule.frequency == "DAILY":
        return (day - start).days % rule.interval == 0 and _weekday_fits(rule, day)
    if rule.frequency == "WEEKLY":
        weeks = ((day - timedelta(days=day.weekday())) - (start - timedelta(days=start.weekday()))).days // 7
        fits = _weekday_fits(rule, day) if rule.days else day.weekday() == start.weekday()
        return weeks % rule.interval == 0 and fits
    months = (day.year - start.year) * 12 + day.month - start.month
    fits = _weekday_fits(rule, day) and (bool(rule.days or rule.month_days) or day.day == start.day)
    return months % rule.interval == 0 and fits


def _weekday_fits(rule: Recurrence, day: date) -> bool:
    if not rule.days:
        return True
    numbers = (0, (day.day - 1) // 7 + 1, -((_length(day) - day.day) // 7 + 1))
    return any(weekday == day.weekday() and number in numbers for number, weekday in rule.days)


def _length(day: date) -> int:
    """Days of the month."""
    after = date(day.year + day.month // 12, day.month % 12 + 1, 1) if day.year < 9999 else date.max
    return (after - timedelta(days=1)).day if day.year < 9999 else 31


def _times(rule: Recurrence, start: datetime) -> list[time]:
    hours, minutes = rule.hours or (start.hour,), rule.minutes or (start.minute,)
    return [time(hour, minute, start.second) for hour in hours for minute in minutes]


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
    return rule


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
    last = start
    for number, at in enumerate(_from(rule, start, start.date(), MAX_DAYS), 1):
        last = at
        if number == rule.count:
            break
    return last


def _bad(what: str, remedy: str) -> AnbanError:
    return AnbanError(Reason.BAD_VALUE, f"no recurrence: {what}", remedy)
