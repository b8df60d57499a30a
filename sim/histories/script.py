"""Makes up what happens in one home: who presses when, what breaks and for how long, from a seed alone."""

from __future__ import annotations

import random
from dataclasses import dataclass

S, MIN = 1_000, 60_000
TWO_HUBS = 0.2
WITH_MODEM = 0.25


@dataclass(frozen=True)
class Step:
    """At a time of the world something happens to somebody; what `value` means is the happening's own."""

    at_ms: int
    what: str
    who: int = 0
    value: int = 0

    def __str__(self) -> str:
        return f"{self.at_ms / 1000:9.3f}  {self.what}({self.who}, {self.value})"


@dataclass(frozen=True)
class Script:
    """One history: a home, and its steps in the order of time."""

    seed: int
    hubs: int
    preset: int
    hours: tuple[int, int]  # service hours of both elders, minutes of the day
    steps: tuple[Step, ...]
    modem: bool = False  # the first hub has one, and a daughter has a phone


# Weight, and how long it lasts (None: a moment). What lasts is ended by a step of its own, `-name`.
PEOPLE: dict[str, tuple[int, tuple[int, int] | None]] = {
    "red": (6, None),
    "green": (5, None),
    "green-twice": (2, None),
    "green-hold": (3, None),
    "changes-mind": (8, None),
    "pendant": (12, None),
    "pendant-twice": (2, None),
    "pendant-hold": (2, None),
    "fall": (2, None),
    "readings": (5, None),
    "heartbeat": (2, None),
    "red-and-kill": (3, None),
    "pendant-and-cut": (2, None),
    "asks-in-vain": (2, (6 * MIN, 9 * MIN)),
}
TROUBLES: dict[str, tuple[int, tuple[int, int] | None]] = {
    "cut": (7, (2 * S, 120 * S)),
    "lossy": (5, (5 * S, 120 * S)),
    "slow": (3, (5 * S, 60 * S)),
    "platform-down": (4, (2 * S, 90 * S)),
    "refuses": (3, (2 * S, 20 * S)),
    "asleep": (6, (2 * MIN, 10 * MIN)),
    "tardy": (3, (60 * S, 5 * MIN)),
    "disk-hangs": (5, (1 * S, 30 * S)),
    "disk-fails": (5, (1 * S, 40 * S)),
    "killed": (6, (200, 20 * S)),
    "rebooted": (4, (2 * S, 60 * S)),
    "wall-jumps": (4, None),
    "away": (5, (2 * S, 90 * S)),
    "pendant-off": (4, (500, 60 * S)),
    "pendant-resets": (5, None),
    "flash-dead": (3, (5 * S, 120 * S)),
    "jammed": (4, (2 * S, 40 * S)),
    "adapter-hangs": (4, (5 * S, 40 * S)),
    "adapter-deaf": (4, (5 * S, 60 * S)),
    "replay": (4, None),
    "forgery": (4, None),
    "mute": (4, (10 * S, 60 * S)),
    "modem-out": (4, (5 * S, 90 * S)),
    "no-service": (4, (5 * S, 120 * S)),
}
PAUSES: dict[str, tuple[int, tuple[int, int] | None]] = {"wait": (6, None), "hours": (2, None)}


def make(seed: int) -> Script:
    """The script of a seed."""
    rng = random.Random(f"script {seed}")
    hubs = 2 if rng.random() < TWO_HUBS else 1
    hours = rng.choice([(0, 0), (0, 0), (480, 1200), (1200, 480)])
    calm = rng.random() < 0.15  # a day on which little breaks: what takes minutes of peace is seen there
    table = dict(PEOPLE) | PAUSES
    favourites = rng.sample(list(TROUBLES), 2 if calm else rng.randint(5, 14))
    table |= {name: TROUBLES[name] for name in favourites}
    steps: list[Step] = []
    now, count = 5 * S, rng.randint(5, 11)
    while count > 0:
        now += int(rng.expovariate(1 / 4_000)) + 50
        what = rng.choices(list(table), [weight for weight, _ in table.values()])[0]
        now = _happen(rng, what, table[what][1], now, steps)
        count -= 1
    steps.sort(key=lambda step: step.at_ms)
    modem = random.Random(f"modem {seed}").random() < WITH_MODEM
    return Script(seed, hubs, int(rng.random() < 0.4), hours, tuple(steps), modem)


def _happen(rng: random.Random, what: str, lasts: tuple[int, int] | None, now: int, steps: list[Step]) -> int:
    who, value = rng.randrange(2), rng.randrange(1 << 30)
    if what == "wait":
        return now + rng.choice([20 * S, 45 * S, 100 * S, 200 * S, 380 * S])
    if what == "hours":
        length = rng.choice([20 * MIN, 35 * MIN, 3 * 60 * MIN, 10 * 60 * MIN])
        steps.append(Step(now, "hours", 0, length))
        return now + length + 5 * S
    steps.append(Step(now, what, who, value))
    if lasts is not None:
        steps.append(Step(now + rng.randint(*lasts), f"-{what}", who, value))
    return now
