"""A made-up month of somebody who lives alone, with what a rule should notice marked by hand, and the score.

The days are drawn from a seed: nights with visits to the bathroom, meals, naps, errands, visitors. Into some
of them something happens that somebody ought to ask about; those are the labels. They are written down as the
day is made, by what happens to the person, and know nothing of the rules. What merely looks odd (a bad night
in the armchair, a long afternoon before the television) has no label: what fires then is a false alarm.

The rules are the hub's own, played over the journal's entries as `anban hub rules replay` does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from edge.care.home import Home, Sensor
from edge.care.replay import replay
from edge.care.settings import CareSection
from edge.entries import Entry, EventEntry, SensedEntry, Stamp
from protocols.values import Event, EventId, Lane

MINUTE_MS: Final = 60_000
DAY_MIN: Final = 24 * 60
EPOCH_MS: Final = 20_500 * 86_400_000  # some midnight of a home at UTC
ELDER: Final = "e-chen"
SENSORS: Final = (
    Sensor("bed-01", "bed", ELDER, "bedroom"),
    Sensor("motion-01", "motion", ELDER, "living"),
    Sensor("motion-02", "motion", ELDER, "kitchen"),
    Sensor("door-01", "door", ELDER, "hall"),
    Sensor("stove-01", "stove", ELDER, "kitchen"),
    Sensor("well-01", "well", ELDER, "living"),
    Sensor("tag-01", "tag", ELDER, "hall"),
    Sensor("tracker-01", "tracker", ELDER, "hall"),
)
BEGINS: Final = {"bed": "on", "tag": "on", "tracker": "far:0"}  # the others: off
UNHEARD: Final = 2.0  # minutes until a tag that left counts as away
HOLD: Final = 1.0  # minutes that a motion sensor holds on
SEEN: Final = 0.85  # of movements that a motion sensor sees
# What may happen, how often in a month, and the rule that ought to ask.
TROUBLES: Final = {
    "falls at night": (2, "bed_exit"),
    "stays in bed, ill": (2, "not_up"),
    "collapses by day": (2, "no_motion"),
    "leaves the door open at night": (2, "door_open"),
    "forgets the stove": (2, "stove"),
    "falls while cooking": (1, "stove"),
    "wanders off at night": (1, "wandering"),
    "strays by day": (1, "wandering"),
    "forgets the key": (2, "well_key"),
    "measures a crisis": (2, "vitals"),
}
ODD: Final = (
    *("sits up at night", "sleeps long", "watches television", "visitor at night", "goes out late"),
    *("puts the bin out at night", "tracker drifts"),
)


@dataclass(frozen=True)
class Label:
    """What somebody ought to ask about: the rule, and the minutes within which that is of use."""

    rule: str
    begin: float
    end: float
    what: str


@dataclass
class Month:
    """Entries as the hub's journal would have them, and the labels."""

    entries: list[Entry] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    days: int = 0

    def minute_of(self, at: Stamp) -> float:
        """Minutes since the month began."""
        return (at.wall_ms - EPOCH_MS) / MINUTE_MS


class _Writer:
    """Writes one day after the other; minutes count from the month's first midnight."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.month = dice, Month()
        self.rows: list[tuple[float, str, str]] = []
        self.readings: list[tuple[float, float]] = []
        self.up: float = 0.0  # since when out of bed, in the day that is being made

    def says(self, minute: float, sensor: str, what: str) -> None:
        self.rows.append((minute, sensor, what))

    def moves(self, minute: float, sensor: str = "motion-01") -> None:
        if self.dice.random() < SEEN:
            self.says(minute, sensor, "on")
            self.says(minute + HOLD, sensor, "off")

    def about(self, begin: float, end: float, every: float = 12.0, sensor: str = "motion-01") -> None:
        """Somebody goes about in a room."""
        minute = begin + self.dice.uniform(0, 3)
        while minute < end:
            self.moves(minute, sensor)
            minute += self.dice.expovariate(1 / every) + HOLD + 0.1

    def label(self, rule: str, begin: float, end: float, what: str) -> None:
        self.month.labels.append(Label(rule, begin, end, what))


def month(seed: int, days: int = 30) -> Month:
    """A month of that seed: the same for the same seed."""
    dice = random.Random(f"life {seed}")
    writer = _Writer(dice)
    plan: dict[int, str] = {}
    free = list(range(2, days))
    dice.shuffle(free)
    for what, (count, _) in TROUBLES.items():
        for _ in range(min(count * days // 30 or 1, len(free))):
            plan[free.pop()] = what
    for day in range(days):
        odd = dice.choice(ODD) if dice.random() < 0.3 else ""
        _day(writer, day, plan.get(day, odd))
    writer.month.days = days
    writer.month.entries = list(_entries(writer))
    return writer.month


def _day(writer: _Writer, day: int, event: str) -> None:
    """One day from midnight to midnight; `event` is what happens in it."""
    dice, start = writer.dice, day * DAY_MIN
    rises = start + 400 + dice.gauss(0, 25)
    if event == "sleeps long":
        rises = start + 575 + dice.uniform(0, 15)
    _night(writer, start, event)
    if event == "stays in bed, ill":
        rises = start + 12 * 60 + dice.uniform(30, 120)
        writer.label("not_up", start + 10 * 60, start + 11 * 60, event)
    if event in ("falls at night", "wanders off at night"):
        rises = start + 6 * 60 + 40  # when the neighbour comes, and helps
    else:
        writer.says(rises, "bed-01", "off")
    _morning(writer, start, rises, event)
    _afternoon(writer, start, max(rises, start + 12 * 60), event)
    _evening(writer, start, event)


def _night(writer: _Writer, start: float, event: str) -> None:
    """From midnight: in bed, with visits to the bathroom."""
    dice = writer.dice
    for _ in range(dice.choice((0, 1, 1, 2))):
        out = start + dice.uniform(30, 4.2 * 60)
        back = out + dice.triangular(4, 20, 8)
        if event not in ("falls at night", "sits up at night", "wanders off at night"):
            writer.says(out, "bed-01", "off")
            writer.says(back, "bed-01", "on")
    if event == "falls at night":
        out = start + dice.uniform(60, 4 * 60)
        writer.says(out, "bed-01", "off")
        writer.label("bed_exit", out + 15, out + 45, event)
    elif event == "wanders off at night":
        _wanders(writer, start + dice.uniform(60, 4 * 60), start + 6 * 60 + 40)
    elif event == "sits up at night":
        out = start + dice.uniform(60, 3 * 60)
        writer.says(out, "bed-01", "off")
        writer.about(out + 1, out + 50, 9)
        writer.says(out + dice.uniform(50, 60), "bed-01", "on")


def _wanders(writer: _Writer, out: float, home: float) -> None:
    """Out of bed and of the door at night, until somebody brings them home."""
    writer.says(out, "bed-01", "off")
    writer.moves(out + 1.5)
    writer.says(out + 3, "door-01", "on")
    writer.says(out + 3.5, "door-01", "off")
    writer.says(out + 3 + UNHEARD, "tag-01", "off")
    for minute, metres in ((8, 200), (14, 600), (25, 1_300), (60, 1_500)):
        writer.says(out + minute, "tracker-01", f"far:{metres}")
    writer.label("wandering", out + 10, out + 40, "wanders off at night")
    _comes_home(writer, home)


def _comes_home(writer: _Writer, minute: float) -> None:
    writer.says(minute - 2, "tracker-01", "far:0")
    writer.says(minute, "door-01", "on")
    writer.says(minute, "tag-01", "on")
    writer.says(minute + 0.4, "door-01", "off")
    writer.moves(minute + 0.6)


def _morning(writer: _Writer, start: float, rises: float, event: str) -> None:
    dice, noon = writer.dice, start + 11 * 60 + 50
    if event == "collapses by day":
        falls = rises + dice.uniform(60, 150)
        writer.about(rises, falls, 8)
        writer.says(min(rises + 40, falls), "well-01", "press")
        writer.label("no_motion", falls + 4 * 60, falls + 8 * 60, event)
        return
    writer.about(rises, noon, 9)
    if rises < start + 10 * 60 and event != "forgets the key":
        writer.says(min(rises + dice.uniform(10, 60), start + 598), "well-01", "press")
    if event == "forgets the key":
        writer.label("well_key", start + 10 * 60, start + 11 * 60, event)
    if rises < start + 9 * 60:
        _cooks(writer, rises + 20, dice.uniform(10, 20))
    writer.readings.append((rises + 30, 190.0 if event == "measures a crisis" else dice.gauss(132, 7)))
    if event == "measures a crisis":
        writer.label("vitals", rises + 30, rises + 45, event)


def _afternoon(writer: _Writer, start: float, begin: float, event: str) -> None:
    dice = writer.dice
    if event == "collapses by day":
        return  # found in the evening
    if event == "falls while cooking":
        writer.says(begin + 5, "stove-01", "on")
        writer.about(begin + 5, begin + 10, 2, "motion-02")
        writer.label("stove", begin + 20, begin + 45, event)
        writer.says(begin + 60, "stove-01", "off")  # by whoever was called, and stays until the evening
        return
    if event == "tracker drifts":
        writer.says(begin + 30, "tracker-01", "far:700")
        writer.says(begin + 50, "tracker-01", "far:0")
    if event == "forgets the stove":
        writer.says(begin + 5, "stove-01", "on")
        writer.about(begin, begin + 6, 2, "motion-02")
        writer.about(begin + 8, begin + 55, 9)
        writer.says(begin + 60, "stove-01", "off")
        writer.label("stove", begin + 15, begin + 40, event)
    else:
        _cooks(writer, begin + 5, dice.uniform(20, 40))
    begin += 75
    if event == "strays by day":
        begin = _strays(writer, begin)
    if event == "watches television":
        begin += dice.uniform(150, 220)
    elif dice.random() < 0.5:
        writer.says(begin, "bed-01", "on")
        begin += dice.uniform(40, 80)
        writer.says(begin, "bed-01", "off")
    if dice.random() < 0.6:
        begin = _goes_out(writer, begin, dice.uniform(40, 150))
    writer.about(begin, start + 17.5 * 60, 9)
    _cooks(writer, start + 17.5 * 60, dice.uniform(20, 35))


def _strays(writer: _Writer, begin: float) -> float:
    """Out for an errand, and past where they know their way."""
    found = begin + 2 * 60
    for minute, metres in ((8, 300), (20, 650), (35, 1_200), (50, 1_800)):
        writer.says(begin + minute, "tracker-01", f"far:{metres}")
    writer.says(begin, "door-01", "on")
    writer.says(begin + 0.4, "door-01", "off")
    writer.says(begin + UNHEARD, "tag-01", "off")
    writer.label("wandering", begin + 25, begin + 60, "strays by day")
    _comes_home(writer, found)
    return found + 2


def _evening(writer: _Writer, start: float, event: str) -> None:
    dice, bed = writer.dice, start + 21.6 * 60 + writer.dice.gauss(0, 20)
    begin = start + 18.2 * 60
    if event == "goes out late":
        begin = _goes_out(writer, begin, 150)
        bed = max(bed, begin + 20)
    writer.about(begin, bed, 10)
    if event == "leaves the door open at night":
        opened = start + 22 * 60 + dice.uniform(0, 30)
        writer.says(opened, "door-01", "on")
        writer.says(opened + 40, "door-01", "off")
        writer.label("door_open", opened + 5, opened + 30, event)
        bed = opened + 2
    elif event == "visitor at night":
        writer.says(start + 22.1 * 60, "door-01", "on")
        writer.says(start + 22.1 * 60 + dice.uniform(3, 9), "door-01", "off")
        bed = start + 22.4 * 60
    elif event == "puts the bin out at night":
        out = start + 22.2 * 60
        writer.says(out, "door-01", "on")
        writer.says(out + UNHEARD, "tag-01", "off")
        back = out + dice.uniform(4, 9)
        writer.says(back, "door-01", "off")
        writer.says(back, "tag-01", "on")
        writer.moves(back + 0.5)
        bed = back + 10
    writer.says(bed, "bed-01", "on")


def _cooks(writer: _Writer, begin: float, minutes: float) -> None:
    writer.says(begin, "stove-01", "on")
    writer.about(begin, begin + minutes, 2.5, "motion-02")
    writer.says(begin + minutes, "stove-01", "off")


def _goes_out(writer: _Writer, begin: float, minutes: float) -> float:
    """Out by the door and back; gives when they are home again."""
    writer.says(begin - 0.8, "motion-01", "on")
    writer.says(begin, "door-01", "on")
    writer.says(begin + 0.4, "door-01", "off")
    writer.says(begin + 0.7, "motion-01", "off")  # it holds on until they are gone
    writer.says(begin + UNHEARD, "tag-01", "off")
    writer.says(begin + 10, "tracker-01", f"far:{writer.dice.randint(80, 450)}")  # the fence is made for them
    _comes_home(writer, begin + minutes)
    return begin + minutes + 2


def _entries(writer: _Writer) -> Iterator[Entry]:
    """In their order, and only what is news, as the hub journals it."""
    last: dict[str, str] = {}
    for sensor in SENSORS:
        if sensor.role != "well":
            state = BEGINS.get(sensor.role, "off")
            last[sensor.id] = state
            yield SensedEntry(at=_stamp(0), sensor=sensor.id, what=state)
    rows: list[tuple[float, str, str, float]] = [(m, s, w, 0.0) for m, s, w in writer.rows]
    rows += [(minute, "", "", systolic) for minute, systolic in writer.readings]
    for number, (minute, name, what, systolic) in enumerate(sorted(rows)):
        if not name:
            yield _reading(minute, systolic, number)
        elif what == "press" or last.get(name) != what:
            last[name] = what
            yield SensedEntry(at=_stamp(minute), sensor=name, what=what)


def _stamp(minute: float) -> Stamp:
    ms = round(minute * MINUTE_MS)
    return Stamp(uptime_ms=ms, boot=1, wall_ms=EPOCH_MS + ms, trusted=True)


def _reading(minute: float, systolic: float, number: int) -> EventEntry:
    at = _stamp(minute)
    event = Event(
        id=EventId("bp-01", 1, number),
        call_id=None,
        kind="reading.blood_pressure",
        lane=Lane.READING,
        elder=ELDER,
        device="bp-01",
        wall_ms=at.wall_ms,
        data={"value": systolic, "second": 80.0, "unit": "mmhg", "measured_ms": at.wall_ms},
    )
    return EventEntry(at=at, event=event, source="system")


@dataclass
class Score:
    """Of one rule: labels, those that were asked about in time, the others, and questions without a cause."""

    labels: int = 0
    hits: int = 0
    misses: int = 0
    false: int = 0
    days: int = 0

    def add(self, other: Score) -> None:
        """Another month."""
        for name in ("labels", "hits", "misses", "false", "days"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def score(life: Month, care: CareSection | None = None) -> dict[str, Score]:
    """The hub's rules against the labels of a month; to ask again of the same thing is no false alarm."""
    home = Home((ELDER,), SENSORS, care or CareSection(), 0)
    fired = [(f.verdict.rule, life.minute_of(f.at)) for f in replay(life.entries, home)]
    table = {rule: Score(days=life.days) for _, rule in TROUBLES.values()}
    for label in life.labels:
        row = table[label.rule]
        row.labels += 1
        hit = any(rule == label.rule and label.begin <= at <= label.end for rule, at in fired)
        row.hits, row.misses = row.hits + hit, row.misses + (not hit)
    for rule, at in fired:
        row = table.setdefault(rule, Score(days=life.days))
        row.false += not any(_explains(label, rule, at) for label in life.labels)
    return table


# Who lies on the floor all night has not pressed the key either: what follows from a trouble is not made up.
FOLLOWS: Final = {
    "falls at night": ("bed_exit", "not_up"),
    "stays in bed, ill": ("not_up", "well_key"),
    "collapses by day": ("no_motion",),
    "falls while cooking": ("stove", "no_motion"),
    "wanders off at night": ("wandering", "bed_exit", "not_up"),
}


def _explains(label: Label, rule: str, at: float) -> bool:
    rules = FOLLOWS.get(label.what, (label.rule,))
    return rule in rules and label.begin - 60 <= at <= label.end + 8 * 60
