"""Values to JSON for people and back: field names, lanes and ids as words, the same bounds.

JSON has no bytes and no integer keys: bytes read `{"$hex": "00ff"}`, and the integer key 14 of a later
version reads `"#14"`. Neither `$` nor `#` can stand in a key of ours. Names that this release does not know
are kept.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import msgspec

from protocols.errors import AnbanError, Reason
from protocols.fields import MAX_DEPTH
from protocols.values import Command, DownlinkItem, EventId, Lane, Receipt, Unknown, Value

V = TypeVar("V", bound=Value)

VERSION = 1
_INT_KEY = re.compile(r"\A#(0|-?[1-9][0-9]{0,9})\Z")
_HEX = re.compile(r"\A([0-9a-f]{2})*\Z")
_ITEMS = {"receipt": Receipt, "command": Command, "unknown": Unknown}


def to_json(value: Value) -> dict[str, Any]:
    """The JSON object of a value: only what json.dumps takes as it is."""
    return {"version": VERSION, **_object(value)}


def from_json(cls: type[V], item: Any) -> V:
    """The value of a JSON object as to_json gives it. Raises AnbanError for anything else."""
    if type(item) is not dict:
        raise AnbanError(Reason.BAD_VALUE, "A JSON object was expected.")
    version = item.get("version", VERSION)
    if type(version) is not int:
        raise AnbanError(Reason.BAD_VALUE, "The version is not a number.")
    if not max(1, VERSION - 1) <= version <= VERSION:
        raise AnbanError(
            Reason.BAD_VERSION, f"Version {version}; {VERSION} is spoken here, and the one before."
        )
    fields = {name: value for name, value in item.items() if name != "version"}
    return cast(V, _downlink_item(fields) if cls is DownlinkItem else _value(cls, fields))


def _object(value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if name == "extra":
            out.update(_tree_out(field))
        elif isinstance(field, EventId):
            out[name] = str(field)
        elif isinstance(field, Lane):
            out[name] = field.name.lower()
        elif name == "item":
            out[type(field).__name__.lower()] = _object(field)
        elif isinstance(field, dict):
            out[name] = _tree_out(field)
        else:
            out[name] = field
    return out


def _value(cls: type[Any], fields: dict[str, Any]) -> Any:
    known: dict[str, Any] = {}
    extra: dict[int | str, Any] = {}
    for name, field in fields.items():
        if name not in cls.__struct_fields__ or name == "extra":
            extra[_key_in(name)] = _tree_in(field, 1)
        elif name in ("id", "call_id", "about") and cls is not Command:
            known[name] = None if field is None and name == "call_id" else EventId.parse(field)
        elif name == "lane":
            known[name] = _lane(field)
        elif name in ("data", "body"):
            known[name] = _tree_in(field, 0)
        else:
            known[name] = field
    if "extra" in cls.__struct_fields__:
        known["extra"] = extra
    try:
        return cls(**known)
    except TypeError:  # a field without a default is missing
        raise AnbanError(Reason.BAD_VALUE, f"{cls.__name__}: {_missing(cls, known)} is missing.") from None


def _missing(cls: type[Any], known: dict[str, Any]) -> str:
    required = [f.name for f in msgspec.structs.fields(cls) if f.required]
    return next((name for name in required if name not in known), "something")


def _downlink_item(fields: dict[str, Any]) -> DownlinkItem:
    names = [name for name in _ITEMS if name in fields]
    if len(names) != 1 or type(fields[names[0]]) is not dict or "cursor" not in fields:
        raise AnbanError(Reason.BAD_VALUE, "A downlink item holds a cursor and one receipt or command.")
    return DownlinkItem(fields["cursor"], _value(_ITEMS[names[0]], fields[names[0]]))


def _lane(name: Any) -> Lane:
    for lane in Lane:
        if name == lane.name.lower():
            return lane
    raise AnbanError(Reason.BAD_VALUE, "The lane is none of " + ", ".join(x.name.lower() for x in Lane) + ".")


def _tree_out(node: Any) -> Any:
    if type(node) is dict:
        return {key if type(key) is str else f"#{key}": _tree_out(item) for key, item in node.items()}
    if type(node) is list:
        return [_tree_out(item) for item in node]
    return {"$hex": node.hex()} if type(node) is bytes else node


def _tree_in(node: Any, depth: int) -> Any:
    if depth > MAX_DEPTH + 1:
        raise AnbanError(Reason.TOO_BIG, "A JSON value is nested too deeply.")
    if type(node) is dict:
        if set(node) == {"$hex"}:
            return _bytes_in(node["$hex"])
        return {_key_in(key): _tree_in(item, depth + 1) for key, item in node.items()}
    return [_tree_in(item, depth + 1) for item in node] if type(node) is list else node


def _bytes_in(text: Any) -> bytes:
    if type(text) is not str or not _HEX.match(text):
        raise AnbanError(Reason.BAD_VALUE, "Bytes are not written as pairs of lower-case hexadecimal digits.")
    return bytes.fromhex(text)


def _key_in(key: Any) -> int | str:
    found = _INT_KEY.match(key) if type(key) is str else None
    return int(found[1]) if found else key
