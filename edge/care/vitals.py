"""What a reading means for the person: its figures in one unit each, beyond a limit or their own band."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from edge.care.settings import Limits, Vitals

DAY_MS: Final = 86_400_000
# kind -> (figure of ours, field of the reading)
FIGURES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "reading.blood_pressure": (
        ("systolic", "value"),
        ("diastolic", "second"),
        ("pulse_bpm", "pulse_bpm"),
    ),
    "reading.oxygen": (("oxygen_pct", "value"), ("pulse_bpm", "pulse_bpm")),
    "reading.pulse": (("pulse_bpm", "value"),),
    "reading.body_temperature": (("temperature_c", "value"),),
    "reading.glucose": (("glucose_mmol", "value"),),
}
KPA: Final = 7.50062  # mmHg
MG_PER_DL: Final = 18.016  # of glucose, a mmol/L
# The narrowest band of one's own: a cuff or strip differs by so much between two measurements at rest.
FLOOR: Final = {
    "systolic": 20.0,
    "diastolic": 12.0,
    "pulse_bpm": 20.0,
    "oxygen_pct": 3.0,
    "temperature_c": 0.8,
    "glucose_mmol": 3.0,
}


class Reading(NamedTuple):
    """Figures of one measurement; `at_ms`: when it was measured, in wall ms, as far as known."""

    at_ms: int
    figures: Mapping[str, float]


class Judgement(NamedTuple):
    """`judged`: "high" or "low"; `why`: "limit" or "own-band"; `call`: somebody has to be asked."""

    judged: str
    why: str
    figure: str
    value: float
    call: bool


def figures_of(kind: str, data: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a reading in mmHg, per minute, percent, degrees Celsius and mmol/L; {} if unusable."""
    if data.get("judged") == "unusable":
        return {}
    found = {}
    for name, field in FIGURES.get(kind, ()):
        value = data.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = (
                value if field == "pulse_bpm" else _in_our_unit(name, float(value), data.get("unit"))
            )
    return found


def _in_our_unit(name: str, value: float, unit: object) -> float:
    if unit == "kpa":
        return value * KPA
    if unit == "degf":
        return (value - 32) * 5 / 9
    if unit == "mg_per_dl" and name == "glucose_mmol":
        return value / MG_PER_DL
    return value


def judge(reading: Reading, before: Iterable[Reading], rules: Vitals) -> Judgement | None:
    """The gravest thing to be said of a reading: calls before flags, limits before the person's own band."""
    if not rules.on:
        return None
    flags: list[Judgement] = []
    for name, value in reading.figures.items():
        limits: Limits = getattr(rules, name)
        for judged, beyond in (("low", _below), ("high", _above)):
            call, flag = beyond(value, limits)
            if call:
                return Judgement(judged, "limit", name, value, True)
            if flag:
                flags.append(Judgement(judged, "limit", name, value, False))
    if flags:
        return flags[0]
    return _own(reading, before, rules)


def _below(value: float, limits: Limits) -> tuple[bool, bool]:
    return _less(value, limits.call_below), _less(value, limits.flag_below)


def _above(value: float, limits: Limits) -> tuple[bool, bool]:
    return _more(value, limits.call_above), _more(value, limits.flag_above)


def _less(value: float, bound: float | None) -> bool:
    return bound is not None and value < bound


def _more(value: float, bound: float | None) -> bool:
    return bound is not None and value >= bound


def _own(reading: Reading, before: Iterable[Reading], rules: Vitals) -> Judgement | None:
    since_ms = reading.at_ms - rules.own_days * DAY_MS
    known = [other.figures for other in before if since_ms <= other.at_ms < reading.at_ms]
    for name, value in reading.figures.items():
        mine = [figures[name] for figures in known if name in figures]
        if len(mine) < rules.own_least:
            continue
        middle = math.fsum(mine) / len(mine)
        deviation = math.sqrt(math.fsum((one - middle) ** 2 for one in mine) / (len(mine) - 1))
        width = max(FLOOR[name], rules.own_deviations * deviation)
        if abs(value - middle) > width:
            return Judgement("high" if value > middle else "low", "own-band", name, value, False)
    return None
