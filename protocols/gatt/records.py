"""What no table of flags can say: the control points' little languages, and features that announce features.

Record Access Control Point (GATT Specification Supplement), User Control Point (User Data Service 1.1), PLX
Features (Pulse Oximeter Service 1.0). Each has `uuid`, `name`, `read` and `write`, as a Layout has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocols.gatt.layout import Values
from protocols.gatt.numbers import Cause, Cursor, DateTime, GattError, Whole, Word, impossible

_U8: Final = Whole(1)
_U16: Final = Whole(2)
_OPS: Final = Word(
    {
        1: "report",
        2: "delete",
        3: "abort",
        4: "count",
        5: "count-response",
        6: "response",
        7: "combined-report",
        8: "combined-report-response",
    }
)
_COUNTS: Final = ("count-response", "combined-report-response")
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
        if op in _COUNTS:  # as many octets as the service says: two, or one or four
            size = cursor.left if cursor.left in (1, 4) else 2
            values["count"] = Whole(size).read(cursor, "record-access.count")
        elif op == "response":
            if operator != "none":
                raise impossible("record-access.operator")
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
        if op in _COUNTS:
            count = values.get("count")
            large = isinstance(count, int) and count > 0xFFFF
            return body + Whole(4 if large else 2).write(count, what)
        if op == "response":
            if values.get("operator", "none") != "none":
                raise impossible(what)
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


_USER_OPS: Final = Word(
    {1: "register", 2: "consent", 3: "delete", 4: "list", 5: "delete-user", 0x20: "response"}
)
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
        elif values["op"] == "delete-user":
            values["user"] = _U8.read(cursor, what)
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
        if op == "delete-user":
            return body + _U8.write(values.get("user"), what)
        if op == "consent":
            return body + _U8.write(values.get("user"), what) + _U16.write(values.get("consent"), what)
        if op == "response":
            body += _USER_OPS.write(values.get("request"), what)
            body += _USER_RESULTS.write(values.get("result"), what)
            return body + (_U8.write(values["user"], what) if "user" in values else b"")
        return body


class OximeterFeatures:
    """2A60: what an oximeter can; two of its features announce which bits of a status it knows."""

    uuid, name = 0x2A60, "oximeter-features"
    _FURTHER: Final = (("status_known", Whole(2)), ("device_status_known", Whole(3)))  # by bits 0 and 1

    def read(self, raw: bytes) -> Values:
        """{"features"} and, where they are there, "status_known" and "device_status_known"."""
        cursor = Cursor(raw)
        features = _U16.read(cursor, f"{self.name}.features")
        values: Values = {"features": features}
        if cursor.left:  # some leave both out
            for bit, (name, codec) in enumerate(self._FURTHER):
                if int(features) >> bit & 1:
                    values[name] = codec.read(cursor, f"{self.name}.{name}")
        if cursor.left:
            raise GattError(
                Cause.TRAILING, f"{self.name} has {cursor.left} bytes that its features do not say"
            )
        return values

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of values as `read` gives them."""
        body = _U16.write(values.get("features"), self.name)
        there = [name in values for name, _ in self._FURTHER]
        if any(there) and there != [bool(values["features"] >> bit & 1) for bit in (0, 1)]:
            raise impossible(self.name)
        return body + b"".join(
            codec.write(values[name], self.name) for name, codec in self._FURTHER if name in values
        )


RECORDS: Final = (RecordAccess(), UserControl(), OximeterFeatures())
