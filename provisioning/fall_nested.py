"""What the recipe of the fall tables finds when its thresholds are chosen blindly: a nested estimate.

`python -m provisioning.fall_nested --data DIR`. The figures of `train_fall` take the threshold on the scores
that they report. Here it is taken by the same rule within the other folds alone: trees that saw neither of
two folds score both, each fold's people are judged by the threshold of the rest. Growth, features and limits
stay as they are shipped; that these were chosen on the same people remains, and no estimate on them can undo
it.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from provisioning import fall_day, fall_training, train_fall
from provisioning.fall_data import DataError, Recording, load
from provisioning.fall_training import Candidates, Outcome
from provisioning.fall_trees import Growth


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


def nested(recordings: Sequence[Recording], placement: str, how: Growth = train_fall.HOW) -> Estimate:
    """Every fold judged at a threshold that none of its people had a part in. DataError: too few people."""
    if len({r.person for r in recordings}) < train_fall.LEAST_PEOPLE:
        raise DataError(f"{placement}: fewer than {train_fall.LEAST_PEOPLE} people; nobody could be held out")
    found = fall_training.views(recordings, placement)
    fold = fall_training.folds(recordings, train_fall.FOLDS)
    inner = _inner(recordings, found, fold, how)
    judged: list[Outcome] = []
    limits = []
    for number in range(train_fall.FOLDS):
        rest, theirs = fold != number, fold == number
        learnt = _of(recordings, found[0], rest)
        limit, _ = train_fall.threshold(*learnt, inner[number][rest[found[0].recording]], placement)
        trees = fall_training.trained(recordings, found, rest, how)
        people, impacts = _of(recordings, found[0], theirs)
        scores = np.round(trees.score(impacts.features) * (fall_training.PER_MILLE / trees.scale))
        judged += fall_training.outcomes(people, impacts, scores, limit)
        limits.append(limit)
    return Estimate(tuple(judged), tuple(limits))


def _inner(recordings: Sequence[Recording], found: Sequence[Candidates], fold: Any, how: Growth) -> list[Any]:
    """For each outer fold the scores of everybody else, by trees that saw neither them nor that fold."""
    scores = [np.full(len(found[0].recording), -(10**6)) for _ in range(train_fall.FOLDS)]
    of = fold[found[0].recording]
    for one, other in itertools.combinations(range(train_fall.FOLDS), 2):
        trees = fall_training.trained(recordings, found, (fold != one) & (fold != other), how)
        points = np.round(trees.score(found[0].features) * (fall_training.PER_MILLE / trees.scale))
        scores[one][of == other] = points[of == other]
        scores[other][of == one] = points[of == one]
    return scores


def _of(recordings: Sequence[Recording], found: Candidates, used: Any) -> tuple[list[Recording], Candidates]:
    """The marked recordings alone, and their impacts."""
    mine = used[found.recording]
    index = np.cumsum(used) - 1
    impacts = replace(
        found,
        features=found.features[mine],
        recording=index[found.recording[mine]],
        at_s=found.at_s[mine],
        wakes=(),
        awake_s=(),
        notes=(),
    )
    return [r for r, use in zip(recordings, used, strict=True) if use], impacts


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
            daily = [o for o in got.outcomes if o.recording.impact_s is None]
            hours = sum(o.recording.seconds for o in daily) / 3600
            print(
                f"{placement}: {got.sensitivity:.3f} of {len(got.outcomes) - len(daily)} falls, "
                f"{got.fa_per_h:.2f} false alarms/h scripted "
                f"({sum(o.alarms for o in daily)} in {hours:.1f} h), "
                f"a worn week {_of_week(got, False)}, were the old as everybody {_of_week(got, True)}, "
                f"thresholds {min(got.thresholds)} to {max(got.thresholds)}",
                flush=True,
            )
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
