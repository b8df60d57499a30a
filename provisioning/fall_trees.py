"""Boosted trees are grown over integer features and written as the bytes that the pendant reads.

Trees are complete and four levels deep: 15 features, 15 cuts, 16 leaves, as `firmware.pendant.fall` reads
them. A node that has nothing to split sends everything to the left. Logistic loss, second order; every choice
is made by a generator with a seed, so that the same data give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware.pendant.fall import TREE

DEPTH = 4
NODES = 2**DEPTH - 1
BINS = 48  # cuts that are tried for a feature, at its quantiles
NO_CUT = 32767


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown."""

    trees: int = 40
    rate: float = 0.2
    least_weight: float = 4.0  # of a leaf, in its curvature: keeps single recordings from having a leaf
    smooth: float = 2.0
    share: float = 0.6  # of the features and of the people that one tree sees
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Trees:
    """What was grown: bytes for the pendant; leaves are `scale` times the log-odds."""

    table: bytes
    scale: float

    def score(self, features: Any) -> Any:
        """Sums of the leaves for rows of features, exactly as the pendant sums them."""
        total = np.zeros(len(features), np.int32)
        for at in range(0, len(self.table), TREE):
            which = np.frombuffer(self.table, np.uint8, NODES, at).astype(np.int64)
            cuts = np.frombuffer(self.table, "<i2", NODES, at + NODES)
            leaves = np.frombuffer(self.table, np.int8, NODES + 1, at + 3 * NODES)
            node = np.zeros(len(features), np.int64)
            for _ in range(DEPTH):
                right = features[np.arange(len(features)), which[node]] > cuts[node]
                node = 2 * node + 1 + right
            total += leaves[node - NODES]
        return total


def grow(features: Any, labels: Any, weights: Any, people: Any, how: Growth) -> Trees:
    """Grow trees on rows (int16); `labels` 0 or 1, `people` a number for the person of each row."""
    dice = np.random.default_rng(how.seed)
    cuts = [
        np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1]).astype(np.int32))
        for column in features.T
    ]
    binned = np.stack([np.searchsorted(cut, column) for cut, column in zip(cuts, features.T, strict=True)], 1)
    everybody = np.unique(people)
    start = float((weights * labels).sum() / weights.sum())
    log_odds = np.full(len(labels), np.log(start / (1 - start)))
    grown = []
    for _ in range(how.trees):
        chance = 1 / (1 + np.exp(-log_odds))
        seen = np.isin(people, dice.choice(everybody, max(1, int(len(everybody) * 0.8)), replace=False))
        allowed = dice.permutation(features.shape[1])[: max(2, int(features.shape[1] * how.share))]
        slope, curve = (chance - labels) * weights * seen, chance * (1 - chance) * weights * seen
        which, at, node = _tree(binned, slope, curve, np.sort(allowed), how)
        leaves = _leaves(node, slope, curve, how)
        log_odds += leaves[node]
        real = [int(cuts[f][b]) if b >= 0 else NO_CUT for f, b in zip(which, at, strict=True)]
        grown.append((which, real, leaves))
    return _packed(grown)


def _tree(binned: Any, slope: Any, curve: Any, allowed: Any, how: Growth) -> tuple[list[int], list[int], Any]:
    """Feature and bin of each node in heap order (bin -1: no cut), and each row's leaf."""
    which, at = [0] * NODES, [-1] * NODES
    node = np.zeros(len(binned), np.int64)
    part = binned[:, allowed]
    columns = np.arange(len(allowed)) * BINS
    for level in range(DEPTH):
        width = 2**level
        place = ((node * len(allowed) * BINS)[:, None] + columns + part).ravel()
        size = width * len(allowed) * BINS
        g = np.bincount(place, np.repeat(slope, len(allowed)), size).reshape(width, len(allowed), BINS)
        h = np.bincount(place, np.repeat(curve, len(allowed)), size).reshape(width, len(allowed), BINS)
        left_g, left_h = g.cumsum(2), h.cumsum(2)
        all_g, all_h = left_g[:, :, -1:], left_h[:, :, -1:]
        right_g, right_h = all_g - left_g, all_h - left_h
        gain = left_g**2 / (left_h + how.smooth) + right_g**2 / (right_h + how.smooth)
        gain -= all_g**2 / (all_h + how.smooth)
        gain[(left_h < how.least_weight) | (right_h < how.least_weight)] = -1
        right = np.zeros(len(node), bool)
        for n in range(width):
            f, b = divmod(int(gain[n].argmax()), BINS)
            if gain[n, f, b] <= 1e-6:
                continue
            which[width - 1 + n], at[width - 1 + n] = int(allowed[f]), b
            right |= (node == n) & (part[:, f] > b)
        node = 2 * node + right
    return which, at, node


def _leaves(node: Any, slope: Any, curve: Any, how: Growth) -> Any:
    g, h = np.bincount(node, slope, NODES + 1), np.bincount(node, curve, NODES + 1)
    return np.clip(-g / (h + how.smooth), -3, 3) * how.rate


def _packed(grown: list[tuple[list[int], list[int], Any]]) -> Trees:
    most = max(float(np.abs(leaves).max()) for _, _, leaves in grown)
    scale = 127 / most if most else 1.0
    parts = []
    for which, cuts, leaves in grown:
        parts.append(bytes(which) + np.array(cuts, "<i2").tobytes())
        parts.append(np.round(leaves * scale).astype(np.int8).tobytes())
    return Trees(b"".join(parts), scale)
