"""Falls: sensitivity, false alarms an hour, delay; every person is scored by trees that never saw them, with
the shipped shapes, which everybody chose (`provisioning.fall_nested` chooses them anew).

`anban bench fall --data DIR`. The pendant's own detector takes the candidates; the trees of each fold are
trained on the other people. `groups` are at the shipped tables' operating point (the estimate of an ordinary
week), `curve` is the sensitivity at thresholds that give so many false alarms an hour, chosen on the very
people that are scored. Whoever slides down a wall hardly falls: those falls count in each figure, and the
curves stand once more without them. Scripted daily life is dense: false alarms an hour are a stress figure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from drivers.pendant import adxl367
from firmware import energy
from provisioning import fall_day, fall_shapes, fall_training, train_fall
from provisioning.fall_data import Recording, load
from provisioning.fall_training import Candidates, Outcome
from tests.benchmarks import steps

CURVE = (0.3, 0.5, 1.0, 2.0)
DEALT_OTHERWISE = (1, 2, 3)  # who is held out together, by other dice: what of the curve is chance


def measure(directory: Path, data: Path | None = None) -> dict[str, Any]:
    """All groups. Without `data` there is nothing to score, and that is said."""
    if data is None:
        return {"skipped": "give the folder of the recordings: --data DIR"}
    everything = list(load(data))
    out: dict[str, Any] = {"groups": {}, "curve": {}, "estimate": {}}
    for placement, trunk in (("trunk", True), ("wrist", False)):
        mine = [r for r in everything if r.trunk is trunk]
        if mine:
            _placement(placement, mine, out)
    out["steps"] = steps.counted(everything)
    out["steps_held_out"] = steps.held_out(everything)
    return out


def _placement(name: str, recordings: list[Recording], out: dict[str, Any]) -> None:
    post = fall_training.POSTS[name]
    shapes = train_fall.shipped(name)
    found = [fall_shapes.shaped(each, shapes) for each in fall_training.views(recordings, name)]
    woken = {
        "woken after 0.3 s, 32 samples": fall_training.woken(recordings, post, 0.3),
        "woken after 0.6 s, 32 samples": fall_training.woken(recordings, post, 0.6),
        "woken after 0.6 s, 170 samples": fall_training.woken(recordings, post, 0.6, adxl367),
    }
    also = {kind: fall_shapes.shaped(each, shapes) for kind, each in woken.items()}
    used = np.ones(len(recordings), bool)
    scores = fall_training.held_out(
        recordings, found, used, train_fall.HOW[name], train_fall.FOLDS, [*also.values()]
    )
    limit, a_week = train_fall.threshold(recordings, found[0], scores[0], name)
    at_point = fall_training.outcomes(recordings, found[0], scores[0], limit)
    out["estimate"][name] = {"threshold": limit, **_estimate(a_week)}
    out["estimate"][f"{name}, were the old as everybody"] = {
        **_estimate(train_fall.ordinary(at_point, True)),
        "sensitivity_at_one_a_week": sensitivity_at_one_a_week(recordings, found[0], scores[0]),
    }
    for group, rows in _grouped(name, at_point).items():
        out["groups"][group] = summary(rows)
    _curves(name, "", recordings, found[0], scores[0], out)
    for dealing in DEALT_OTHERWISE:
        otherwise = fall_training.held_out(
            recordings, found, used, train_fall.HOW[name], train_fall.FOLDS, dealing=dealing
        )
        dealt = f", people dealt otherwise ({dealing})"
        _curves(name, dealt, recordings, found[0], otherwise[0], out)
        _with_hub(name, dealt, recordings, found, otherwise[0], dealing, out)
    for (kind, each), score in zip(also.items(), scores[len(found) :], strict=True):
        out["curve"][f"{name}, {kind}"] = curve(recordings, each, score)
        out["groups"][f"{name}, {kind}"] = summary(fall_training.outcomes(recordings, each, score, limit))
    out.setdefault("left_out", {}).update(left_out(name, recordings, found, limit))
    _with_hub(name, "", recordings, found, scores[0], fall_training.DEALING, out)
    out.setdefault("candidates", {})[name] = _candidates(
        recordings, found[0], also["woken after 0.6 s, 32 samples"]
    )


def left_out(
    name: str, recordings: Sequence[Recording], found: Sequence[Candidates], limit: int
) -> dict[str, Any]:
    """Each data set with falls, scored at the shipped threshold by trees that never saw anything of it; the
    shapes are the shipped ones, in whose choice it had a part."""
    of = np.array([r.dataset for r in recordings])
    out: dict[str, Any] = {}
    for dataset in sorted({r.dataset for r in recordings if r.impact_s is not None}):
        others = of != dataset
        if not any(r.impact_s is not None for r, use in zip(recordings, others, strict=True) if use):
            continue  # nothing to learn falls from
        trees = fall_training.trained(recordings, found, others, train_fall.HOW[name])
        points = fall_training.thousandths(trees, found[0].features)
        unseen = np.where(others[found[0].recording], fall_training.NEVER, points)
        rows = fall_training.outcomes(recordings, found[0], unseen, limit)
        out[f"{name} {dataset}"] = summary([row for row in rows if row.recording.dataset == dataset])
    return out


def sensitivity_at_one_a_week(
    recordings: Sequence[Recording], found: Candidates, scores: Any
) -> float | None:
    """What is left where even everybody's daily life, the young ones' too, has one question in a week."""
    low, high = -20_000, 20_000
    while low < high:
        middle = (low + high) // 2
        at_middle = fall_training.outcomes(recordings, found, scores, middle)
        if train_fall.ordinary(at_middle, True).number <= train_fall.A_WEEK:
            high = middle
        else:
            low = middle + 1
    left: float | None = summary(fall_training.outcomes(recordings, found, scores, low))["sensitivity"]
    return left


def _estimate(week: fall_day.Week) -> dict[str, float]:
    """Questions and calls without a fall; `high`: upper end of the 95 % interval."""
    return {
        "false_alarms_a_worn_week": round(week.number, 3),
        "false_alarms_a_worn_week_high": round(week.high, 2),
        "false_calls_a_worn_month": round(fall_day.calls_a_month(week.number), 3),
        "false_calls_a_worn_month_high": round(fall_day.calls_a_month(week.high), 2),
    }


def _with_hub(
    name: str,
    dealt: str,
    recordings: list[Recording],
    found: Sequence[Candidates],
    scores: Any,
    dealing: int,
    out: dict[str, Any],
) -> None:
    """The hub's verdict "likely" on what the pendant alarmed of; and what it would be on every impact."""
    limit, _ = train_fall.threshold(recordings, found[0], scores, name)
    least, noted, weighed = train_fall.likely(recordings, found, scores, limit, name, dealing)
    both = np.where(scores >= limit, weighed, fall_training.NEVER)
    at_point = fall_training.outcomes(recordings, noted, both, least)
    out["groups"][f"{name} with the hub{dealt}"] = summary(at_point)
    _curves(f"{name} with the hub", dealt, recordings, noted, both, out)
    _curves(f"{name}, the hub were it told of every impact", dealt, recordings, noted, weighed, out)


def _curves(
    name: str,
    dealt: str,
    recordings: Sequence[Recording],
    found: Candidates,
    scores: Any,
    out: dict[str, Any],
) -> None:
    """Of all falls, and of all but the slides."""
    out["curve"][name + dealt] = curve(recordings, found, scores)
    if any(map(slid, recordings)):
        without = curve(recordings, found, scores, lambda r: not slid(r))
        out["curve"][f"{name}, without falls down a wall{dealt}"] = without


def slid(recording: Recording) -> bool:
    """Down a wall."""
    return recording.impact_s is not None and "wall" in recording.text


def _grouped(name: str, rows: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The placement as a whole, and by place, age, data set and activity."""
    groups: dict[str, list[Outcome]] = {name: list(rows)}
    by: tuple[Callable[[Recording], str], ...] = (
        lambda r: r.placement,
        lambda r: "old" if r.age_group == "old" and name == "trunk" else "",
        lambda r: f"{name} {r.age_group}",
        lambda r: f"{r.dataset} {r.placement} {r.age_group}",
        lambda r: f"{name} {r.dataset}: {r.text}",
        lambda r: "falls down a wall" if name == "trunk" and slid(r) else "",
        lambda r: f"{name} without falls down a wall" if name == "trunk" and not slid(r) else "",
        lambda r: f"{name} falls from bed" if r.impact_s is not None and "bed" in r.text.lower() else "",
    )
    for key in by:
        for row in rows:
            group = key(row.recording)
            if group and group != name:
                groups.setdefault(group, []).append(row)
    return groups


def summary(rows: Sequence[Outcome]) -> dict[str, Any]:
    """One group's figures; None where there is nothing to tell them from."""
    falls = [r for r in rows if r.recording.impact_s is not None]
    daily = [r for r in rows if r.recording.impact_s is None]
    hours = sum(r.recording.seconds for r in daily) / 3600
    false = sum(r.alarms for r in daily)
    low, high = poisson(false)
    delays = [r.delay_s for r in falls if r.delay_s is not None]
    return {
        "falls": len(falls),
        "adl_h": round(hours, 3),
        "sensitivity": round(len(delays) / len(falls), 4) if falls else None,
        "specificity": round(sum(not r.alarms for r in daily) / len(daily), 4) if daily else None,
        "fa_per_h": round(false / hours, 3) if hours else None,
        "fa_low": round(low / hours, 3) if hours else None,
        "fa_high": round(high / hours, 3) if hours else None,
        "delay_median_s": round(median(delays), 2) if delays else None,
    }


def curve(
    recordings: Sequence[Recording],
    found: Candidates,
    scores: Any,
    counts: Callable[[Recording], bool] = lambda r: True,
) -> dict[str, float | None]:
    """Sensitivity at the lowest threshold with at most so many false alarms an hour."""
    out: dict[str, float | None] = {}
    for most in CURVE:
        low, high = -20_000, 20_000
        while low < high:
            middle = (low + high) // 2
            figures = summary(fall_training.outcomes(recordings, found, scores, middle))
            if (figures["fa_per_h"] or 0) <= most:
                high = middle
            else:
                low = middle + 1
        rows = fall_training.outcomes(recordings, found, scores, low)
        out[f"{most:g}/h"] = summary([row for row in rows if counts(row.recording)])["sensitivity"]
    return out


def _candidates(recordings: Sequence[Recording], found: Candidates, asleep: Candidates) -> dict[str, float]:
    """Impacts an hour of daily life; how often the LIS2DW12 ends a sleep for them, recorded and on an
    ordinary day (provisioning/fall_day.py); how long the pendant then watches, awake or in light sleep; what
    that costs.
    """
    daily = {n: r for n, r in enumerate(recordings) if r.impact_s is None}
    hours = sum(r.seconds for r in daily.values()) / 3600
    looked = sum(n in daily for n in found.recording.tolist()) / hours
    wakes, judged = Counter(asleep.wakes), Counter(asleep.recording.tolist())
    watched_s = dict.fromkeys(daily, 0.0)
    for n, seconds in zip(asleep.wakes, asleep.awake_s, strict=True):
        if n in daily:
            watched_s[n] += seconds
    day = energy.Watch(
        *(
            fall_day.a_week((r, of[n]) for n, r in daily.items()).number / fall_day.DAYS
            for of in (wakes, watched_s, judged)
        )
    )
    return {
        "per_h": round(looked, 1),
        "wakes_per_h": round(sum(wakes[n] for n in daily) / hours, 1),
        "wakes_a_day": round(day.wakes, 1),
        "watched_s_a_day": round(day.watched_s, 1),
        "judged_a_day": round(day.decisions, 1),
        "awake_s_a_day": round(day.awake_s, 1),
        "light_sleep_s_a_day": round(day.light_s, 1),
        "deep_sleep_s_a_day": round(energy.SECONDS_PER_DAY - day.watched_s, 1),
        **_drawn(day),
    }


def _drawn(day: energy.Watch) -> dict[str, float]:
    use, sleepless = day.use(), day.sleepless()
    return {
        "mAh_a_day": round(use.mah_a_day, 2),
        "battery_days": round(energy.days([*energy.uses(), use]), 1),
        "mAh_a_day_without_naps": round(sleepless.mah_a_day, 2),
        "battery_days_without_naps": round(energy.days([*energy.uses(), sleepless]), 1),
    }


def poisson(count: int) -> tuple[float, float]:
    """Exact 95 % interval of a Poisson count (Garwood 1936), by bisection on its distribution."""
    return (
        0.0 if not count else _solve(lambda mean: 1 - _cdf(count - 1, mean) < 0.025, 0, count + 1),
        _solve(lambda mean: _cdf(count, mean) > 0.025, count, count + 30 + 6 * math.sqrt(count)),
    )


def _cdf(count: int, mean: float) -> float:
    if not mean:
        return 1.0
    return math.fsum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(count + 1))


def _solve(holds: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
