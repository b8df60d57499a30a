"""What the recipe of the fall tables finds when its thresholds are chosen blindly: a nested estimate.

`python -m provisioning.fall_nested --data DIR`. The figures of `train_fall` take the threshold on the scores
that they report. Here it is taken by the same rule within the other folds alone: trees that saw neither of
two folds score both, each fold's people are judged by the threshold of the rest; likewise for what the hub
calls likely of the pendant's alarms. Shapes too are chosen without those who are scored. Intervals are of
people drawn anew. Growth, features and limits stay as they are shipped; that these were chosen on the same
people remains, and no estimate on them can undo it.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from provisioning import fall_day, fall_shapes, fall_training, train_fall
from provisioning.fall_data import DataError, Recording, load
from provisioning.fall_training import NEVER, Candidates, Outcome
from provisioning.fall_trees import Growth

DRAWS = 2000
Used = tuple[bool, ...]  # of each recording
Seen = Callable[[Used], Sequence[Candidates]]


class Estimate(NamedTuple):
    """Outcomes of every recording at the threshold of its fold, and those thresholds."""

    outcomes: tuple[Outcome, ...]
    thresholds: tuple[int, ...]

    @property
    def sensitivity(self) -> float:
        """The share of the falls that were found."""
        falls = [o for o in self.outcomes if o.recording.impact_s is not None]
        return sum(o.delay_s is not None for o in falls) / len(falls) if falls else 0.0

    @property
    def fa_per_h(self) -> float:
        """False alarms an hour of scripted daily life."""
        return train_fall.hourly(self.outcomes)


class Nested(NamedTuple):
    """What the pendant alarms of, and what of it the hub calls likely."""

    pendant: Estimate
    hub: Estimate


class _Blind(NamedTuple):
    """Scores of the impacts in one view: for each fold those of everybody else by trees that saw neither
    them nor that fold; and everybody's, by trees that never saw their fold."""

    inner: list[Any]
    outer: Any


def nested(
    recordings: Sequence[Recording],
    placement: str,
    how: Growth | None = None,
    hub_how: Growth = train_fall.HUB_HOW,
) -> Nested:
    """Every fold judged at thresholds that none of its people had a part in. DataError: too few people."""
    if len({r.person for r in recordings}) < train_fall.LEAST_PEOPLE:
        raise DataError(f"{placement}: fewer than {train_fall.LEAST_PEOPLE} people; nobody could be held out")
    found = fall_training.views(recordings, placement)
    kept = fall_shapes.KEPT[placement]
    seen = functools.cache(lambda used: _shaped(recordings, found, used, kept))
    fold = fall_training.folds(recordings, train_fall.FOLDS)
    pendant = _blind(recordings, found[0], seen, fold, how or train_fall.HOW[placement])
    hub = _blind(recordings, found[0], lambda used: train_fall.noted(seen(used)), fold, hub_how)
    judged: tuple[list[Outcome], list[Outcome]] = [], []
    limits: tuple[list[int], list[int]] = [], []
    for number in range(train_fall.FOLDS):
        people, impacts = _of(recordings, found[0], fold != number)
        inner, weighed = (each.inner[number][(fold != number)[found[0].recording]] for each in (pendant, hub))
        limit, _ = train_fall.threshold(people, impacts, inner, placement)
        both = train_fall.together(inner, weighed)
        least = train_fall.least_likely(people, impacts, np.where(inner >= limit, both, NEVER), placement)
        limits[0].append(limit)
        limits[1].append(least)
        people, impacts = _of(recordings, found[0], fold == number)
        scores, weighed = (each.outer[(fold == number)[found[0].recording]] for each in (pendant, hub))
        judged[0].extend(fall_training.outcomes(people, impacts, scores, limit))
        likely = np.where(scores >= limit, train_fall.together(scores, weighed), NEVER)
        judged[1].extend(fall_training.outcomes(people, impacts, likely, least))
    return Nested(*(Estimate(tuple(o), tuple(t)) for o, t in zip(judged, limits, strict=True)))


def _shaped(
    recordings: Sequence[Recording], found: Sequence[Candidates], used: Used, kept: int
) -> list[Candidates]:
    """The impacts with the shapes that those who are used would choose."""
    shapes = fall_shapes.chosen(recordings, found, np.array(used), kept)
    return [fall_shapes.shaped(each, shapes) for each in found]


def _blind(
    recordings: Sequence[Recording], impacts: Candidates, seen: Seen, fold: Any, how: Growth
) -> _Blind:
    inner = [np.full(len(impacts.recording), NEVER) for _ in range(train_fall.FOLDS)]
    outer = np.full(len(impacts.recording), NEVER)
    of = fold[impacts.recording]
    for one, other in itertools.combinations(range(train_fall.FOLDS), 2):
        points = _points(recordings, seen, (fold != one) & (fold != other), how)
        inner[one][of == other] = points[of == other]
        inner[other][of == one] = points[of == one]
    for number in range(train_fall.FOLDS):
        outer[of == number] = _points(recordings, seen, fold != number, how)[of == number]
    return _Blind(inner, outer)


def _points(recordings: Sequence[Recording], seen: Seen, used: Any, how: Growth) -> Any:
    """In thousandths, by trees grown on those that are marked."""
    found = seen(tuple(used.tolist()))
    trees = fall_training.trained(recordings, found, used, how)
    return fall_training.thousandths(trees, found[0].features)


def _of(recordings: Sequence[Recording], found: Candidates, used: Any) -> tuple[list[Recording], Candidates]:
    """The marked recordings alone, and their impacts."""
    mine = used[found.recording]
    index = np.cumsum(used) - 1
    impacts = replace(
        found,
        features=found.features[mine],
        courses=found.courses[mine],
        recording=index[found.recording[mine]],
        at_s=found.at_s[mine],
        wakes=(),
        awake_s=(),
        notes=(),
    )
    return [r for r, use in zip(recordings, used, strict=True) if use], impacts


def by_people(outcomes: Sequence[Outcome], draws: int = DRAWS) -> tuple[tuple[float, ...], ...]:
    """95 % intervals of the sensitivity and of the false alarms an hour, people drawn with replacement: one
    person's alarms come together, and an interval of single alarms is too narrow.
    """
    people = {name: n for n, name in enumerate(sorted({o.recording.person for o in outcomes}))}
    counted = np.zeros((len(people), 4))
    for outcome in outcomes:
        row = counted[people[outcome.recording.person]]
        if outcome.recording.impact_s is None:
            row[2:] += outcome.alarms, outcome.recording.seconds / 3600
        else:
            row[:2] += outcome.delay_s is not None, 1
    dice = np.random.default_rng(5)
    drawn = counted[dice.integers(len(people), size=(draws, len(people)))].sum(1)
    drawn = drawn[(drawn[:, 1] > 0) & (drawn[:, 3] > 0)]
    rates = drawn[:, 0] / drawn[:, 1], drawn[:, 2] / drawn[:, 3]
    return tuple(tuple(np.quantile(rate, (0.025, 0.975)).tolist()) for rate in rates)


def _told(name: str, got: Estimate) -> str:
    daily = [o for o in got.outcomes if o.recording.impact_s is None]
    hours = sum(o.recording.seconds for o in daily) / 3600
    found, false = by_people(got.outcomes)
    return (
        f"{name}: {got.sensitivity:.3f} ({found[0]:.3f}-{found[1]:.3f}) of "
        f"{len(got.outcomes) - len(daily)} falls, {got.fa_per_h:.2f} ({false[0]:.2f}-{false[1]:.2f}) "
        f"false alarms/h scripted ({sum(o.alarms for o in daily)} in {hours:.1f} h), "
        f"thresholds {min(got.thresholds)} to {max(got.thresholds)}"
    )


def _of_week(got: Estimate, everybody: bool) -> str:
    week = train_fall.ordinary(got.outcomes, everybody)
    calls = [fall_day.calls_a_month(number) for number in week]
    return f"{week.number:.2f} (to {week.high:.1f}), calls a month {calls[0]:.2f} (to {calls[1]:.1f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line. 0: both placements are scored."""
    parser = argparse.ArgumentParser(prog="python -m provisioning.fall_nested", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with manifest.csv")
    options = parser.parse_args(arguments)
    try:
        everything = list(load(options.data))
        for placement, trunk in (("trunk", True), ("wrist", False)):
            got = nested([r for r in everything if r.trunk is trunk], placement)
            print(_told(placement, got.pendant), flush=True)
            print(
                f"  a worn week {_of_week(got.pendant, False)}, "
                f"were the old as everybody {_of_week(got.pendant, True)}"
            )
            print(_told(f"{placement}, what the hub calls likely of it", got.hub), flush=True)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
