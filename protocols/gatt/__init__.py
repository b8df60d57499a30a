"""GATT health data: the bytes of a meter's characteristics to values, and back for the simulator.

    decode(0x2A35, raw) -> {"unit": "mm[Hg]", "systolic": 138.0, ...}
    encode(0x2A35, values) -> raw

Values are int, float, str, Moment (the meter's clock), Absence (a special value instead of a number), tuples
of those. `python -m protocols.gatt CHARACTERISTIC HEX` prints them as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from protocols.assigned import BASE as _BASE
from protocols.assigned import uuid128
from protocols.gatt.continuous import CONTINUOUS
from protocols.gatt.layout import Values
from protocols.gatt.numbers import Absence, Cause, GattError, Moment
from protocols.gatt.people import ABOUT
from protocols.gatt.records import RECORDS
from protocols.gatt.tables import LAYOUTS

__all__ = [
    "CHARACTERISTICS",
    "Absence",
    "Cause",
    "GattError",
    "Moment",
    "Values",
    "decode",
    "encode",
    "find",
    "uuid128",
]

MAX_BYTES: Final = 512  # of one attribute, Core 5.4 Vol 3 Part F 3.2.9


class Characteristic(Protocol):
    """A row: a Layout, or one of the records with a way of their own."""

    @property
    def uuid(self) -> int: ...

    @property
    def name(self) -> str: ...

    def read(self, raw: bytes) -> Values: ...

    def write(self, values: Mapping[str, Any]) -> bytes: ...


_ROWS: Final[tuple[Characteristic, ...]] = (*LAYOUTS, *CONTINUOUS, *RECORDS, *ABOUT)
CHARACTERISTICS: Final = {row.uuid: row for row in _ROWS}


def find(text: str) -> int:
    """The assigned number of "2A35", "0x2a35", a 128-bit UUID, our name or that of the Bluetooth SIG, however
    it is written ("Blood Pressure Measurement", "blood_pressure_measurement"). GattError(UNKNOWN)."""
    from protocols.gatt.names import number_of  # only people ask by name

    plain = text.strip().lower().removesuffix(_BASE).removeprefix("0x")
    number = int(plain, 16) if re.fullmatch("(0000)?[0-9a-f]{4}", plain) else None
    if number not in CHARACTERISTICS:
        number = number_of(text, {row.name: uuid for uuid, row in CHARACTERISTICS.items()})
    if number is None:
        raise GattError(
            Cause.UNKNOWN, f"no characteristic {text[:60]!r} is known here; --list shows those that are"
        )
    return number


def decode(uuid: int, raw: bytes) -> Values:
    """The values in a characteristic's bytes. GattError, and nothing else, for what is not such a value."""
    row = CHARACTERISTICS.get(uuid)
    if row is None:
        raise GattError(Cause.UNKNOWN, f"no characteristic {uuid:04X} is known here")
    if len(raw) > MAX_BYTES:
        raise GattError(Cause.TRAILING, f"{row.name} has {len(raw)} bytes, more than an attribute can")
    return row.read(raw)


def encode(uuid: int, values: Mapping[str, Any]) -> bytes:
    """The bytes of values that `decode` could give. GattError for what cannot be said."""
    row = CHARACTERISTICS.get(uuid)
    if row is None:
        raise GattError(Cause.UNKNOWN, f"no characteristic {uuid:04X} is known here")
    return row.write(values)
