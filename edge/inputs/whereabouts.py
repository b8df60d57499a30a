"""Where somebody is who wears a tag or a tracker: near enough to be heard, or how far from home. Pure.

A position never leaves this file: what stands in the journal is a distance, and no direction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from edge.care.home import FAR
from protocols.home_topics import Place

HEARD_MS: Final = 120_000  # a tag advertises every second or ten, and a body is in the way now and then
OLD_S: Final = 10 * 60  # trackers hand in later where they were while they had no network
AHEAD_S: Final = 5 * 60
VAGUE_M: Final = 1_000  # a position that is less certain is none
UNSAID_M: Final = 50  # of accuracy, where a tracker tells none
EARTH_M: Final = 6_371_000
EVERY_MS: Final = 30_000  # between two entries of a tracker on its way
STEP_M, STEP = 20, 0.05  # a smaller change is no news: 20 m, or a twentieth of the way


@dataclass(slots=True)
class Fence:
    """Round which place, and what of a tracker stands in the journal."""

    latitude: float
    longitude: float
    latest: int | None = None
    told: int | None = None
    told_ms: int = 0

    def at(self, place: Place, wall_ms: int | None) -> bool:
        """The tracker was there; `wall_ms` where the hub knows the time. False: a place that says nothing."""
        if place.accuracy_m is not None and place.accuracy_m > VAGUE_M:
            return False
        if place.at_s is not None and wall_ms is not None:
            age_s = wall_ms / 1000 - place.at_s
            if not -AHEAD_S <= age_s <= OLD_S:
                return False
        unsure = place.accuracy_m if place.accuracy_m is not None else UNSAID_M
        away = metres((self.latitude, self.longitude), (place.latitude, place.longitude))
        self.latest = max(0, round(away - unsure))  # at least so far
        return True

    def news(self, now_ms: int) -> str | None:
        """What the journal has to know now, once."""
        if self.latest is None or self.latest == self.told:
            return None
        if self.told is not None:
            step = max(STEP_M, STEP * self.told)
            if now_ms - self.told_ms < EVERY_MS or abs(self.latest - self.told) < step:
                return None
        self.told, self.told_ms = self.latest, now_ms
        return f"{FAR}{self.latest}"


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Between two places in degrees: the haversine."""
    (north_a, east_a), (north_b, east_b) = (tuple(map(math.radians, place)) for place in (a, b))
    half = math.sin((north_b - north_a) / 2) ** 2
    half += math.cos(north_a) * math.cos(north_b) * math.sin((east_b - east_a) / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(min(1.0, half)))
