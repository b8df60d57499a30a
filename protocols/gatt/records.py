"""What no table of flags can say: records with a size of their own, and the control points' little languages.

Continuous glucose (CGM Service 1.0.2), Record Access Control Point (GATT Specification Supplement), User
Control Point (User Data Service 1.1). Each has `uuid`, `name`, `read` and `write`, as a Layout has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocols.gatt.layout import Field, Layout, Values
from protocols.gatt.numbers import (
    SFLOAT,
    Cause,
    Cursor,
    DateTime,
    GattError,
    Nibbles,
    Whole,
    Word,
    impossible,
)
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
        Field("glucose", SFLOAT),
        Field("offset_min", _U16),
        Field("status", _U8, 7),
        Field("calibration", _U8, 6),
        Field("warning", _U8, 5),
        Field("trend", SFLOAT, 0),
        Field("quality_pct", SFLOAT, 1),
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


_OPS: Final = Word(
    {
        1: "report",
        2: "delete",
        3: "abort",
        4: "count",
        5: "count-response",
        6: "response",
    }
)
_OPERATORS: Final = Word(
    {0: "none", 1: "all", 2: "at-most", 3: "at-least", 4: "between", 5: "first", 6: "last"}
)
_RESULTS: Final = Word(
    {
        1: "success",
        2: "op-not-supported",
        3: "operator-invalid",
        4: "operator-not-supported",
        5: "operand-invalid",
        6: "no-records",
        7: "abort-unsuccessful",
        8: "not-completed",
        9: "operand-not-supported",
    }
)
_FILTERED: Final = {"at-most": 1, "at-least": 1, "between": 2}  # numbers after the filter's type


class RecordAccess:
    """2A52: what is asked of a meter's memory, and what it answers."""

    uuid, name = 0x2A52, "record-access"

    def read(self, raw: bytes) -> Values:
        """{"op", "operator"} and, by op: "count"; "request" and "result"; "filter" and "bounds"."""
        cursor = Cursor(raw)
        op, operator = (
            _OPS.read(cursor, "record-access.op"),
            _OPERATORS.read(cursor, "record-access.operator"),
        )
        values: Values = {"op": op, "operator": operator}
        if op == "count-response":
            values["count"] = _U16.read(cursor, "record-access.count")
        elif op == "response":
            values["request"] = _OPS.read(cursor, "record-access.request")
            values["result"] = _RESULTS.read(cursor, "record-access.result")
        elif operator in _FILTERED:
            kind = values["filter"] = _U8.read(cursor, "record-access.filter")
            codec = _U16 if kind == 1 else DateTime()
            if kind not in (1, 2):
                raise impossible("record-access.filter")
            values["bounds"] = tuple(
                codec.read(cursor, "record-access.bound") for _ in range(_FILTERED[operator])
            )
        if cursor.left:
            raise GattError(Cause.TRAILING, f"record-access has {cursor.left} bytes too many")
        return values

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of values as `read` gives them."""
        what, op = "record-access", values.get("op")
        body = _OPS.write(op, what) + _OPERATORS.write(values.get("operator", "none"), what)
        if op == "count-response":
            return body + _U16.write(values.get("count"), what)
        if op == "response":
            return body + _OPS.write(values.get("request"), what) + _RESULTS.write(values.get("result"), what)
        wanted = _FILTERED.get(values.get("operator", "none"), 0)
        bounds = values.get("bounds", ())
        if not isinstance(bounds, tuple) or len(bounds) != wanted:
            raise impossible(what)
        if not wanted:
            return body
        kind = values.get("filter", 1)
        codec = _U16 if kind == 1 else DateTime()
        return body + _U8.write(kind, what) + b"".join(codec.write(bound, what) for bound in bounds)


_USER_OPS: Final = Word({1: "register", 2: "consent", 3: "delete", 0x20: "response"})
_USER_RESULTS: Final = Word(
    {1: "success", 2: "op-not-supported", 3: "invalid", 4: "failed", 5: "not-authorised"}
)


class UserControl:
    """2A9F: a scale's register of its users, and the consent code that opens one's data."""

    uuid, name = 0x2A9F, "user-control"

    def read(self, raw: bytes) -> Values:
        """{"op"} with "consent"; with "user" and "consent"; or with "request", "result" and maybe "user"."""
        cursor, what = Cursor(raw), "user-control"
        values: Values = {"op": _USER_OPS.read(cursor, what)}
        if values["op"] == "register":
            values["consent"] = _U16.read(cursor, what)
        elif values["op"] == "consent":
            values["user"] = _U8.read(cursor, what)
            values["consent"] = _U16.read(cursor, what)
        elif values["op"] == "response":
            values["request"] = _USER_OPS.read(cursor, what)
            values["result"] = _USER_RESULTS.read(cursor, what)
            if cursor.left:
                values["user"] = _U8.read(cursor, what)
        if cursor.left:
            raise GattError(Cause.TRAILING, f"user-control has {cursor.left} bytes too many")
        return values

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of values as `read` gives them."""
        what, op = "user-control", values.get("op")
        body = _USER_OPS.write(op, what)
        if op == "register":
            return body + _U16.write(values.get("consent"), what)
        if op == "consent":
            return body + _U8.write(values.get("user"), what) + _U16.write(values.get("consent"), what)
        if op == "response":
            body += _USER_OPS.write(values.get("request"), what)
            body += _USER_RESULTS.write(values.get("result"), what)
            return body + (_U8.write(values["user"], what) if "user" in values else b"")
        return body


RECORDS: Final = (
    Continuous(),
    RecordAccess(),
    UserControl(),
    Checked(
        Layout(
            0x2AA8,
            "continuous-glucose-feature",
            (Field("features", Whole(3)), Field("", Nibbles(("sample", SAMPLES), ("place", PLACES)))),
        ),
        4,
    ),
    Checked(
        Layout(0x2AA9, "continuous-glucose-status", (Field("offset_min", _U16), Field("status", Whole(3)))), 5
    ),
    Checked(
        Layout(
            0x2AAA,
            "continuous-glucose-start",
            (
                Field("time", DateTime()),
                Field("zone_15min", Whole(1, signed=True, low=-48, high=56, missing=-128)),
                Field("dst_15min", Whole(1, high=8, missing=0xFF)),
            ),
        ),
        9,
    ),
)
