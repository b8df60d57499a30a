"""Shapes of a fall's course are chosen: which of many tell most of what the features do not.

A shape is laid over the last seconds before a decision, and it is counted in how many places it fits
(`firmware/pendant/fall.py`, `Detector.course`). Trees are grown on the features and on all shapes that are
thought of; those that it was worth most to ask are kept. Whoever wants to know what shapes are worth to other
people chooses them without those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from firmware.pendant import fall
from provisioning import fall_training
from provisioning.fall_data import Recording
from provisioning.fall_training import Candidates
from provisioning.fall_trees import Growth

# More take longer and find no more; at the wrist fewer falls are found with them.
KEPT = {"trunk": 24, "wrist": 0}
STEPS = (6, 8, 10)  # blocks, even: 3.9 s to 6.5 s in all
SHAPE = 4  # bytes, as the pendant reads them
LIMIT = 4  # of a course's 8 mg
LIMITS = 2  # of each
WITHIN = (0.03, 0.97)  # of how far above they are, limits are taken
SEED = 11
HEAT = 200
HOW = Growth(trees=150, rate=0.1, share=0.1, seed=SEED)


def thought_of(courses: Any) -> bytes:
    """All shapes, with limits between which the courses differ. `courses`: (n, 2, COURSE), in 8 mg."""
    dice = np.random.default_rng(SEED)
    some = courses[dice.permutation(len(courses))[:400]].astype(np.int32)
    out = bytearray()
    for step in STEPS:
        for high in (0, 1):
            for taps in combinations(range(9), 3):
                above = _above(some[:, high], step, taps)
                for limit in np.quantile(above, dice.uniform(*WITHIN, LIMITS)).tolist():
                    coded = min(max(round(limit / LIMIT) + 128, 0), 255)
                    out += bytes((2 * step + high, taps[0] | taps[1] << 4, taps[2], coded))
    return bytes(out)


def fits(courses: Any, shapes: bytes) -> Any:
    """In how many places of each course each shape fits, (n, shapes) uint8, as the pendant counts them."""
    wide = courses.astype(np.int32)
    out = np.zeros((len(wide), len(shapes) // SHAPE), np.uint8)
    for n in range(out.shape[1]):
        kind, two, third, limit = shapes[n * SHAPE : (n + 1) * SHAPE]
        above = _above(wide[:, kind & 1], kind >> 1, (two & 15, two >> 4, third))
        out[:, n] = (above > (limit - 128) * LIMIT).sum(1)
    return out


def _above(values: Any, step: int, taps: Sequence[int]) -> Any:
    places = fall_training.COURSE - 8 * step
    nine = sum(values[:, n * step : n * step + places : 2] for n in range(9))
    return 3 * sum(values[:, n * step : n * step + places : 2] for n in taps) - nine


def shaped(found: Candidates, shapes: bytes) -> Candidates:
    """The same impacts with what the pendant counts of these shapes."""
    plain = found.features[:, : len(fall.FEATURES)]
    return replace(found, features=np.hstack([plain, fits(found.courses, shapes)]))


def chosen(recordings: Sequence[Recording], found: Sequence[Candidates], used: Any, count: int) -> bytes:
    """The shapes that are worth most, of the recordings that `used` marks; those of a kind stand together.

    Trees have room for 255 questions, so that heats are held, and a final of who came first in them.
    """
    if not count:
        return b""
    found = found[:2]  # of whoever is awake
    thought = thought_of(found[0].courses[used[found[0].recording]])
    dice = np.random.default_rng(SEED)
    order = dice.permutation(len(thought) // SHAPE)
    heats = np.array_split(order, -(-len(order) // HEAT))
    first = np.concatenate([_first(recordings, found, used, thought, heat, count) for heat in heats])
    last = _first(recordings, found, used, thought, first, count)
    return b"".join(sorted(_shape(thought, n) for n in last.tolist()))


def _first(
    recordings: Sequence[Recording],
    found: Sequence[Candidates],
    used: Any,
    thought: bytes,
    heat: Any,
    count: int,
) -> Any:
    shapes = b"".join(_shape(thought, n) for n in heat.tolist())
    trees = fall_training.trained(recordings, [shaped(each, shapes) for each in found], used, HOW)
    worth = np.array(trees.gains[len(fall.FEATURES) :])
    return heat[np.argsort(-worth, kind="stable")[:count]]


def _shape(shapes: bytes, n: int) -> bytes:
    return shapes[n * SHAPE : (n + 1) * SHAPE]
