"""The fall tables are trained: `python -m provisioning.train_fall --data DIR [--out DIR --hub-out DIR]`.

Writes `fall_trunk.py` and `fall_wrist.py` for the pendant, `weighing_trunk.py` and `weighing_wrist.py` for
the hub, with the trees, where they come from, how held-out people scored, and the note that the data asks
for. Shapes are chosen by everybody (`fall_shapes.py`). The threshold is the lowest at which the estimate of
an ordinary week (`fall_day.py`) stays within one false alarm and scripted daily life within AN_HOUR, on
people who were in no training. The same data give the same bytes.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from provisioning import fall_day, fall_shapes, fall_training
from provisioning.fall_data import DataError, Recording, load
from provisioning.fall_trees import Growth, Trees

FOLDS = 5
HOW = {  # what there is time for in a decision (trunk), and heap (wrist)
    "trunk": Growth(trees=104, rate=0.2, halves=True),
    "wrist": Growth(trees=126, halves=True),
}
HUB_HOW = Growth(trees=300, rate=0.1, seed=3)  # the hub has room; more gain nothing that is more than noise
LEAST_PEOPLE = 2 * FOLDS
A_WEEK = 1.0  # spoken questions without a fall that a wearer bears
HUB_AN_HOUR = {"trunk": 0.5, "wrist": 1.0}  # of those that the hub still calls likely
AN_HOUR = {"trunk": 0.9, "wrist": 2.0}  # of scripted daily life, whoever does it, and however few are old
ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "firmware" / "pendant"
HUB_OUT = ROOT / "edge"
SOURCES = {"sisfall": "SisFall", "fallalld": "FallAllD", "umafall": "UMAFall", "weda": "WEDA-FALL"}


@dataclass(frozen=True, slots=True)
class Trained:
    """One table, and what it is known to do."""

    placement: str
    shapes: bytes
    trees: Trees
    hub: Trees  # over what the hub is told of it
    threshold: int  # in thousandths of log-odds
    likely: int  # for the hub
    falls: int
    sensitivity: float
    fa_per_h: float
    a_week: fall_day.Week


def noted(found: Sequence[fall_training.Candidates]) -> list[fall_training.Candidates]:
    """What the hub's trees are grown on: the notes of whoever is awake."""
    return [fall_training.weighed(each) for each in found[:2]]


def likely(
    recordings: Sequence[Recording],
    found: Sequence[Any],
    scores: Any,
    limit: int,
    placement: str,
    dealing: int = fall_training.DEALING,
) -> tuple[int, Any, Any]:
    """From which score the hub calls likely what the pendant alarmed of, by `scores` from `limit` on; the
    impacts, and the hub's scores of them."""
    hub = noted(found)
    everybody = np.ones(len(recordings), bool)
    weighed, _ = fall_training.held_out(recordings, hub, everybody, HUB_HOW, FOLDS, dealing=dealing)
    both = together(scores, weighed)
    alarms = np.where(scores >= limit, both, fall_training.NEVER)
    return least_likely(recordings, hub[0], alarms, placement), hub[0], both


def together(scores: Any, weighed: Any) -> Any:
    """The hub goes by the mean of what the pendant's trees say and its own."""
    return (scores + weighed) / 2


def least_likely(recordings: Sequence[Recording], found: Any, scores: Any, placement: str) -> int:
    """The lowest score from which no more than HUB_AN_HOUR are likely."""
    low, high = -20_000, 20_000
    while low < high:
        middle = (low + high) // 2
        if hourly(fall_training.outcomes(recordings, found, scores, middle)) <= HUB_AN_HOUR[placement]:
            high = middle
        else:
            low = middle + 1
    return low


def threshold(
    recordings: Sequence[Recording], found: Any, scores: Any, placement: str
) -> tuple[int, fall_day.Week]:
    """The lowest one within A_WEEK by the estimate and AN_HOUR as scripted, and the estimate there."""
    low, high = -20_000, 20_000
    while low < high:  # fewer alarms at a higher threshold
        middle = (low + high) // 2
        if (
            week(recordings, found, scores, middle).number <= A_WEEK
            and hourly(fall_training.outcomes(recordings, found, scores, middle)) <= AN_HOUR[placement]
        ):
            high = middle
        else:
            low = middle + 1
    return low, week(recordings, found, scores, low)


def shipped(placement: str) -> bytes:
    """The shapes of the pendant's table."""
    shapes: bytes = importlib.import_module(f"firmware.pendant.fall_{placement}").TABLE[3]
    return shapes


def hourly(outcomes: Sequence[fall_training.Outcome]) -> float:
    """False alarms an hour of recorded daily life."""
    daily = [o for o in outcomes if o.recording.impact_s is None]
    hours = sum(o.recording.seconds for o in daily) / 3600
    return sum(o.alarms for o in daily) / hours if hours else 0.0


def week(recordings: Sequence[Recording], found: Any, scores: Any, limit: int) -> fall_day.Week:
    """False alarms of an ordinary week at a threshold."""
    return ordinary(fall_training.outcomes(recordings, found, scores, limit))


def ordinary(outcomes: Iterable[fall_training.Outcome], everybody: bool = False) -> fall_day.Week:
    """The same of outcomes; of old people's daily life where there is any, or of everybody's."""
    daily = ((o.recording, o.alarms) for o in outcomes if o.recording.impact_s is None)
    return fall_day.a_week(daily, everybody)


def train(recordings: Sequence[Recording], placement: str) -> Trained:
    """Trees on everybody of `recordings`; threshold and figures from people held out, awake."""
    if len({r.person for r in recordings}) < LEAST_PEOPLE:
        raise DataError(f"{placement}: fewer than {LEAST_PEOPLE} people; nobody could be held out")
    everything = np.ones(len(recordings), bool)
    plain = fall_training.views(recordings, placement)
    shapes = fall_shapes.chosen(recordings, plain, everything, fall_shapes.KEPT[placement])
    found = [fall_shapes.shaped(each, shapes) for each in plain]
    scores = fall_training.held_out(recordings, found, everything, HOW[placement], FOLDS)
    limit, a_week = threshold(recordings, found[0], scores[0], placement)
    out = fall_training.outcomes(recordings, found[0], scores[0], limit)
    falls = [o for o in out if o.recording.impact_s is not None]
    return Trained(
        placement,
        shapes,
        fall_training.trained(recordings, found, everything, HOW[placement]),
        fall_training.trained(recordings, noted(found), everything, HUB_HOW),
        limit,
        likely(recordings, found, scores[0], limit, placement)[0],
        len(falls),
        sum(o.delay_s is not None for o in falls) / len(falls),
        hourly(out),
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
        f"{len(recordings)} recordings of {people} people. People held out ({FOLDS} folds), at this",
        f"threshold: {result.sensitivity:.3f} of {result.falls} acted falls; "
        f"{result.fa_per_h:.2f} false alarms",
        f"an hour of scripted daily life; {result.a_week.number:.2f} a worn week",
        f"by provisioning/fall_day.py, and not more than {result.a_week.high:.1f} (97.5 %).",
        '"""',
        "",
        "TABLE = (",
        f"    {cut},",
        f"    {fall_training.POSTS[result.placement]},",
    ]
    return "\n".join([*lines, *_rows(table), *_rows(result.shapes), ")", ""])


def hub_module(result: Trained, recordings: Sequence[Recording]) -> str:
    """The hub's table."""
    people = len({r.person for r in recordings})
    lines = [
        f'"""Trees that weigh a fall, {result.placement}, as `python -m provisioning.train_fall` wrote them.',
        "",
        f"T{note(recordings)[1:]}.",
        f"{len(recordings)} recordings of {people} people; `anban bench fall` scores people held out.",
        '"""',
        "",
        "TABLE = (",
        f"    {result.hub.scale:.3f},",
        f"    {result.likely},",
        *_rows(result.hub.table),
        f"    {result.trees.scale:.3f},",
        ")",
        "",
    ]
    return "\n".join(lines)


def _rows(table: bytes) -> list[str]:
    lines = [] if table else ['    b""']
    for at in range(0, len(table), 24):
        lines.append('    b"' + "".join(f"\\x{byte:02x}" for byte in table[at : at + 24]) + '"')
    lines[-1] += ","
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line. 0: both tables are written."""
    parser = argparse.ArgumentParser(prog="python -m provisioning.train_fall", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with manifest.csv")
    parser.add_argument("--out", type=Path, default=OUT, help="where the tables go (the firmware)")
    parser.add_argument("--hub-out", type=Path, default=HUB_OUT, help="where the hub's go (edge)")
    options = parser.parse_args(arguments)
    try:
        everything = list(load(options.data))
        for placement, trunk in (("trunk", True), ("wrist", False)):
            mine = [r for r in everything if r.trunk is trunk]
            result = train(mine, placement)
            (options.out / f"fall_{placement}.py").write_text(module(result, mine))
            (options.hub_out / f"weighing_{placement}.py").write_text(hub_module(result, mine))
            print(
                f"{placement}: {result.sensitivity:.3f} of {result.falls} falls of people held out, "
                f"{result.fa_per_h:.2f} false alarms/h scripted, "
                f"{result.a_week.number:.2f} a week estimated (up to {result.a_week.high:.1f})"
            )
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
