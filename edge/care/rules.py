"""The rules of care: what is known of the home and the time, to what each rule says of each person now; pure.

A rule says one of: `off` (set so), `unequipped` (its sensors are not there), `waiting` (they were not heard
since the start), `blind` (a sensor is silent, or no clock tells the hour), `calm`, `said` (it has had its
say), `fires`. Smoke, gas, water and the pull cord stand in `hazards.py`: they ask nobody.

Public: `Rule`, `RULES`, `Verdict`, `look`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from edge.care.home import (
    WORN,
    Home,
    Known,
    Sensor,
    fired_before,
    in_window,
    local,
    passed_minutes,
    readings_of,
    window_minutes,
)
from edge.care.settings import (
    BedExit,
    CareSection,
    DoorOpen,
    LeftAtNight,
    Missed,
    NoMotion,
    NotUp,
    Stove,
    Vitals,
    Wandering,
    WellKey,
)
from edge.care.vitals import judge
from edge.entries import Stamp
from protocols.values import Lane

LATE_MINUTES: Final = 120  # a rule of an hour speaks within this time of it, or not at all that day
NAP_MINUTES: Final = 60  # in bed for less, somebody was up before
FRESH_MINUTES: Final = 30  # an older reading is history: it is marked, and nobody is asked about it
HOLD_MINUTES: Final = 3  # a motion sensor may see whoever goes out until the door is shut

CALM, SAID, OFF, UNEQUIPPED, WAITING, BLIND, FIRES = (
    *("calm", "said", "off", "unequipped", "waiting"),
    *("blind", "fires"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a person. `why`: a sensor's id or "clock" where it is blind or waits.

    `told` fills the sentence of its reason (`edge/care/words.py`); `sensor` is what it has it from.
    """

    rule: str
    elder: str
    state: str
    why: str = ""
    told: tuple[tuple[str, Any], ...] = ()
    sensor: Sensor | None = None


@dataclass(frozen=True, slots=True)
class See:
    """What a rule may look at: one person of one home at one time."""

    known: Known
    now: Stamp
    home: Home
    elder: str

    def sensors(self, *roles: str) -> tuple[Sensor, ...]:
        """This person's sensors of these roles."""
        return self.home.of(self.elder, *roles)

    def minutes(self, then: Stamp) -> float:
        """Minutes from then to now."""
        return passed_minutes(self.known, then, self.now)

    @property
    def minute(self) -> float:
        """Of the local day; only for rules that need the clock, which are asked with a trusted one."""
        there = local(self.now, self.home)
        return there[1] if there is not None else 0.0


Found = tuple[dict[str, Any], Sensor | None] | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row. `kind`: the call (or the event) that it raises, in `lane`; `needs`: roles of which each that a
    home has must be heard, and at least one must be there; `again_minutes`: 0 is once a day.
    """

    name: str
    kind: str
    lane: Lane
    needs: tuple[str, ...]
    clock: bool
    again_minutes: float
    check: Callable[[See, Any], Found]


def _bed_exit(see: See, rule: BedExit) -> Found:
    minute = see.minute
    if not in_window(minute, rule.from_minute, rule.to_minute):
        return None
    for bed in see.sensors("bed"):
        fact = see.known.facts[bed.id]
        out = see.minutes(fact.since)
        at_night = window_minutes(out, minute, rule.from_minute, rule.to_minute)
        if not fact.on and out >= rule.after_minutes and at_night >= out - 1e-6:
            if _seen_since_asked(see, "bed_exit", out, rule.after_minutes):
                continue
            return {"minutes": round(out)}, bed
    return None


def _seen_since_asked(see: See, rule: str, out: float, within: float) -> bool:
    """Whether they were asked while they were out as now, and have been seen, or have answered, of late: who
    sits in the armchair has said so once, and who fell and did not answer has been called about.
    """
    asked, last = see.known.fired.get((rule, see.elder)), see.known.indoor.get(see.elder)
    if asked is None or last is None or see.minutes(asked) >= out:
        return False
    return see.minutes(last) < within


def _not_up(see: See, rule: NotUp) -> Found:
    minute = see.minute
    if not rule.by_minute <= minute < rule.by_minute + LATE_MINUTES:
        return None
    beds = see.sensors("bed")
    for bed in beds:
        fact = see.known.facts[bed.id]
        if fact.on and see.minutes(fact.since) >= NAP_MINUTES:
            return {"by": _clock(rule.by_minute)}, bed
    last = see.known.indoor.get(see.elder)
    if beds or last is None:
        return None
    unseen = see.minutes(last)
    return ({"by": _clock(rule.by_minute)}, None) if unseen >= minute - rule.from_minute else None


def _no_motion(see: See, rule: NoMotion) -> Found:
    facts, last = see.known.facts, see.known.indoor.get(see.elder)
    here = [facts[s.id] for s in see.sensors("motion", "bed")]
    if last is None or any(fact.on for fact in here):
        return None
    if any(not facts[sensor.id].on for sensor in see.sensors(*WORN)):
        return None  # they are out
    still = see.minutes(last)
    for door in see.sensors("door"):
        used = see.minutes(facts[door.id].since)
        if used <= still + HOLD_MINUTES:
            return None  # the door was used, and nobody moved after it: they are out
    by_day = window_minutes(still, see.minute, rule.from_minute, rule.to_minute)
    if by_day < rule.after_minutes or not in_window(see.minute, rule.from_minute, rule.to_minute):
        return None
    return {"hours": round(still / 60, 1)}, None


def _door_open(see: See, rule: DoorOpen) -> Found:
    if not in_window(see.minute, rule.from_minute, rule.to_minute):
        return None
    for door in see.sensors("door"):
        fact = see.known.facts[door.id]
        open_for = see.minutes(fact.since)
        if fact.on and open_for >= rule.after_minutes:
            return {"minutes": round(open_for)}, door
    return None


def _left_at_night(see: See, rule: LeftAtNight) -> Found:
    facts, last = see.known.facts, see.known.indoor.get(see.elder)
    if not in_window(see.minute, rule.from_minute, rule.to_minute):
        return None
    if any(facts[sensor.id].on for sensor in see.sensors("motion", "bed")):
        return None
    for door in see.sensors("door"):
        used = see.minutes(facts[door.id].since)
        at_night = window_minutes(used, see.minute, rule.from_minute, rule.to_minute)
        inside = last is not None and see.minutes(last) < used
        if not facts[door.id].on and not inside and used >= rule.after_minutes and at_night >= used - 1e-6:
            return {"minutes": round(used)}, door
    return None


def _wandering(see: See, rule: Wandering) -> Found:
    facts = see.known.facts
    if any(facts[sensor.id].on for sensor in see.sensors("tag", "bed")):
        return None  # whoever is heard here is here, whatever satellites say
    for tracker in see.sensors("tracker"):
        fact = facts[tracker.id]
        if not fact.on and see.minutes(fact.since) >= rule.after_minutes:
            return {"where": "fence", "minutes": round(see.minutes(fact.since))}, tracker
    for tag in see.sensors("tag"):
        away = see.minutes(facts[tag.id].since)
        if away >= rule.after_minutes and in_window(see.minute, rule.from_minute, rule.to_minute):
            return {"where": "hearing", "minutes": round(away)}, tag
    return None


def _stove(see: See, rule: Stove) -> Found:
    for stove in see.sensors("stove"):
        fact = see.known.facts[stove.id]
        watchers = [s for s in see.sensors("motion") if s.room == stove.room]
        if not fact.on or not watchers or see.minutes(fact.since) < rule.after_minutes:
            continue
        seen = [see.known.facts[s.id] for s in watchers]
        unseen = min(see.minutes(fact.since), *(0 if one.on else see.minutes(one.since) for one in seen))
        limit = (
            rule.after_minutes
            if _elsewhere(see, stove, unseen)
            else max(rule.after_minutes, rule.still_minutes)
        )
        if unseen >= limit:
            return {"minutes": round(see.minutes(fact.since))}, stove
    return None


def _elsewhere(see: See, stove: Sensor, within: float) -> bool:
    """Whether somebody was seen out of the stove's room within so many minutes, or nobody could be."""
    others = [s for s in see.sensors("motion", "bed", "door") if s.room != stove.room]
    facts = [fact for s in others if (fact := see.known.facts.get(s.id)) is not None]
    return not facts or any(see.minutes(fact.since) < within for fact in facts)


def _well_key(see: See, rule: WellKey) -> Found:
    if not rule.by_minute <= see.minute < rule.by_minute + LATE_MINUTES:
        return None
    at = see.known.pressed.get(see.elder)
    if at is not None and see.minutes(at) <= see.minute:
        return None
    return {"by": _clock(rule.by_minute)}, see.sensors("well")[0]


def _vitals(see: See, rule: Vitals) -> Found:
    newest = see.known.newest.get(see.elder)
    if newest is None or see.minutes(newest.at) >= FRESH_MINUTES:
        return None
    if see.now.trusted and see.now.wall_ms - newest.reading.at_ms >= FRESH_MINUTES * 60_000:
        return None
    fired = see.known.fired.get(("vitals", see.elder))
    if fired is not None and see.minutes(fired) <= see.minutes(newest.at):
        return None  # about this very reading
    found = judge(newest.reading, readings_of(see.known, see.elder), rule)
    if found is None or not found.call:
        return None
    return {"figure": found.figure, "value": f"{found.value:g}"}, None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


# What is asked about and not answered may be somebody on the floor: those are calls of the highest lane, by
# night too. The key that was forgotten waits for the hours of service.
RULES: Final = (
    Rule("bed_exit", "call.bed_exit", Lane.SOS, ("bed",), True, 30, _bed_exit),
    Rule("not_up", "call.inactivity", Lane.SOS, ("bed", "motion"), True, 0, _not_up),
    Rule("no_motion", "call.inactivity", Lane.SOS, ("motion",), True, 120, _no_motion),
    Rule("door_open", "call.door", Lane.SOS, ("door",), True, 30, _door_open),
    Rule("left_at_night", "call.door", Lane.SOS, ("door",), True, 60, _left_at_night),
    Rule("wandering", "call.wandering", Lane.SOS, WORN, True, 60, _wandering),
    Rule("stove", "call.stove", Lane.SOS, ("stove", "motion"), False, 15, _stove),
    Rule("well_key", "call.inactivity", Lane.ASSIST, ("well",), True, 0, _well_key),
    Rule("vitals", "call.vitals", Lane.SOS, (), False, 5, _vitals),
)
ALSO_HEARD: Final = {
    "no_motion": ("bed", "door", *WORN),
    "wandering": ("bed",),
    "left_at_night": ("bed", "motion"),
}  # roles that a rule looks at where a home has them


def look(known: Known, now: Stamp, home: Home, silent: frozenset[str] = frozenset()) -> tuple[Verdict, ...]:
    """What every rule says of every person. `silent`: sensors that were not heard for too long."""
    return tuple(verdict for elder in home.elders for verdict in _of(See(known, now, home, elder), silent))


def _of(see: See, silent: frozenset[str]) -> Iterator[Verdict]:
    care = see.home.care.of(see.elder)
    for rule in RULES:
        settings = getattr(care, rule.name)
        yield _verdict(see, rule, settings, silent)
    yield from _missed(see, care)


def _verdict(see: See, rule: Rule, settings: Any, silent: frozenset[str]) -> Verdict:
    if not settings.on:
        return Verdict(rule.name, see.elder, OFF)
    needed = see.sensors(*rule.needs, *ALSO_HEARD.get(rule.name, ()))
    if rule.needs and not _equipped(rule, needed):
        return Verdict(rule.name, see.elder, UNEQUIPPED)
    for sensor in needed:
        if sensor.id in silent and sensor.role != "well":  # a key that nobody presses says nothing
            return Verdict(rule.name, see.elder, BLIND, sensor.id)
    if rule.clock and not see.now.trusted:
        return Verdict(rule.name, see.elder, BLIND, "clock")
    for sensor in needed:
        fact = see.known.facts.get(sensor.id)
        if sensor.role != "well" and (fact is None or fact.heard.boot != see.now.boot):
            return Verdict(rule.name, see.elder, WAITING, sensor.id)
    said = fired_before(see.known, rule.name, see.elder, see.now, see.home, rule.again_minutes)
    found = None if said and not rule.again_minutes else rule.check(see, settings)
    if said and (found is None or not _is_anew(see, rule, found[1])):
        return Verdict(rule.name, see.elder, SAID)
    if found is None:
        return Verdict(rule.name, see.elder, CALM)
    return Verdict(rule.name, see.elder, FIRES, "", tuple(found[0].items()), found[1])


def _is_anew(see: See, rule: Rule, sensor: Sensor | None) -> bool:
    """Whether what a rule has found began after it last spoke: then it is another matter."""
    at = see.known.fired.get((rule.name, see.elder))
    fact = see.known.facts.get(sensor.id) if sensor is not None else None
    return at is not None and fact is not None and see.minutes(fact.since) < see.minutes(at)


def _equipped(rule: Rule, sensors: tuple[Sensor, ...]) -> bool:
    """A stove needs somebody who sees its room; most rules are content with one of their roles."""
    roles = {sensor.role for sensor in sensors}
    if rule.name == "left_at_night":  # who is inside must be seen
        return "door" in roles and bool(roles & {"bed", "motion"})
    return roles >= set(rule.needs) if rule.name == "stove" else bool(roles & set(rule.needs))


def _missed(see: See, care: CareSection) -> Iterator[Verdict]:
    """One verdict for each measurement that is agreed: nobody is called, the platform is told."""
    rule: Missed = care.missed
    for kind in rule.kinds:
        name = f"missed.{kind}"
        if not rule.on:
            yield Verdict(name, see.elder, OFF)
            continue
        if not see.now.trusted:
            yield Verdict(name, see.elder, BLIND, "clock")
            continue
        at = see.known.measured.get((f"reading.{kind}", see.elder))
        late = rule.by_minute <= see.minute < rule.by_minute + LATE_MINUTES
        if fired_before(see.known, name, see.elder, see.now, see.home, 0):
            yield Verdict(name, see.elder, SAID)
        elif late and (at is None or see.minutes(at) > see.minute):
            told = (("kind", kind), ("by", _clock(rule.by_minute)))
            yield Verdict(name, see.elder, FIRES, "", told)
        else:
            yield Verdict(name, see.elder, CALM)
