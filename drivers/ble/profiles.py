"""Kinds of meters as rows: which characteristics tell, where the clock is, whether a memory must be asked.

And quirks: meters that write their bytes in another way than their profile says, mended before decoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocols.assigned import uuid128

CURRENT_TIME: Final = 0x2A2B
DATE_TIME: Final = 0x2A08  # A&D's meters have it beside the measurement, and no Current Time service
BATTERY: Final = 0x2A19
RECORD_ACCESS: Final = 0x2A52
# Current time, battery, device information, user data: of every kind.
_SERVICES: Final = (0x1805, 0x180F, 0x180A, 0x181C)


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of meter. `tells`: what is subscribed to, in this order. `memory`: ask its record access point
    for what it holds, once all are subscribed to. `session`: stay when all is told, it goes on."""

    services: tuple[int, ...]
    tells: tuple[int, ...]
    memory: bool = False
    session: bool = False  # a sensor under the skin, which goes on telling (drivers/ble/sessions.py)

    @property
    def own(self) -> list[str]:
        """The services that only this kind has."""
        return [uuid128(uuid) for uuid in self.services]

    @property
    def uuids(self) -> list[str]:
        """The services to discover."""
        return [uuid128(uuid) for uuid in (*self.services, *_SERVICES)]


PROFILES: Final[dict[str, Profile]] = {
    "blood-pressure": Profile((0x1810,), (0x2A35,)),
    "thermometer": Profile((0x1809,), (0x2A1C,)),
    "oximeter": Profile((0x1822,), (0x2A5E, 0x2A5F)),
    "scale": Profile((0x181D, 0x181B), (0x2A9D, 0x2A9C)),
    "heart-rate": Profile((0x180D,), (0x2A37,)),
    "glucose": Profile((0x1808,), (0x2A18, 0x2A34), memory=True),
    "continuous-glucose": Profile((0x181F,), (0x2AA7,), memory=True, session=True),
}


# Meters that are never connected to: their adverts say all (drivers/ble/xiaomi.py).
ADVERTS: Final = ("xiaomi-scale", "xiaomi-thermometer", "xiaomi-body-thermometer")


@dataclass(frozen=True, slots=True)
class Quirk:
    """How a model departs from its profile, for one characteristic.

    `order`: sizes of the fields behind the flags whose octets stand most significant first; `extra`: octets
    at the end that no flag announces, cut off.
    """

    uuid: int
    flags: int = 1
    order: tuple[int, ...] = ()
    extra: int = 0

    def mend(self, raw: bytes) -> bytes:
        """The bytes as the profile wants them; what is too short is left for the decoder to refuse."""
        if self.extra:
            raw = raw[: -self.extra]
        head, at = raw[: self.flags], self.flags
        body = b""
        for size in self.order:
            body += raw[at : at + size][::-1]
            at += size
        return head + body + raw[at:]


# Beurer's write the three pressures big-endian, and a user's number behind them that no flag announces.
_BEURER: Final = Quirk(0x2A35, order=(2, 2, 2), extra=1)
QUIRKS: Final[dict[str, Quirk]] = {"beurer-bm48": _BEURER, "beurer-bm59": _BEURER, "beurer-bm85": _BEURER}


def mended(quirk: str, uuid: int, raw: bytes) -> bytes:
    """The bytes of a characteristic of a model with this quirk ("" for none)."""
    row = QUIRKS.get(quirk)
    return row.mend(raw) if row is not None and row.uuid == uuid else raw
