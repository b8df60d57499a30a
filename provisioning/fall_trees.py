"""Boosted trees are grown over features of one byte and written as the bytes that pendant and hub read.

Trees are oblivious: one feature and one cut for each of four levels, 16 leaves. They take four comparisons
each, and the single question a level is what keeps them from learning persons by heart. A leaf is a byte for
the hub (`edge/weighing.py`), half of one for the pendant (`firmware/pendant/fall.py`), whose heap is short:
then each tree is grown on what the rounded ones before it left. Logistic loss, second order; every choice is
made by a generator with a seed: the same data give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from firmware.pendant import fall
from firmware.pendant.fall import DEPTH

LEAVES = 2**DEPTH
BINS = 32  # cuts that are tried for a feature, at its quantiles
HUB_TREE = 2 * DEPTH + LEAVES  # bytes of one: features, cuts, leaves
ZERO = 128  # the byte of a leaf that says nothing
MOST = 3.0  # log-odds of a leaf, before the rate
HALF_MOST = 7  # the largest half: what it stands for is its square


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown."""

    trees: int = 80
    rate: float = 0.17
    least_weight: float = 3.0  # of a leaf, in its curvature: keeps single recordings from having a leaf
    smooth: float = 2.0
    share: float = 0.4  # of the features that one level chooses from
    people: float = 0.8  # of the people that one tree sees
    seed: int = 1
    halves: bool = False  # leaves of half a byte; takes an even number of trees


@dataclass(frozen=True, slots=True)
class Trees:
    """What was grown, in bytes; what a leaf stands for is `scale` times the log-odds."""

    table: bytes
    scale: float
    halves: bool
    gains: tuple[float, ...] = field(default=(), compare=False)  # what asking each feature was worth

    def score(self, features: Any) -> Any:
        """Sums of the leaves for rows of features, exactly as the pendant and the hub sum them."""
        asked, leaves = self._halves() if self.halves else self._rows()
        total = np.zeros(len(features), np.int32)
        for questions, worth in zip(asked, leaves, strict=True):
            leaf = np.zeros(len(features), np.int64)
            for level in range(DEPTH):
                leaf = 2 * leaf + (features[:, questions[level]] > questions[DEPTH + level])
            total += worth[leaf]
        return total

    def _rows(self) -> tuple[Any, Any]:
        """Features and cuts (trees, 8), what leaves stand for (trees, 16)."""
        rows = np.frombuffer(self.table, np.uint8).reshape(-1, HUB_TREE)
        return rows[:, : 2 * DEPTH], rows[:, 2 * DEPTH :].astype(np.int32) - ZERO

    def _halves(self) -> tuple[Any, Any]:
        """The same of the pendant's."""
        count = len(self.table) // (2 * fall.TREE)
        table = np.frombuffer(self.table, np.uint8)
        asked = table[: 4 * DEPTH * count].reshape(2, 2 * DEPTH, count).transpose(0, 2, 1)
        both = table[4 * DEPTH * count :].reshape(count, LEAVES).astype(np.int32)
        halves = np.concatenate([both & 15, both >> 4]) - 8
        return asked.reshape(-1, 2 * DEPTH), halves * abs(halves)


def grow(features: Any, labels: Any, weights: Any, people: Any, how: Growth) -> Trees:
    """Grow trees on rows (bytes); `labels` 0 or 1, `people` a number for the person of each row."""
    dice = np.random.default_rng(how.seed)
    marks = np.linspace(0, 1, BINS + 1)[1:-1]
    cuts = [np.unique(np.quantile(column, marks).astype(np.int64)) for column in features.T]
    binned = [np.searchsorted(cut, column) for cut, column in zip(cuts, features.T, strict=True)]
    everybody = np.unique(people)
    start = float((weights * labels).sum() / weights.sum())
    log_odds = np.full(len(labels), np.log(start / (1 - start)))
    grown = []
    gains = np.zeros(len(binned))
    for _ in range(how.trees):
        chance = 1 / (1 + np.exp(-log_odds))
        seen = np.isin(
            people, dice.choice(everybody, max(1, int(len(everybody) * how.people)), replace=False)
        )
        slope, curve = (chance - labels) * weights * seen, chance * (1 - chance) * weights * seen
        which, at, leaf, gained = _tree(binned, slope, curve, dice, how)
        np.add.at(gains, which, gained)
        leaves = _leaves(leaf, slope, curve, how)
        if how.halves:
            leaves = _halves(leaves, how)
            log_odds += (leaves * abs(leaves) / _scale(how))[leaf]
        else:
            log_odds += leaves[leaf]
        real = [int(cuts[f][b]) if b < len(cuts[f]) else 255 for f, b in zip(which, at, strict=True)]
        grown.append((which, real, leaves))
    trees = _packed_halves(grown, how) if how.halves else _packed(grown)
    return replace(trees, gains=tuple(gains.tolist()))


def _tree(binned: list[Any], slope: Any, curve: Any, dice: Any, how: Growth) -> tuple[Any, Any, Any, Any]:
    """Feature and bin of each level, each row's leaf, and what each level gained."""
    which, at, gained = [], [], []
    leaf = np.zeros(len(slope), np.int64)
    for level in range(DEPTH):
        width = 2**level
        best = (-1.0, 0, BINS)
        for f in dice.permutation(len(binned))[: max(2, int(len(binned) * how.share))].tolist():
            place = leaf * BINS + binned[f]
            g = np.bincount(place, slope, width * BINS).reshape(width, BINS).cumsum(1)
            h = np.bincount(place, curve, width * BINS).reshape(width, BINS).cumsum(1)
            all_g, all_h = g[:, -1:], h[:, -1:]
            gain = g**2 / (h + how.smooth) + (all_g - g) ** 2 / (all_h - h + how.smooth)
            gain -= all_g**2 / (all_h + how.smooth)
            gain[(h < how.least_weight) | (all_h - h < how.least_weight)] = 0
            total = gain.sum(0)
            b = int(total.argmax())
            if total[b] > best[0]:
                best = (float(total[b]), f, b)
        which.append(best[1])
        at.append(best[2])
        gained.append(max(best[0], 0.0))
        leaf = 2 * leaf + (binned[best[1]] > best[2])
    return which, at, leaf, gained


def _leaves(leaf: Any, slope: Any, curve: Any, how: Growth) -> Any:
    g, h = np.bincount(leaf, slope, LEAVES), np.bincount(leaf, curve, LEAVES)
    return np.clip(-g / (h + how.smooth), -MOST, MOST) * how.rate


def _scale(how: Growth) -> float:
    return HALF_MOST**2 / (MOST * how.rate)


def _halves(leaves: Any, how: Growth) -> Any:
    """The nearest roots."""
    roots = np.round(np.sqrt(abs(leaves) * _scale(how)))
    return (np.sign(leaves) * roots).astype(np.int64)


def _packed_halves(grown: list[tuple[Any, Any, Any]], how: Growth) -> Trees:
    middle, odd = divmod(len(grown), 2)
    if odd:
        raise ValueError("an even number of trees, please: a byte has a leaf of two")
    asked = [
        bytes(c) for half in (grown[:middle], grown[middle:]) for c in zip(*map(_asked, half), strict=True)
    ]
    leaves = np.array([leaves + 8 for _, _, leaves in grown])
    both = leaves[:middle] + 16 * leaves[middle:]
    return Trees(b"".join(asked) + bytes(both.ravel().tolist()), _scale(how), True)


def _packed(grown: list[tuple[Any, Any, Any]]) -> Trees:
    most = max(float(np.abs(leaves).max()) for _, _, leaves in grown)
    scale = 127 / most if most else 1.0
    parts = [bytes(_asked(t) + (np.round(t[2] * scale).astype(int) + ZERO).tolist()) for t in grown]
    return Trees(b"".join(parts), scale, False)


def _asked(tree: tuple[Any, Any, Any]) -> list[int]:
    which, cuts, _ = tree
    return [*which, *cuts]
