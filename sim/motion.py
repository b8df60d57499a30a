"""Made-up motion of somebody who wears a pendant: milli-g samples, gravity included, from a seed.

Crude on purpose: gravity along a pose, the steps of a walk, the drop, blow and stillness of a fall. It is
there to let a simulated pendant fall and to test code; how good a detector is, recordings of people tell.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

Sample = tuple[int, int, int]
Pose = tuple[float, float, float]

UPRIGHT: Pose = (0.05, -0.99, 0.1)  # hanging on the chest: gravity along the second axis
UPRIGHT_MG: Sample = (50, -990, 100)
ON_THE_SIDE: Pose = (0.97, 0.05, 0.22)
ON_THE_BACK: Pose = (0.05, 0.08, 0.99)
SITTING: Pose = (0.05, -0.93, 0.36)
LYING = (ON_THE_SIDE, ON_THE_BACK)
STEP_S = 0.55  # an old person's walk: 110 steps a minute
TREMOR = 12.0  # milli-g of a body at rest


class Wearer:
    """Makes stretches of motion one after another at `hz`, each from the pose in which the last one ended."""

    def __init__(self, seed: int, hz: int = 50, pose: Pose = UPRIGHT) -> None:
        self.dice = random.Random(f"wearer {seed}")
        self.hz = hz
        self.pose = pose

    def rest(self, seconds: float, noise: float = TREMOR) -> list[Sample]:
        """Nothing but breath and tremor."""
        return [self._sample(self.pose, 1000.0, noise) for _ in range(round(seconds * self.hz))]

    def walk(self, seconds: float) -> list[Sample]:
        """Steps: the magnitude swings about 1 g, each heel gives a small knock."""
        out = []
        for n in range(round(seconds * self.hz)):
            phase = n / self.hz / STEP_S % 1
            size = 1000 + 180 * math.sin(2 * math.pi * phase) + (250 if phase < 0.06 else 0)
            out.append(self._sample(self.pose, size, 60.0))
        return out

    def turn(self, pose: Pose, seconds: float, noise: float = 40.0) -> list[Sample]:
        """From the present pose to another, evenly."""
        count = max(1, round(seconds * self.hz))
        start, self.pose = self.pose, pose
        out = []
        for n in range(1, count + 1):
            part = n / count
            mixed = tuple(a + (b - a) * part for a, b in zip(start, pose, strict=True))
            out.append(self._sample((mixed[0], mixed[1], mixed[2]), 1000.0, noise))
        return out

    def sit_down(self) -> list[Sample]:
        """A plump into a chair, upright before and after."""
        down = self.turn(SITTING, 0.8)
        blow = [self._sample(self.pose, size, 80.0) for size in self._blow(self.dice.uniform(1500, 2100))]
        return [*down, *blow]

    def fall(self) -> list[Sample]:
        """Loses balance, drops, hits the ground part by part and stays in another pose."""
        lying = self.dice.choice(LYING)
        start, self.pose = self.pose, lying
        drop = max(3, round(self.dice.uniform(0.35, 0.5) * self.hz))
        out = []
        for n in range(drop):
            part = (n + 1) / drop
            mixed = tuple(a + (b - a) * part for a, b in zip(start, lying, strict=True))
            out.append(self._sample((mixed[0], mixed[1], mixed[2]), 1000 - 750 * part, 90.0))
        knee = list(self._blow(self.dice.uniform(2600, 3600)))[: round(0.16 * self.hz)]
        hip = list(self._blow(self.dice.uniform(4500, 6500)))[: round(0.24 * self.hz)]
        shoulder = list(self._blow(self.dice.uniform(2400, 3600)))
        return out + [self._sample(lying, size, 250.0) for size in (*knee, *hip, *shoulder)]

    def _blow(self, size: float) -> Iterator[float]:
        """An impact and how it dies away, over 0.6 s."""
        count = round(0.6 * self.hz)
        for n in range(count):
            swing = math.exp(-9 * n / count) * math.cos(2 * math.pi * 2.5 * n / count)
            yield max(150.0, 1000 + (size - 1000) * swing)

    def _sample(self, pose: Pose, size: float, noise: float) -> Sample:
        length = math.sqrt(sum(a * a for a in pose)) or 1.0
        x, y, z = (round(a / length * size + self.dice.gauss(0, noise)) for a in pose)
        return x, y, z


def fallen(seed: int, hz: int = 50, before_s: float = 6.0, after_s: float = 8.0) -> list[Sample]:
    """Somebody walks, falls, and stays down."""
    wearer = Wearer(seed, hz)
    return [*wearer.walk(before_s), *wearer.fall(), *wearer.rest(after_s)]


def risen(seed: int, hz: int = 50, before_s: float = 6.0, walks_s: float = 30.0) -> list[Sample]:
    """Somebody walks, falls, gets up after a while, and walks on."""
    wearer = Wearer(seed, hz)
    fell = [*wearer.walk(before_s), *wearer.fall(), *wearer.rest(8.0)]
    return [*fell, *wearer.turn(UPRIGHT, 3.0), *wearer.walk(walks_s), *wearer.rest(2.0)]


def day(seed: int, hz: int = 50) -> list[Sample]:
    """Half a minute of walking, sitting down, sitting and walking on."""
    wearer = Wearer(seed, hz)
    out = [*wearer.walk(8), *wearer.sit_down(), *wearer.rest(8)]
    return [*out, *wearer.turn(UPRIGHT, 1.0), *wearer.walk(8)]
