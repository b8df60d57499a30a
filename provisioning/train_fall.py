"""The pendant's fall tables are trained: `python -m provisioning.train_fall --data DIR [--out FOLDER]`.

Writes `fall_trunk.py` and `fall_wrist.py` with the trees, where they come from, how held-out people scored,
and the note that the data asks for. The threshold is the lowest at which the estimate of an ordinary week
(`fall_day.py`) stays within one false alarm, on people who were in no training. The same data give the same
bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from provisioning import fall_day, fall_training
from provisioning.fall_data import DataError, Recording, load
from provisioning.fall_trees import Growth, Trees

FOLDS = 5
HOW = Growth(trees=32)  # 1952 bytes; 80 trees gain nothing that is more than noise
LEAST_PEOPLE = 2 * FOLDS
A_WEEK = 1.0  # spoken questions without a fall that a wearer bears
OUT = Path(__file__).resolve().parent.parent / "firmware" / "pendant"
SOURCES = {"sisfall": "SisFall", "fallalld": "FallAllD", "umafall": "UMAFall", "weda": "WEDA-FALL"}


@dataclass(frozen=True, slots=True)
class Trained:
    """One table, and what it is known to do."""

    placement: str
    trees: Trees
    threshold: int  # in thousandths of log-odds
    falls: int
    sensitivity: float
    fa_per_h: float
    a_week: float


def threshold(recordings: Sequence[Recording], found: Any, scores: Any) -> tuple[int, float]:
    """The lowest one within A_WEEK by the estimate, and the estimate there."""
    low, high = -20_000, 20_000
    while low < high:  # fewer alarms at a higher threshold
        middle = (low + high) // 2
        if week(recordings, found, scores, middle) <= A_WEEK:
            high = middle
        else:
            low = middle + 1
    return low, week(recordings, found, scores, low)


def week(recordings: Sequence[Recording], found: Any, scores: Any, limit: int) -> float:
    """False alarms of an ordinary week at a threshold."""
    all_of_them = fall_training.outcomes(recordings, found, scores, limit)
    return fall_day.alarms_a_week(
        (o.recording, o.alarms) for o in all_of_them if o.recording.impact_s is None
    )


def train(recordings: Sequence[Recording], placement: str) -> Trained:
    """Trees on everybody of `recordings`; threshold and figures from people held out, at 50 Hz."""
    if len({r.person for r in recordings}) < LEAST_PEOPLE:
        raise DataError(f"{placement}: fewer than {LEAST_PEOPLE} people; nobody could be held out")
    found = [fall_training.candidates(recordings, hz) for hz in fall_training.RATES]
    everything = np.ones(len(recordings), bool)
    scores = fall_training.held_out(recordings, found, everything, HOW, FOLDS)
    limit, a_week = threshold(recordings, found[0], scores[0])
    out = fall_training.outcomes(recordings, found[0], scores[0], limit)
    falls = [o for o in out if o.recording.impact_s is not None]
    daily = [o for o in out if o.recording.impact_s is None]
    hours = sum(o.recording.seconds for o in daily) / 3600
    return Trained(
        placement,
        fall_training.trained(recordings, found, everything, HOW),
        limit,
        len(falls),
        sum(o.delay_s is not None for o in falls) / len(falls),
        sum(o.alarms for o in daily) / hours,
        a_week,
    )


def note(recordings: Sequence[Recording]) -> str:
    """What the data's own README demands of a model made of it."""
    names = {r.dataset for r in recordings if r.impact_s is not None}
    known = [shown for name, shown in SOURCES.items() if name in names]
    if not known:
        return "trained on " + ", ".join(sorted(names))
    listed = ", ".join(known[:-1]) + " and " + known[-1] if len(known) > 1 else known[0]
    return f"trained on acted falls from {listed}; research use"


def module(result: Trained, recordings: Sequence[Recording]) -> str:
    """The table as a file of the pendant's."""
    people = len({r.person for r in recordings})
    cut = round(result.threshold / fall_training.PER_MILLE * result.trees.scale)
    table = result.trees.table
    lines = [
        f'"""Trees of the fall detector, {result.placement}, as `python -m provisioning.train_fall` '
        "wrote them.",
        "",
        f"T{note(recordings)[1:]}.",
        f"{len(recordings)} recordings of {people} people. People held out ({FOLDS} folds, 50 Hz), at this",
        f"threshold: {result.sensitivity:.3f} of {result.falls} acted falls; "
        f"{result.fa_per_h:.2f} false alarms",
        f"an hour of scripted daily life; {result.a_week:.2f} a worn week by provisioning/fall_day.py.",
        '"""',
        "",
        "TABLE = (",
        f"    {cut},",
    ]
    for at in range(0, len(table), 24):
        lines.append('    b"' + "".join(f"\\x{byte:02x}" for byte in table[at : at + 24]) + '"')
    lines[-1] += ","
    return "\n".join([*lines, ")", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line. 0: both tables are written."""
    parser = argparse.ArgumentParser(prog="python -m provisioning.train_fall", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with manifest.csv")
    parser.add_argument("--out", type=Path, default=OUT, help="where the tables go (the firmware)")
    options = parser.parse_args(arguments)
    try:
        everything = list(load(options.data))
        for placement, trunk in (("trunk", True), ("wrist", False)):
            mine = [r for r in everything if r.trunk is trunk]
            result = train(mine, placement)
            (options.out / f"fall_{placement}.py").write_text(module(result, mine))
            print(
                f"{placement}: {result.sensitivity:.3f} of {result.falls} falls of people held out, "
                f"{result.fa_per_h:.2f} false alarms/h scripted, {result.a_week:.2f} a week estimated"
            )
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
