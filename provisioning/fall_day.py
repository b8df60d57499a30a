"""An ordinary day of an old person, as an estimate: how often each kind of daily activity happens.

Recordings of daily life are scripted and dense. What a detector's false alarms in them mean for somebody who
wears it is estimated so: each recording belongs to a kind by the words of its description; a kind has its
false alarms for each recording, and its number of a day; the sum over kinds, times seven, is the worn week's.
Where old people are recorded doing it, only they count; what nobody does at that age (jogging, jumping) is
not in the day. The numbers of a day are round figures from the literature on free living, and are what is
weakest here: they are of a person who still goes out. It is coarse: one alarm among the old people's
recordings of turning in bed is worth nearly two a week. So it comes with the upper end of its interval, which
no threshold can bring below three or four of the heaviest kind's: the recordings are too few to show that a
week has less than one.

    sitting down and standing up   60 each (Dall and Kerr 2010: 60 +- 22 a day)
    turning in bed                 16 a night (De Koninck 1992: old people, posture shifts)
    lying down, rising             3 (a night, a nap, once up)
    walking                        5,000 steps, about an hour: 240 stretches of 15 s
    stairs, bending, housework     20, 30, 120 recordings' worth
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from provisioning.fall_data import Recording

DAYS = 7
DAYS_A_MONTH = 30.4
ANSWERED = 0.77  # of the questions after a false alarm: an assumption; then one a week leaves a call a month


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of activity, the words that tell it (any of them), and its recordings' worth a day. With
    `each_s` a recording is worth as many as it has stretches of so many seconds.
    """

    name: str
    words: tuple[str, ...]
    a_day: float
    each_s: float = 0.0

    def worth(self, recording: Recording) -> float:
        """How many of `a_day` are in this recording."""
        return recording.seconds / self.each_s if self.each_s else 1.0


KINDS = (
    Kind("turning in bed", ("turning while lying", "lying: back"), 16),
    Kind("lying down and rising", ("lying down", "lyingdown", "lie slowly", "lie quickly", "rising up"), 3),
    Kind("falling into a chair", ("collapse into chair", "fail to stand"), 1),
    Kind("stumbling", ("stumbl",), 0.5),
    Kind("stairs", ("stairs", "step up", "downstairs", "upstairs"), 20),
    Kind("sitting and standing", ("sit", "standing up", "tug"), 60),
    Kind("walking", ("walk",), 240, each_s=15),
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


class Week(NamedTuple):
    """So many of an ordinary week, and the upper end of their 95 % interval."""

    number: float
    high: float


def a_week(daily: Iterable[tuple[Recording, float]], everybody: bool = False) -> Week:
    """The estimate, from recordings of daily life with how often it happened in each; of old people where
    they are recorded, or of `everybody`.

    The upper end: each kind's count is a Poisson count with its own weight (Fay and Feuer 1997).
    """
    counted: dict[tuple[str, bool], tuple[float, float]] = {}
    for recording, times in daily:
        kind = kind_of(recording)
        if kind is not None:
            key = kind.name, everybody or recording.age_group == "old"
            many, worth = counted.get(key, (0.0, 0.0))
            counted[key] = many + times, worth + kind.worth(recording)
    number = spread = most = 0.0
    for kind in KINDS:
        found = counted.get((kind.name, True)) or counted.get((kind.name, False))
        if found:
            weight = DAYS * kind.a_day / found[1]
            number += weight * found[0]
            spread += weight**2 * found[0]
            most = max(most, weight)
    if not most:
        return Week(0.0, 0.0)
    scale = (spread + most**2) / (number + most)
    return Week(number, scale * _gamma_quantile((number + most) / scale, 0.975))


def calls_a_month(week: float) -> float:
    """False calls of a worn month, if ANSWERED of the questions of such weeks are answered."""
    return week / DAYS * DAYS_A_MONTH * (1 - ANSWERED)


def _gamma_quantile(shape: float, share: float) -> float:
    """By bisection on the regularised incomplete gamma function."""
    low, high = 0.0, shape + 10 * math.sqrt(shape) + 20
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _gamma_below(shape, middle) < share else (low, middle)
    return high


def _gamma_below(shape: float, x: float) -> float:
    """Its series; Abramowitz and Stegun 6.5.29."""
    if x <= 0:
        return 0.0
    term = total = 1 / shape
    n = 0
    while term > 1e-12 * total:
        n += 1
        term *= x / (shape + n)
        total += term
    return total * math.exp(shape * math.log(x) - x - math.lgamma(shape))
