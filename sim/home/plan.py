"""The flat in which it happens: rooms, walls and where things stand, in metres."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Room:
    """A rectangle with a name in both languages; `x`, `y` is its upper left corner."""

    id: str
    x: float
    y: float
    width: float
    height: float
    zh: str
    en: str
    outside: bool = False

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


@dataclass(frozen=True)
class Wall:
    """A wall that can be raised: `loss_db` is what a raised one (reinforced concrete, tiles, foil) takes.

    2.4 GHz through brick costs 5 to 8 dB, through reinforced concrete 15 to 25 dB; a raised wall stands for a
    bad one, so that a visitor sees a link break.
    """

    id: str
    x1: float
    y1: float
    x2: float
    y2: float
    loss_db: float = 30.0


WIDTH, HEIGHT = 13.0, 6.2
ROOMS = (
    Room("bedroom", 0.0, 0.0, 3.8, 3.3, "主卧", "Bedroom"),
    Room("guest", 0.0, 3.3, 3.8, 2.9, "次卧", "Second bedroom"),
    Room("bath", 3.8, 0.0, 2.2, 2.3, "卫生间", "Bathroom"),
    Room("kitchen", 6.0, 0.0, 3.2, 2.3, "厨房", "Kitchen"),
    Room("living", 3.8, 2.3, 5.4, 3.9, "客厅", "Living room"),
    Room("balcony", 9.2, 0.0, 1.5, 6.2, "阳台", "Balcony"),
    Room("yard", 10.7, 0.0, 2.3, 6.2, "院子", "Yard", outside=True),
)
WALLS = (
    Wall("bedroom", 3.8, 0.0, 3.8, 3.3),
    Wall("guest", 3.8, 3.3, 3.8, 6.2),
    Wall("between", 0.0, 3.3, 3.8, 3.3),
    Wall("wet", 3.8, 2.3, 9.2, 2.3),
    Wall("bath", 6.0, 0.0, 6.0, 2.3),
    Wall("balcony", 9.2, 0.0, 9.2, 6.2),
    Wall("outer", 10.7, 0.0, 10.7, 6.2),
)
HUB_SPOTS = (
    (6.6, 2.75),
    (0.5, 5.7),
)  # the living room's cabinet, the guest room
PENDANT_SPOTS = ((1.5, 1.9), (7.9, 4.6), (7.6, 1.2), (2.4, 4.8))
METER_SPOTS = ((2.6, 0.9), (8.2, 5.2), (3.2, 5.0), (5.2, 1.0))
STRANGER_SPOT = (10.0, 3.6)


def room_at(x: float, y: float) -> Room:
    """The room at a point; what lies outside of all is the yard."""
    return next((room for room in ROOMS if room.holds(x, y)), ROOMS[-1])


def as_json() -> dict[str, Any]:
    """The flat for the page."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "rooms": [asdict(room) for room in ROOMS],
        "walls": [asdict(wall) for wall in WALLS],
    }
