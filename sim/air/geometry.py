"""How loud one radio is to another: places, walls and jamming in, signal (dBm) and loss (0..1) out."""

import math
import zlib
from dataclasses import dataclass
from random import Random

REFERENCE_DBM = -50.0  # at 1 m from a 0 dBm chip antenna; a worn one loses some 10 dB against a dipole
PATH_EXPONENT = 2.2  # a furnished flat, doors open; 2.0 is free space; walls are extra
SENSITIVITY_DBM = -92.0  # half of the packets are lost here; data sheets state -94..-97
LOSS_SLOPE_DB = 2.0  # from 1 % to 99 % loss takes about 18 dB, as measured fades do
NEAREST_M = 0.3
DEAD_LOSS = 0.97  # a link whose packets are lost so often does not keep its supervision alive
FADE_DB = 2.0  # standard deviation from one advert to the next


@dataclass(frozen=True, slots=True)
class Wall:
    """A straight wall from (x1, y1) to (x2, y2) in metres; whoever looks through it loses `loss_db`."""

    x1: float
    y1: float
    x2: float
    y2: float
    loss_db: float


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a radio stands (metres) and how loud it is (dBm at the antenna)."""

    x: float = 0.0
    y: float = 0.0
    tx_dbm: float = 0.0


def _side(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


def crosses(a: Spot, b: Spot, wall: Wall) -> bool:
    """True when the line between two spots goes through the wall (touching an end does not count)."""
    w1 = _side(a.x, a.y, b.x, b.y, wall.x1, wall.y1)
    w2 = _side(a.x, a.y, b.x, b.y, wall.x2, wall.y2)
    s1 = _side(wall.x1, wall.y1, wall.x2, wall.y2, a.x, a.y)
    s2 = _side(wall.x1, wall.y1, wall.x2, wall.y2, b.x, b.y)
    return w1 * w2 < 0 and s1 * s2 < 0


def signal_dbm(a: Spot, b: Spot, walls: tuple[Wall, ...]) -> float:
    """Mean received power at b of what a sends: log-distance path loss and the walls between."""
    distance = max(NEAREST_M, math.hypot(a.x - b.x, a.y - b.y))
    through = sum(w.loss_db for w in walls if crosses(a, b, w))
    return a.tx_dbm + REFERENCE_DBM - 10 * PATH_EXPONENT * math.log10(distance) - through


def loss(dbm: float, noise_db: float = 0.0) -> float:
    """Share of packets lost at this signal, with `noise_db` of jamming on the receiver."""
    margin = (dbm - noise_db - SENSITIVITY_DBM) / LOSS_SLOPE_DB
    if margin > 30:
        return 0.0
    return 1.0 / (1.0 + math.exp(max(-30.0, margin)))


class Dice:
    """One random stream for each pair of radios: a pair's draws do not depend on who else is there."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[tuple[str, str], Random] = {}

    def of(self, sender: str, receiver: str) -> Random:
        """The stream for packets from sender to receiver."""
        key = (sender, receiver)
        stream = self._streams.get(key)
        if stream is None:
            mark = zlib.crc32(f"{self.seed}/{sender}/{receiver}".encode())
            stream = self._streams[key] = Random(mark)
        return stream
