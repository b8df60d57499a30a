"""Continuous glucose: records with a size and a checksum of their own, and the sensor's control point.

Source: Continuous Glucose Monitoring Service 1.0.2. Each row has `uuid`, `name`, `read` and `write`, as a
Layout has. An end-to-end checksum (E2E-CRC) that does not fit is a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocols.gatt.layout import Field, Layout, Values
from protocols.gatt.numbers import (
    SFLOAT,
    Bounded,
    Cause,
    Codec,
    Cursor,
    DateTime,
    GattError,
    Nibbles,
    Whole,
    Word,
    impossible,
)
from protocols.gatt.people import SUMMER, ZONE
from protocols.gatt.tables import PLACES, SAMPLES

_U8: Final = Whole(1)
_U16: Final = Whole(2)
_CRC_SEED: Final = 0xFFFF  # CGM Service 1.0.2, 3.1.1.5: CRC-CCITT, least significant bit first (MCRF4XX)
_CRC_POLYNOMIAL: Final = 0x8408


def crc(data: bytes) -> int:
    """The E2E-CRC of a CGM value."""
    value = _CRC_SEED
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (_CRC_POLYNOMIAL if value & 1 else 0)
    return value


def _without_crc(name: str, raw: bytes) -> bytes:
    """The value before its CRC, which must fit. GattError(CHECKSUM)."""
    body, sent = raw[:-2], int.from_bytes(raw[-2:], "little")
    if crc(body) != sent:
        raise GattError(Cause.CHECKSUM, f"{name}: its checksum does not fit")
    return body


class Checked:
    """A layout of a fixed size that a CRC may follow; `crc` among its values says that one does."""

    def __init__(self, layout: Layout, size: int) -> None:
        self.uuid, self.name = layout.uuid, layout.name
        self._layout, self._size = layout, size

    def read(self, raw: bytes) -> Values:
        """The values, and whether a CRC that fits stood behind them."""
        has = len(raw) == self._size + 2
        return {**self._layout.read(_without_crc(self.name, raw) if has else raw), "crc": has}

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes, with a CRC if `crc` is true."""
        body = self._layout.write({name: value for name, value in values.items() if name != "crc"})
        return body + (crc(body).to_bytes(2, "little") if values.get("crc") else b"")


_CGM: Final = Layout(
    0x2AA7,
    "continuous-glucose",
    (
        Field("glucose", Bounded(SFLOAT, 0, 2000)),  # mg/dL
        Field("offset_min", _U16),
        Field("status", _U8, 7),
        Field("calibration", _U8, 6),
        Field("warning", _U8, 5),
        Field("trend", SFLOAT, 0),  # mg/dL a minute
        Field("quality_pct", Bounded(SFLOAT, 0, 100), 1),
    ),
    flags=1,
)


class Continuous:
    """Notifications of one or more CGM records; a record two octets longer than its flags say bears a CRC."""

    uuid, name = _CGM.uuid, _CGM.name

    def read(self, raw: bytes) -> Values:
        """{"records": ({glucose in mg/dL, offset_min, ..., "crc": there was one}, ...)}."""
        cursor, found = Cursor(raw), []
        while cursor.left:
            size = cursor.take(1, f"{self.name}.size")[0]
            if size < 6:
                raise impossible(f"{self.name}.size")
            found.append(self._record(bytes((size,)) + cursor.take(size - 1, f"{self.name}.record")))
        if not found:
            raise GattError(Cause.SHORT, f"{self.name} has no record")
        return {"records": tuple(found)}

    def _record(self, raw: bytes) -> Values:
        flags = raw[1]
        needs = 6 + sum(flags >> bit & 1 for bit in (5, 6, 7)) + 2 * ((flags & 1) + (flags >> 1 & 1))
        has = len(raw) == needs + 2
        return {**_CGM.read((_without_crc(self.name, raw) if has else raw)[1:]), "crc": has}

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of records as `read` gives them."""
        records = values.get("records")
        if not isinstance(records, tuple) or not all(isinstance(record, Mapping) for record in records):
            raise impossible(self.name)
        return b"".join(map(self._written, records))

    def _written(self, record: Mapping[str, Any]) -> bytes:
        body = _CGM.write({name: value for name, value in record.items() if name != "crc"})
        has = bool(record.get("crc"))
        sized = bytes((len(body) + 1 + 2 * has,)) + body
        return sized + (crc(sized).to_bytes(2, "little") if has else b"")


_SAMPLE: Final = Nibbles(("sample", SAMPLES), ("place", PLACES))


class Feature:
    """2AA8: always with two octets of checksum, which are FFFF where the sensor knows none (3.2.1.3)."""

    uuid, name = 0x2AA8, "continuous-glucose-feature"
    _LAYOUT: Final = Layout(0x2AA8, name, (Field("features", Whole(3)), Field("", _SAMPLE)))
    _CRC_KNOWN: Final = 1 << 12

    def read(self, raw: bytes) -> Values:
        """{"features", "sample", "place", "crc": it knows checksums}."""
        if len(raw) < 6:
            raise GattError(Cause.SHORT, f"{self.name} has {len(raw)} bytes where 6 are promised")
        values = self._LAYOUT.read(raw[:4] + raw[6:])
        has = bool(values["features"] & self._CRC_KNOWN)
        if has:
            _without_crc(self.name, raw)
        elif raw[4:] != b"\xff\xff":
            raise GattError(
                Cause.CHECKSUM, f"{self.name}: a checksum where its features say that there is none"
            )
        return {**values, "crc": has}

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes; whether there is a checksum stands in the features."""
        body = self._LAYOUT.write({name: value for name, value in values.items() if name != "crc"})
        has = bool(values["features"] & self._CRC_KNOWN)
        return body + (crc(body).to_bytes(2, "little") if has else b"\xff\xff")


_LEVELS: Final = (
    "patient-high",
    "patient-low",
    "hypo",
    "hyper",
    "rate-of-decrease",
    "rate-of-increase",
)
_WORDS: Final = {
    1: "set-interval",
    2: "get-interval",
    3: "interval",
    4: "set-calibration",
    5: "get-calibration",
    6: "calibration",
    **{7 + 3 * n: f"set-{name}" for n, name in enumerate(_LEVELS)},
    **{8 + 3 * n: f"get-{name}" for n, name in enumerate(_LEVELS)},
    **{9 + 3 * n: name for n, name in enumerate(_LEVELS)},
    0x19: "reset-alert",
    0x1A: "start-session",
    0x1B: "stop-session",
    0x1C: "response",
}
_OPS: Final = Word(_WORDS)
_RESULTS: Final = Word(
    {
        1: "success",
        2: "op-not-supported",
        3: "operand-invalid",
        4: "not-completed",
        5: "out-of-range",
    }
)
_CALIBRATION: Final[tuple[tuple[str, Codec], ...]] = (
    ("glucose", SFLOAT),  # mg/dL
    ("offset_min", _U16),
    ("", _SAMPLE),
    ("next_offset_min", _U16),
    ("record", _U16),
    ("status", _U8),
)
_OPERANDS: Final[dict[str, tuple[tuple[str, Codec], ...]]] = {
    "set-interval": (("interval_min", _U8),),  # 0: never unasked; 255: as often as it can
    "interval": (("interval_min", _U8),),
    "set-calibration": _CALIBRATION,
    "calibration": _CALIBRATION,
    "get-calibration": (("record", _U16),),
    **{word: (("level", SFLOAT),) for name in _LEVELS for word in (name, f"set-{name}")},
    "response": (("request", _OPS), ("result", _RESULTS)),
}


class SpecificOps:
    """2AAC: what a sensor is told and asked: session, interval, alerts, calibration."""

    uuid, name = 0x2AAC, "continuous-glucose-control"

    def read(self, raw: bytes) -> Values:
        """{"op"} and its operands, and "crc": a checksum that fits stood behind them."""
        cursor = Cursor(raw)
        number = cursor.take(1, f"{self.name}.op")[0]
        if number not in _WORDS:
            raise impossible(f"{self.name}.op")
        values: Values = {"op": _OPS.name(number)}
        for name, codec in _OPERANDS.get(values["op"], ()):
            value = codec.read(cursor, f"{self.name}.{name}")
            values.update(value if isinstance(codec, Nibbles) else {name: value})
        has = cursor.left == 2
        if cursor.left and not has:
            raise GattError(Cause.TRAILING, f"{self.name} has {cursor.left} bytes too many")
        if has:
            _without_crc(self.name, raw)
        return {**values, "crc": has}

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of values as `read` gives them."""
        op = values.get("op")
        if op not in _WORDS.values():
            raise impossible(f"{self.name}.op")
        body = _OPS.write(op, self.name)
        for name, codec in _OPERANDS.get(str(op), ()):
            body += codec.write(values if isinstance(codec, Nibbles) else values.get(name), self.name)
        return body + (crc(body).to_bytes(2, "little") if values.get("crc") else b"")


CONTINUOUS: Final = (
    Continuous(),
    Feature(),
    SpecificOps(),
    Checked(
        Layout(0x2AA9, "continuous-glucose-status", (Field("offset_min", _U16), Field("status", Whole(3)))), 5
    ),
    Checked(
        Layout(
            0x2AAA,
            "continuous-glucose-start",
            (Field("time", DateTime()), Field("zone_15min", ZONE), Field("dst_15min", SUMMER)),
        ),
        9,
    ),
    Checked(Layout(0x2AAB, "continuous-glucose-run", (Field("hours", _U16),)), 2),
)
