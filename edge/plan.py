"""When which event goes out on which path: a table in the configuration, read by pure functions.

A row says for one lane and one path when the first tries are due (counted from the event), and the gaps
after them (counted from the start of the try before); the last gap repeats for ever. A path that does not
exist in this home (no entry in `health`) yields nothing, whatever the table says. An event from before this
boot has no known age: all its offsets count as due. A path that came back since the last try makes the next
one due at once, unless that try was answered with a refusal, or was handed to a network that brings answers
on its own (SMS): then the gap counts, or every check of the modem would cost a text.

Calls are planned per event, lower lanes per lane: the head of the queue stands for it, and goes out in
batches.

Public: `Row`, `Plan`, `DEFAULT`, `Waiting`, `Tries`, `Action`, `planned`, `actions`, `next_due_ms`,
`spread_ms`, `problems`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from edge.paths.base import PathHealth
from protocols.values import EventId, Lane

S: Final = 1_000
MIN: Final = 60 * S
FOREVER_MS: Final = 60 * S  # DIN VDE V 0825: repeat until acknowledged, in a cycle of at most a minute
HANGS_MS: Final = 60 * S  # a try that has not ended by now no longer holds the next one back
MOST_BATCH: Final = 200  # events of a request: the platform answers within a call's patience
IP: Final = ("coap", "https")


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One path in the plan of one lane, in milliseconds; see the file's docstring.

    `hurry_if_down`: when all of these paths are known to be down (or do not exist), the first try is due at
    0. `most`: tries for one event, 0 = no end.
    """

    path: str
    offsets_ms: tuple[int, ...] = (0,)
    gaps_ms: tuple[int, ...] = (2 * S, 4 * S, 8 * S, 15 * S, 30 * S, FOREVER_MS)
    hurry_if_down: tuple[str, ...] = ()
    most: int = 0


_COAP: Final = Row(path="coap")
_HTTPS: Final = Row(path="https", offsets_ms=(1 * S,), hurry_if_down=("coap",))
_HTTPS_LATE: Final = Row(path="https", offsets_ms=(10 * S,), hurry_if_down=("coap",))
_SMS_GAPS: Final = (5 * MIN, 10 * MIN, 20 * MIN, 40 * MIN, 60 * MIN)
_SMS_OFFSETS: Final = (5 * S, 30 * S, 90 * S, 180 * S)
_SMS_MOST: Final = 30  # a day's outage: 8 in the first 80 minutes, then hourly; more gets a SIM blocked
_RARE: Final = (15 * S, 30 * S, FOREVER_MS)

# ARCHITECTURE "Delivery plan". SMS, voice and family come into force with their paths.
_SOS: Final = (
    _COAP,
    _HTTPS,
    Row(path="sms", offsets_ms=_SMS_OFFSETS, gaps_ms=_SMS_GAPS, hurry_if_down=IP, most=_SMS_MOST),
    Row(path="voice", offsets_ms=(30 * S, 90 * S, 180 * S), gaps_ms=(60 * MIN,)),
    Row(path="family", offsets_ms=(30 * S,), gaps_ms=(10 * MIN,), most=3),
)
_ASSIST: Final = (
    _COAP,
    _HTTPS,
    Row(path="sms", offsets_ms=(60 * S, 180 * S), gaps_ms=_SMS_GAPS, most=_SMS_MOST),
)
_READING: Final = (
    Row(path="coap", gaps_ms=_RARE),
    Row(path="https", gaps_ms=_RARE, hurry_if_down=("coap",)),
)


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delivery plan: the rows of each lane, the size of a batch, how far a reconnect is spread."""

    sos: tuple[Row, ...] = _SOS
    assist: tuple[Row, ...] = _ASSIST
    fault: tuple[Row, ...] = (_COAP, _HTTPS_LATE)
    reading: tuple[Row, ...] = _READING
    telemetry: tuple[Row, ...] = (Row(path="coap", gaps_ms=_RARE),)
    # 100 readings are 5-10 KB: a call that comes just then finds a line of 100 kbit/s free within a second,
    # and a platform that has them stored within 5 ms.
    batch: tuple[int, ...] = (1, 1, 16, 100, 100)
    spread_ms: tuple[int, ...] = (0, 0, 10 * S, 60 * S, 60 * S)

    def rows(self, lane: Lane) -> tuple[Row, ...]:
        """The rows of a lane, in order of preference."""
        return (self.sos, self.assist, self.fault, self.reading, self.telemetry)[lane]


DEFAULT: Final = Plan()


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is owed. `age_ms` is None for one from before this boot."""

    event_id: EventId
    lane: Lane
    age_ms: int | None


class Tries(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried for one event on one path since this process began. Times are monotonic."""

    count: int = 0
    started_ms: int = 0
    in_flight: bool = False
    refused: bool = False  # the last one was answered, authentically, with a refusal
    handed: bool = False  # the last one was given to a network that answers later, or perhaps: it has its gap


class Action(msgspec.Struct, frozen=True, order=True):
    """Send this event on this path at this monotonic time; urgent ones sort first."""

    lane: Lane
    due_ms: int
    path: str
    event_id: EventId


AllTries = Mapping[tuple[EventId, str], Tries]
_NONE: Final = Tries()


def planned(
    plan: Plan, waiting: Waiting, health: Mapping[str, PathHealth], tries: AllTries, now_ms: int
) -> tuple[Action, ...]:
    """The next try of one event on each path, whether due or not."""
    found = []
    for row in plan.rows(waiting.lane):
        known = health.get(row.path)
        if known is not None:
            due_ms = _due_ms(
                row, waiting, known, health, tries.get((waiting.event_id, row.path), _NONE), now_ms
            )
            if due_ms is not None:
                found.append(Action(waiting.lane, due_ms, row.path, waiting.event_id))
    return tuple(found)


def actions(
    plan: Plan, owed: Iterable[Waiting], health: Mapping[str, PathHealth], tries: AllTries, now_ms: int
) -> tuple[Action, ...]:
    """Everything that is due now, the urgent lanes first; within a lane what has been due the longest."""
    every = (action for waiting in owed for action in planned(plan, waiting, health, tries, now_ms))
    return tuple(sorted(action for action in every if action.due_ms <= now_ms))


def next_due_ms(
    plan: Plan, owed: Iterable[Waiting], health: Mapping[str, PathHealth], tries: AllTries, now_ms: int
) -> int | None:
    """The monotonic time of the next action, or None if nothing is owed."""
    every = (action for waiting in owed for action in planned(plan, waiting, health, tries, now_ms))
    return min((action.due_ms for action in every), default=None)


def spread_ms(plan: Plan, lane: Lane, fraction: float) -> int:
    """How long a lane waits after a reconnection; `fraction` is drawn from [0, 1) once for each reconnection.

    A whole town reconnects at once after an outage. Calls never wait.
    """
    return int(plan.spread_ms[lane] * fraction)


def problems(plan: Plan) -> Sequence[str]:
    """What is wrong with a plan as a whole, as sentences; an empty list for one that may be used."""
    found = []
    for lane in Lane:
        for row in plan.rows(lane):
            where = f"plan.{lane.name.lower()}.{row.path}"
            if not row.offsets_ms or not row.gaps_ms or min(row.offsets_ms) < 0 or min(row.gaps_ms) < S:
                found.append(f"{where}: at least one offset from 0 on and one gap of at least {S} ms")
            if list(row.offsets_ms) != sorted(row.offsets_ms):
                found.append(f"{where}.offsets_ms: in rising order")
            if lane <= Lane.ASSIST and row.path in IP and (row.most or _widest_ms(row) > FOREVER_MS):
                found.append(f"{where}: a call is tried for ever, every {FOREVER_MS} ms or oftener")
        at_once = [row for row in plan.rows(lane) if row.path in IP and row.offsets_ms[:1] == (0,)]
        if lane <= Lane.ASSIST and not at_once:
            found.append(f"plan.{lane.name.lower()}: at least one of {', '.join(IP)}, from 0 on")
    if len(plan.batch) != len(Lane) or not all(1 <= size <= MOST_BATCH for size in plan.batch):
        found.append(f"plan.batch: one figure a lane, from 1 to {MOST_BATCH}")
    spread = plan.spread_ms
    if len(spread) != len(Lane) or any(spread[:2]) or not all(0 <= ms <= 10 * MIN for ms in spread):
        found.append(f"plan.spread_ms: one figure a lane, up to {10 * MIN}; calls are never spread")
    return found


def _widest_ms(row: Row) -> int:
    """The longest time between two tries of a row."""
    return max([0, *row.gaps_ms, *(b - a for a, b in itertools.pairwise(row.offsets_ms))])


def _due_ms(
    row: Row,
    waiting: Waiting,
    known: PathHealth,
    health: Mapping[str, PathHealth],
    tried: Tries,
    now_ms: int,
) -> int | None:
    if tried.in_flight and now_ms - tried.started_ms < HANGS_MS:
        return None
    count = tried.count
    if row.most and count >= row.most:
        return None
    began_ms = None if waiting.age_ms is None else now_ms - waiting.age_ms
    if count == 0:
        down = row.hurry_if_down and not any(_good(health, path) for path in row.hurry_if_down)
        return now_ms if began_ms is None else began_ms + (0 if down else row.offsets_ms[0])
    if not (tried.refused or tried.handed) and known.good and known.last_good_ms > tried.started_ms:
        return now_ms
    if count < len(row.offsets_ms):
        spaced = tried.started_ms + row.offsets_ms[count] - row.offsets_ms[count - 1]
        return spaced if began_ms is None else max(spaced, began_ms + row.offsets_ms[count])
    return tried.started_ms + row.gaps_ms[min(count - len(row.offsets_ms), len(row.gaps_ms) - 1)]


def _good(health: Mapping[str, PathHealth], path: str) -> bool:
    return path in health and health[path].good
