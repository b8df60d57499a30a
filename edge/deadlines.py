"""Which deadline of which call is due now, and what becomes of it; a pure function of the book and the time.

A deadline that fires is a journal entry and nothing else: either a `TimerEntry`, or an `OpenEvent` whose
event, once minted, journalled and stepped, is itself the record that it fired. So none fires twice and none
is lost.

| deadline | counted from | then |
|---|---|---|
| a countdown ends | the event that asked | TimerEntry asking.opens |
| delivered, not taken (SOS) | delivery, then the last re-alert | call.updated realert |
| taken, nobody arrived | the taking, then the last report | call.updated not_arrived |
| assistance not taken | 3 min of service hours after delivery | TimerEntry assist.ask, three times |
| nobody answered, or "not all right" | the third question, or at once | call.sos, or call.updated backup |

A hub calls `due` on each tick and after each step, and steps what it made of one answer before it asks again.
Public: `Timing`, `Care`, `OpenEvent`, `Due`, `due`, `next_due_ms`, `in_service`, `service_ms`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from edge.book import Book, Call, Handling, Life, Now, elapsed_ms, open_calls
from edge.config import Config
from edge.entries import Stamp, TimerEntry
from edge.false_falls import ASKED_MS, window_ms
from protocols.values import EventId, Lane

ASKS: Final = 3  # in two minutes: once is missed in the bathroom, more is nagging
RECHECK_MS: Final = 60_000  # outside service hours the end of the waiting is looked for once a minute
DAY_MS: Final = 86_400_000
# Times the base deadline: a seat that did not see two alerts is not helped by a third within the next minute.
NUDGE_GAPS: Final = (1, 1, 2, 3)  # 90 s, 90 s, 3 min, then every 4.5 min


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Deadlines in milliseconds; the defaults are the reviewed ones (ARCHITECTURE "A call")."""

    asking_ms: int = ASKED_MS  # of each question about a fall
    rule_asking_ms: int = 60_000  # what a rule noticed: whoever is asked may be in another room
    help_ms: int = 90_000  # delivered and not taken
    assist_help_ms: int = 180_000  # of service hours
    assist_ask_ms: int = 40_000  # three questions in two minutes
    rereport_ms: int = 900_000  # taken and not arrived


class Care(msgspec.Struct, frozen=True, kw_only=True):
    """What is agreed for one person. Minutes are of the local day; equal ends: service never stops."""

    service_from_minute: int = 480
    service_to_minute: int = 1200
    utc_offset_minutes: int = 480
    not_taken: Literal["sos", "backup"] = "sos"
    # Whether any path to the back-up contact exists; nobody else is told otherwise.
    backup_reachable: bool = False


class OpenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the hub shall mint now, in this call."""

    kind: str
    lane: Lane
    elder: str
    call_id: EventId
    data: dict[str, Any]


Due = TimerEntry | OpenEvent


def due(book: Book, now: Now, timing: Timing, care: Mapping[str, Care]) -> tuple[Due, ...]:
    """What is due now, the oldest call first. `care` is by elder; who has none has the defaults."""
    return tuple(item for left, item in _all(book, now, timing, care) if left <= 0)


def next_due_ms(book: Book, now: Now, timing: Timing, care: Mapping[str, Care]) -> int | None:
    """Milliseconds until `due` has to be asked again, or None while nothing waits."""
    return min((max(0, left) for left, _ in _all(book, now, timing, care)), default=None)


def in_service(now: Now, care: Care) -> bool | None:
    """Whether somebody is there to take an assistance; None while the clock cannot be trusted to tell."""
    if care.service_from_minute == care.service_to_minute:
        return True
    if not now.trusted:
        return None
    return _served_until(now.wall_ms + 1, care) > _served_until(now.wall_ms, care)


def service_ms(book: Book, then: Stamp, now: Now, care: Care) -> int:
    """Milliseconds of service hours from then to now; all of them count where the clock cannot tell.

    Where in doubt it is too many rather than too few: to ask once more does no harm.
    """
    passed = elapsed_ms(book, then, now)
    if care.service_from_minute == care.service_to_minute or not now.trusted:
        return passed
    return min(passed, _served_until(now.wall_ms, care) - _served_until(now.wall_ms - passed, care))


def _served_until(wall_ms: int, care: Care) -> int:
    """Milliseconds of service hours from some day of long ago until this time."""
    local = wall_ms + care.utc_offset_minutes * 60_000
    start, end = care.service_from_minute * 60_000, care.service_to_minute * 60_000
    days, of_day = divmod(local, DAY_MS)
    if start > end:  # over midnight: what is not outside
        outside = days * (start - end) + min(max(of_day - end, 0), start - end)
        return local - outside
    return days * (end - start) + min(max(of_day - start, 0), end - start)


def _all(book: Book, now: Now, timing: Timing, care: Mapping[str, Care]) -> Iterator[tuple[int, Due]]:
    for call in open_calls(book):
        if call.life is Life.ASKING:
            once_ms = timing.rule_asking_ms if call.is_of_a_rule else timing.asking_ms
            left = window_ms(book, call, now, once_ms) - elapsed_ms(book, call.at, now)
            yield left, TimerEntry(at=now, call_id=call.id, name="asking.opens")
        elif call.view.state == (Life.OPEN, Handling.NONE) and call.is_known_in_full:
            yield from _not_taken(book, call, now, timing, care.get(call.elder, Care()))
        elif call.view.state == (Life.OPEN, Handling.TAKEN):
            yield _nudge(book, call, now, timing.rereport_ms, "not_arrived")


def _not_taken(book: Book, call: Call, now: Now, timing: Timing, care: Care) -> Iterator[tuple[int, Due]]:
    """The platform has the call with its full meaning, and nobody has taken it."""
    if call.lane is Lane.SOS or call.backed_up:
        times = call.nudges.times if call.nudges is not None else 0
        gap = timing.help_ms * NUDGE_GAPS[min(times, len(NUDGE_GAPS) - 1)]
        yield _nudge(book, call, now, gap, "realert")
    elif call.answer == "help":
        yield 0, _escalate(call, care)
    elif call.answer == "fine" or call.cancel_asked:
        return
    elif call.asks is None:
        since = call.view.since or call.at
        if in_service(now, care) is False:
            yield RECHECK_MS, _ask(call, now)
        else:
            yield timing.assist_help_ms - service_ms(book, since, now, care), _ask(call, now)
    else:
        left = timing.assist_ask_ms - elapsed_ms(book, call.asks.last, now)
        yield left, _ask(call, now) if call.asks.times < ASKS else _escalate(call, care)


def _nudge(book: Book, call: Call, now: Now, gap_ms: int, change: str) -> tuple[int, OpenEvent]:
    since = call.nudges.last if call.nudges is not None else call.view.since or call.at
    passed = elapsed_ms(book, since, now)
    data = {"change": change, "age_ms": elapsed_ms(book, call.at, now)}
    return gap_ms - passed, OpenEvent(
        kind="call.updated", lane=call.lane, elder=call.elder, call_id=call.id, data=data
    )


def _ask(call: Call, now: Now) -> TimerEntry:
    return TimerEntry(at=now, call_id=call.id, name="assist.ask")


def _escalate(call: Call, care: Care) -> OpenEvent:
    """To the back-up contact if there is a way to one; otherwise it becomes an SOS: somebody has to look."""
    if care.not_taken == "backup" and care.backup_reachable:
        data: dict[str, Any] = {"change": "backup"}
        return OpenEvent(kind="call.updated", lane=call.lane, elder=call.elder, call_id=call.id, data=data)
    data = {"source": "rule", "rule": "assist_not_taken"}
    return OpenEvent(kind="call.sos", lane=Lane.SOS, elder=call.elder, call_id=call.id, data=data)


def timing_of(config: Config) -> Timing:
    """The deadlines of the settings in force."""
    section = config.timing
    return Timing(
        rule_asking_ms=round(config.care.ask_s * 1000),
        help_ms=round(section.help_s * 1000),
        assist_help_ms=round(section.assist_help_s * 1000),
        assist_ask_ms=round(section.assist_ask_s * 1000),
        rereport_ms=round(section.rereport_s * 1000),
    )


def care_of(config: Config) -> dict[str, Care]:
    """Elder -> when there is service, and what becomes of an assistance that nobody takes."""
    return {
        elder.id: Care(
            service_from_minute=elder.service_from_minute,
            service_to_minute=elder.service_to_minute,
            utc_offset_minutes=config.home.utc_offset_minutes,
            not_taken=elder.not_taken,
        )
        for elder in config.elders
    }
