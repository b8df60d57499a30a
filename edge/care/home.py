"""What the rules know of a home: a fold of the journal, pure, so that a restart and a replay know the same.

What is known of a sensor is its last state and since when. Time between then and now is monotonic within a
boot; over a boot it is the wall clock's where that was trusted both times (`edge.book.elapsed_ms`).

Public: `Sensor`, `Home`, `Fact`, `Known`, `step`, `fired_before`, `local`, `in_window`,
`ROLES`, `WORN`, `readings_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from edge.book import elapsed_ms
from edge.care.settings import CARE, CareSection
from edge.care.vitals import DAY_MS, Reading, figures_of
from edge.entries import Entry, EventEntry, LocalEntry, SensedEntry, Stamp
from protocols.values import Event, EventId

ON: Final = "on"
OFF: Final = "off"
PRESS: Final = "press"
FAR: Final = "far:"  # and how many metres from home a tracker is at least
SLOT_MS: Final = DAY_MS // 4
OF_SLOT: Final = 3  # readings of a kind that are kept: a glucose sensor must not push the blood pressure out
MOST_SLOTS: Final = 400  # of a person: thirty days of three kinds, four a day
MOST_LOOSE: Final = 64  # of nobody, whose readings may still become somebody's
MOST_CALLS: Final = 16  # whose answers may still come
KEY_SOURCES: Final = ("red", "green", "pendant")

# role -> BTHome's names of the state that it is. A bed or a stove is what an installer says it is.
ROLES: Final[dict[str, tuple[str, ...]]] = {
    "bed": ("occupancy", "presence", "generic", "opening"),
    "motion": ("motion", "occupancy", "presence", "moving", "vibration"),  # an armchair that shakes, a drawer
    "door": ("door", "opening", "garage_door"),
    "stove": ("power", "running", "heat", "gas", "generic"),
    "well": ("generic",),
    "tag": (),  # worn; that it is heard says all
    "tracker": (),
}
WORN: Final = ("tag", "tracker")  # on: at home. Where they are is no sign of life


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor as the seed names it."""

    id: str
    role: str
    elder: str
    room: str


@dataclass(frozen=True, slots=True)
class Home:
    """What is set: people, sensors, rules, time zone."""

    elders: tuple[str, ...]
    sensors: tuple[Sensor, ...]
    care: CareSection = CARE
    offset_minutes: int = 480

    def of(self, elder: str, *roles: str) -> tuple[Sensor, ...]:
        """A person's sensors of these roles."""
        return tuple(s for s in self.sensors if s.elder == elder and s.role in roles)

    def sensor(self, name: str) -> Sensor | None:
        """The sensor of this id."""
        return next((sensor for sensor in self.sensors if sensor.id == name), None)


class Fact(msgspec.Struct, frozen=True):
    """What a sensor last said: the state, since when, and when that was last put into the journal."""

    on: bool
    since: Stamp
    heard: Stamp
    far_m: int | None = None  # of a tracker, where it tells its place


class Measured(NamedTuple):
    """The newest reading of a person: when it arrived, what it was, and its id."""

    at: Stamp
    kind: str
    event_id: EventId
    reading: Reading
    news: bool  # it came on the day on which it was measured


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rules remember. Keys: a sensor's id; an elder's id; (rule, elder)."""

    facts: dict[str, Fact] = {}
    indoor: dict[str, Stamp] = {}  # last sign of life inside the home
    pressed: dict[str, Stamp] = {}  # the key "I am well"
    fired: dict[tuple[str, str], Stamp] = {}
    # By elder ("": nobody's), and by slot and kind of each.
    readings: dict[str, dict[tuple[int, str], tuple[Measured, ...]]] = {}
    newest: dict[str, Measured] = {}
    measured: dict[tuple[str, str], Stamp] = {}  # (kind, elder) -> when last
    calls: dict[EventId, str] = {}  # of rules, with their elders
    blind: dict[str, str] = {}  # "rule:elder" -> cause, as it was told
    started: Stamp | None = None


def step(known: Known, entry: Entry, home: Home) -> Known:
    """Fold one journal entry; what tells nothing of the person changes nothing."""
    if isinstance(entry, SensedEntry):
        sensor = home.sensor(entry.sensor)
        return known if sensor is None else _sensed(known, sensor, entry, home)
    if isinstance(entry, LocalEntry) and entry.name == "answer_yes" and entry.call_id in known.calls:
        return _alive(known, known.calls[entry.call_id], entry.at)
    if isinstance(entry, EventEntry):
        return _event(known, entry, home)
    return known


def _sensed(known: Known, sensor: Sensor, entry: SensedEntry, home: Home) -> Known:
    if sensor.role not in ROLES:  # smoke and the like say nothing of the person; a pulled cord does
        return _alive(known, sensor.elder, entry.at) if entry.what == PRESS else known
    before = known.facts.get(sensor.id)
    if entry.what == PRESS:
        facts = {**known.facts, sensor.id: Fact(True, entry.at, entry.at)}
        known = msgspec.structs.replace(known, facts=facts)
        if sensor.role == "well":
            known = msgspec.structs.replace(known, pressed={**known.pressed, sensor.elder: entry.at})
        return _alive(known, sensor.elder, entry.at)
    far_m = _far(entry.what)
    inside = far_m is not None and far_m < home.care.of(sensor.elder).wandering.radius_m
    on = entry.what == ON or inside
    news = before is None or before.on != on
    fact = Fact(on, entry.at if news or before is None else before.since, entry.at, far_m)
    known = msgspec.structs.replace(known, facts={**known.facts, sensor.id: fact})
    # That motion ends is no sign of life: it comes a minute after whoever moved has left.
    alive = news and (on or before is not None) and not (sensor.role == "motion" and not on)
    return _alive(known, sensor.elder, entry.at) if alive and sensor.role not in ("door", *WORN) else known


def _far(what: str) -> int | None:
    text = what.removeprefix(FAR)
    return int(text) if what.startswith(FAR) and text.isascii() and text.isdigit() and len(text) < 9 else None


def _alive(known: Known, elder: str, at: Stamp) -> Known:
    return msgspec.structs.replace(known, indoor={**known.indoor, elder: at})


def _event(known: Known, entry: EventEntry, home: Home) -> Known:
    event = entry.event
    if event.kind.startswith("reading."):
        return _measured(known, entry, home)
    if event.kind in ("fault.raised", "fault.cleared") and event.data.get("fault") == "rule_blind":
        about, cause = str(event.data.get("about", "")), str(event.data.get("cause", ""))
        blind = {key: value for key, value in known.blind.items() if key != about}
        if event.kind == "fault.raised":
            blind[about] = cause
        return msgspec.structs.replace(known, blind=blind)
    if event.kind == "care.whose":
        return _whose(known, event)
    if event.kind == "care.missed":
        return _fired(known, str(event.data.get("plan", "")), entry)
    if event.kind.startswith("call.") and entry.source in KEY_SOURCES:
        return _alive(known, event.elder, entry.at)
    if event.kind.startswith("call.") and entry.source == "rule" and "rule" in event.data:
        known = _fired(known, str(event.data["rule"]), entry)
        calls = {**known.calls, event.call_id or event.id: event.elder, event.id: event.elder}
        return msgspec.structs.replace(known, calls=dict(list(calls.items())[-MOST_CALLS:]))
    return known


def _fired(known: Known, rule: str, entry: EventEntry) -> Known:
    return msgspec.structs.replace(known, fired={**known.fired, (rule, entry.event.elder): entry.at})


def _measured(known: Known, entry: EventEntry, home: Home) -> Known:
    event = entry.event
    figures = figures_of(event.kind, event.data)
    reading, news = Reading(measured_ms(event), figures), _is_news(entry, home)
    one = Measured(entry.at, event.kind, event.id, reading, news and event.data.get("judged") != "unusable")
    slots = (mine.get(_slot(one), ()) for mine in known.readings.values())
    if any(one.event_id == other.event_id for slot in slots for other in slot):
        return known
    return _owned(known, event.elder, one)


def _owned(known: Known, elder: str, one: Measured) -> Known:
    """A reading is this person's, or nobody's."""
    if elder and one.reading.figures:
        first = known.newest.get(elder)
        if first is None or one.reading.at_ms >= first.reading.at_ms:
            known = msgspec.structs.replace(known, newest={**known.newest, elder: one})
    if elder and one.news:
        measured = {**known.measured, (one.kind, elder): one.at}
        known = _alive(msgspec.structs.replace(known, measured=measured), elder, one.at)
    before = known.readings.get(elder, {})
    slot = before.get(_slot(one), ())
    if len(slot) >= OF_SLOT or (elder and not one.reading.figures):
        return known
    mine = {**before, _slot(one): (*slot, one)}
    if len(mine) > (MOST_SLOTS if elder else MOST_LOOSE):
        del mine[min(mine)]
    return msgspec.structs.replace(known, readings={**known.readings, elder: mine})


def _slot(one: Measured) -> tuple[int, str]:
    return one.reading.at_ms // SLOT_MS, one.kind


def readings_of(known: Known, elder: str) -> list[Reading]:
    """This person's readings, as far as they are kept."""
    return [one.reading for slot in known.readings.get(elder, {}).values() for one in slot]


def _whose(known: Known, event: Event) -> Known:
    """A reading was given to somebody, or taken back."""
    about = str(event.data.get("about", ""))
    for elder, mine in known.readings.items():
        for one in [one for slot in mine.values() for one in slot if str(one.event_id) == about]:
            if elder != event.elder:
                return _owned(_disowned(known, elder, one), event.elder, one)
    return known


def _disowned(known: Known, elder: str, one: Measured) -> Known:
    mine = known.readings[elder]
    mine = {**mine, _slot(one): tuple(other for other in mine[_slot(one)] if other is not one)}
    known = msgspec.structs.replace(known, readings={**known.readings, elder: mine})
    first = known.newest.get(elder)
    if first is None or first.event_id != one.event_id:
        return known
    newest = {name: other for name, other in known.newest.items() if name != elder}
    left = [other for slot in mine.values() for other in slot if other.reading.figures]
    if left:
        newest[elder] = max(left, key=lambda other: other.reading.at_ms)
    return msgspec.structs.replace(known, newest=newest)


def _is_news(entry: EventEntry, home: Home) -> bool:
    """Whether it was measured on the day on which it came, as far as the meter tells."""
    measured = entry.event.data.get("measured_ms")
    if type(measured) is not int or not entry.at.trusted:
        return True
    offset = home.offset_minutes * 60_000
    return (measured + offset) // DAY_MS == (entry.at.wall_ms + offset) // DAY_MS


def measured_ms(event: Event) -> int:
    """When it was measured where that is known, else when it came, in wall ms."""
    measured = event.data.get("measured_ms")
    return measured if type(measured) is int else event.wall_ms


def local(at: Stamp, home: Home) -> tuple[int, float] | None:
    """Day number and minute of the local day; None while the clock cannot be trusted to tell."""
    if not at.trusted:
        return None
    day, ms = divmod(at.wall_ms + home.offset_minutes * 60_000, DAY_MS)
    return day, ms / 60_000


def in_window(minute: float, from_minute: int, to_minute: int) -> bool:
    """Whether a minute of the day is in a window, which may span midnight; equal ends: always."""
    if from_minute == to_minute:
        return True
    if from_minute < to_minute:
        return from_minute <= minute < to_minute
    return minute >= from_minute or minute < to_minute


def window_minutes(passed: float, now_minute: float, from_minute: int, to_minute: int) -> float:
    """How many of the last `passed` minutes lay in the window, seen at this minute of the day."""
    if from_minute == to_minute:
        return passed
    length = (to_minute - from_minute) % 1440

    def until(minute: float) -> float:  # of the window, from its first opening on
        days, of_day = divmod(minute - from_minute, 1440)
        return days * length + min(of_day, length)

    return until(now_minute) - until(now_minute - passed)


def passed_minutes(known: Known, then: Stamp, now: Stamp) -> float:
    """Minutes from then to now."""
    return elapsed_ms(known, then, now) / 60_000


def fired_before(known: Known, rule: str, elder: str, now: Stamp, home: Home, again_minutes: float) -> bool:
    """Whether a rule has had its say: of late, or today where `again_minutes` is 0."""
    at = known.fired.get((rule, elder))
    if at is None:
        return False
    if again_minutes:
        return passed_minutes(known, at, now) < again_minutes
    then, today = local(at, home), local(now, home)
    if then is None or today is None:
        return passed_minutes(known, at, now) < 20 * 60
    return then[0] == today[0]
