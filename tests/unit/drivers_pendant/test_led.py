"""The light says what it is told and, between two pins, never more: green is a promise."""

from __future__ import annotations

import itertools

from drivers.pendant.led import Light
from firmware.pendant.surface import AMBER, DARK, GREEN, LIGHTS, RED

SEEN = {(0, 0): "off", (1, 0): "red", (0, 1): "green", (1, 1): "amber"}


class Pins:
    """Two pins; `seen` is each colour that is there after any write to one of them."""

    def __init__(self) -> None:
        self.levels = {"red": 0, "green": 0}
        self.seen: list[str] = []

    def pin(self, name: str) -> Pin:
        return Pin(self, name)


class Pin:
    def __init__(self, pins: Pins, name: str) -> None:
        self.pins, self.name = pins, name

    def value(self, level: int) -> None:
        self.pins.levels[self.name] = level
        self.pins.seen.append(SEEN[self.pins.levels["red"], self.pins.levels["green"]])


def flashed(*patterns: int) -> list[str]:
    """All that is seen of two flashes of each."""
    pins = Pins()
    light = Light(pins.pin("red"), pins.pin("green"))
    now_ms = 0
    for pattern in patterns:
        light.show(LIGHTS[pattern], now_ms)
        for _ in range(4):
            now_ms = light.step(now_ms) or now_ms + 1000
    light.off()
    return pins.seen


def test_a_colour_is_shown_and_goes_out() -> None:
    for pattern, colour in ((AMBER, "amber"), (RED, "red"), (GREEN, "green")):
        seen = flashed(pattern)
        assert colour in seen
        assert seen[-1] == "off"
    assert set(flashed(DARK)) == {"off"}


def test_no_amber_or_red_is_ever_seen_as_green() -> None:
    for patterns in itertools.permutations((DARK, AMBER, RED), 2):
        assert "green" not in flashed(*patterns), "the centre has it: nobody said so"
    assert "green" not in flashed(GREEN, AMBER)[flashed(GREEN, AMBER).index("amber") :]
