"""An ordinary day of an old person, as an estimate: how often each kind of daily activity happens.

Recordings of daily life are scripted and dense. What a detector's false alarms in them mean for somebody who
wears it is estimated so: each recording belongs to a kind by the words of its description; a kind has its
false alarms for each recording, and its number of a day; the sum over kinds, times seven, is the worn week's.
Where old people are recorded doing it, only they count; what nobody does at that age (jogging, jumping) is
not in the day. The numbers of a day are round figures from the literature on free living, and are what is
weakest here: they are of a person who still goes out. It is coarse: one alarm among the old people's
recordings of turning in bed is worth nearly two a week, and none is worth nothing.

    sitting down and standing up   60 each (Dall and Kerr 2010: 60 +- 22 a day)
    turning in bed                 16 a night (De Koninck 1992: old people, posture shifts)
    lying down, rising             3 (a night, a nap, once up)
    walking                        5,000 steps, about an hour: 240 stretches of 15 s
    stairs, bending, housework     20, 30, 120 recordings' worth
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioning.fall_data import Recording

DAYS = 7
ANSWERED = 0.77  # of the questions after a false alarm: then one a week leaves a false call a month


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of activity, the words that tell it (any of them), and its recordings' worth a day."""

    name: str
    words: tuple[str, ...]
    a_day: float


KINDS = (
    Kind("turning in bed", ("turning while lying", "lying: back"), 16),
    Kind("lying down and rising", ("lying down", "lyingdown", "lie slowly", "lie quickly", "rising up"), 3),
    Kind("falling into a chair", ("collapse into chair", "fail to stand"), 1),
    Kind("stumbling", ("stumbl",), 0.5),
    Kind("stairs", ("stairs", "step up", "downstairs", "upstairs"), 20),
    Kind("sitting and standing", ("sit", "standing up", "tug"), 60),
    Kind("walking", ("walk",), 240),
    Kind("bending", ("bend", "pick up", "crouch"), 30),
    Kind("getting into a car or a lift", ("car", "lift", "bus"), 4),
    Kind(
        "things of the house",
        ("drink", "jacket", "sweep", "wash", "wave", "clap", "aplaus", "hand", "door", "table", "call"),
        120,
    ),
)


def kind_of(recording: Recording) -> Kind | None:
    """The first kind whose words are in the description; None: not of an old person's day."""
    text = recording.text.lower()
    if "jog" in text or "jump" in text or "hop" in text:
        return None
    return next((kind for kind in KINDS if any(word in text for word in kind.words)), None)


def alarms_a_week(daily: Iterable[tuple[Recording, int]]) -> float:
    """The estimate, from recordings of daily life with their false alarms."""
    counted: dict[tuple[str, bool], list[int]] = {}
    for recording, alarms in daily:
        kind = kind_of(recording)
        if kind is not None:
            counted.setdefault((kind.name, recording.age_group == "old"), []).append(alarms)
    week = 0.0
    for kind in KINDS:
        rows = counted.get((kind.name, True)) or counted.get((kind.name, False))
        if rows:
            week += DAYS * kind.a_day * sum(rows) / len(rows)
    return week
