"""Field types are declared here: each bears its bounds and its privacy class, and one checker enforces them.

A type such as `Id` is `Annotated[str, Meta(pattern=..., extra={"privacy": ...})]`: msgspec reads the bounds
when it converts, `check_struct` enforces the same bounds on construction, `privacy_of` reads the class.
"""

from __future__ import annotations

import enum
import functools
import math
import re
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Union

import msgspec
from msgspec import Meta

from protocols.errors import AnbanError, Reason


class Privacy(enum.Enum):
    """Who may see a field. Logs and metrics take PUBLIC only."""

    PUBLIC = "public"  # technical: ids of devices, kinds, times
    PERSONAL = "personal"  # tells who or where a person is
    HEALTH = "health"  # tells how a person is
    SECRET = "secret"  # opens doors: never leaves its owner


_PUBLIC = {"privacy": Privacy.PUBLIC}
_PERSONAL = {"privacy": Privacy.PERSONAL}
_HEALTH = {"privacy": Privacy.HEALTH}
_SECRET = {"privacy": Privacy.SECRET}

MAX_U32 = 2**32 - 1
MAX_MS = 2**53 - 1  # the largest integer that every JSON reader keeps exact
MAX_TEXT = 512  # characters of one text in `data`
MAX_BYTES = 1024  # bytes of one byte string in `data`
MAX_DATA_BYTES = 2048  # of one `data` on the wire, counted from above (check_tree)
MAX_EXTRA_BYTES = 1024  # likewise, of what is kept of a later version
MAX_DEPTH = 5  # nested lists and maps in one `data` or `extra`

# No control characters (newline excepted) and no lone surrogates, which UTF-8 cannot carry.
_CLEAN = "[^\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]"
_ID = r"\A[a-z0-9-]{1,16}\Z"
_TOKEN = r"\A[a-z0-9_.:-]{0,32}\Z"

Id = Annotated[str, Meta(pattern=_ID, extra=_PUBLIC)]  # device, hub
ElderId = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{0,16}\Z", extra=_PERSONAL)]  # empty: nobody in particular
RoomId = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{0,16}\Z", extra=_PERSONAL)]  # empty: not known
Token = Annotated[str, Meta(pattern=_TOKEN, extra=_PUBLIC)]  # a word of ours: stage, reason, state
HealthToken = Annotated[str, Meta(pattern=_TOKEN, extra=_HEALTH)]
Kind = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_.]{0,31}\Z", extra=_PUBLIC)]
CommandId = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._:-]{1,64}\Z", extra=_PUBLIC)]
Version = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._+-]{0,32}\Z", extra=_PUBLIC)]
Digest = Annotated[str, Meta(pattern=r"\A([0-9a-f]{2}){0,32}\Z", extra=_PUBLIC)]  # hexadecimal
PersonName = Annotated[str, Meta(pattern=rf"\A{_CLEAN}{{0,64}}\Z", extra=_PERSONAL)]
# Free text may name people.
Sentence = Annotated[str, Meta(pattern=rf"\A{_CLEAN}{{0,200}}\Z", extra=_PERSONAL)]
HealthSentence = Annotated[str, Meta(pattern=rf"\A{_CLEAN}{{0,200}}\Z", extra=_HEALTH)]
U32 = Annotated[int, Meta(ge=0, le=MAX_U32, extra=_PUBLIC)]
Millis = Annotated[int, Meta(ge=0, le=MAX_MS, extra=_PUBLIC)]
Seconds = Annotated[int, Meta(ge=0, le=MAX_U32, extra=_PUBLIC)]
Percent = Annotated[int, Meta(ge=0, le=100, extra=_PUBLIC)]
Signal = Annotated[int, Meta(ge=-127, le=20, extra=_PUBLIC)]  # dBm, as Bluetooth reports it
Flag = Annotated[bool, Meta(extra=_PUBLIC)]
HealthFlag = Annotated[bool, Meta(extra=_HEALTH)]
HealthNumber = Annotated[float, Meta(ge=-1e9, le=1e9, extra=_HEALTH)]
HealthBits = Annotated[int, Meta(ge=0, le=MAX_U32, extra=_HEALTH)]  # status bits of a measurement
HealthHex = Annotated[str, Meta(pattern=r"\A([0-9a-f]{2}){0,128}\Z", extra=_HEALTH)]  # bytes of a meter
UserIndex = Annotated[int, Meta(ge=0, le=255, extra=_PERSONAL)]  # a meter's own number of who measured

Check = Callable[[Any], bool]


def _int_check(low: int | float | None, high: int | float | None) -> Check:
    lowest = -math.inf if low is None else low
    highest = math.inf if high is None else high
    return lambda v: type(v) is int and lowest <= v <= highest


def _float_check(low: int | float | None, high: int | float | None) -> Check:
    lowest = -math.inf if low is None else low
    highest = math.inf if high is None else high
    return lambda v: type(v) in (int, float) and math.isfinite(v) and lowest <= v <= highest


def _str_check(pattern: str | None) -> Check:
    if pattern is None:
        raise TypeError("a text field without a bound")
    match = re.compile(pattern).match
    return lambda v: type(v) is str and match(v) is not None


def _check_for(kind: Any, meta: Meta | None) -> Check:
    """The check of one field type. Raises TypeError at import for a type that has no bound."""
    origin = typing.get_origin(kind)
    if origin is Annotated:
        base, *marks = typing.get_args(kind)
        return _check_for(base, next(m for m in marks if isinstance(m, Meta)))
    if origin in (Union, types.UnionType):
        checks = [_check_for(k, meta) for k in typing.get_args(kind)]
        return lambda v: any(check(v) for check in checks)
    if kind is types.NoneType:
        return lambda v: v is None
    if kind is bool:
        return lambda v: type(v) is bool
    if kind is int:
        return _int_check(meta and meta.ge, meta and meta.le)
    if kind is float:
        return _float_check(meta and meta.ge, meta and meta.le)
    if kind is str:
        return _str_check(meta.pattern if meta else None)
    if isinstance(kind, type) and issubclass(kind, enum.Enum | msgspec.Struct):
        return lambda v: type(v) is kind
    if origin is dict:
        # What stands in it is checked by its owner (check_tree, check_stages).
        return lambda v: type(v) is dict
    raise TypeError(f"no check for {kind!r}")


@functools.cache
def _checks(cls: type[msgspec.Struct]) -> tuple[tuple[str, Check], ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple((name, _check_for(hints[name], None)) for name in cls.__struct_fields__)


def check_struct(value: msgspec.Struct) -> None:
    """Raise AnbanError(BAD_VALUE) naming the first field that is out of its bounds (never its value)."""
    for name, check in _checks(type(value)):
        if not check(getattr(value, name)):
            raise AnbanError(Reason.BAD_VALUE, f"{type(value).__name__}.{name} is out of its bounds.")


def fits(cls: type[msgspec.Struct], name: str, value: Any) -> bool:
    """Whether `value` is within the bounds of the field `name` of `cls`."""
    return all(check(value) for field, check in _checks(cls) if field == name)


@functools.cache
def privacy_of(cls: type[msgspec.Struct]) -> dict[str, Privacy | None]:
    """The privacy class of each field of a value; None where the field is a value with classes of its own."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {name: _mark(hints[name]) for name in cls.__struct_fields__}


def _mark(kind: Any) -> Privacy | None:
    if typing.get_origin(kind) is Annotated:
        for meta in typing.get_args(kind)[1:]:
            if isinstance(meta, Meta) and meta.extra:
                mark = meta.extra["privacy"]
                return mark if isinstance(mark, Privacy) else None
    if typing.get_origin(kind) in (Union, types.UnionType):
        return next((m for m in map(_mark, typing.get_args(kind)) if m is not None), None)
    return None


_HEAD_BYTES = 9  # the most that a number, or the head of a text or list, takes in CBOR
_KEY = re.compile(r"\A[A-Za-z0-9_.:-]{1,32}\Z").match
_TEXT = re.compile(rf"\A{_CLEAN}{{0,{MAX_TEXT}}}\Z").match


def check_tree(value: Any, what: str, limit: int, *, int_keys: bool = False) -> None:
    """Check an open tree (`data`, or with `int_keys` what a later version put under an unknown wire key).

    Allowed: None, bool, integers of 64 bits, finite floats, text, bytes, lists, maps. Raises AnbanError:
    TOO_BIG for more than MAX_DEPTH levels or `limit` bytes, BAD_VALUE for anything else. Bytes are counted
    from above, 9 for the head of each value, so that `limit` bounds their number too.
    """
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        node, depth = stack.pop()
        limit -= _HEAD_BYTES
        kind = type(node)
        if kind is dict or kind is list:
            if len(node) * _HEAD_BYTES > limit:
                raise AnbanError(Reason.TOO_BIG, f"{what} holds too much.")
            if kind is dict:
                limit -= sum(_key_bytes(key, what, int_keys) for key in node)
            stack.extend((item, depth + 1) for item in (node.values() if kind is dict else node))
        elif not _leaf_fits(kind, node):
            raise AnbanError(Reason.BAD_VALUE, f"{what} holds a value that is not allowed or too long.")
        elif kind is str or kind is bytes:
            limit -= len(node) if kind is bytes else len(node.encode())
        if limit < 0 or depth > MAX_DEPTH:
            raise AnbanError(Reason.TOO_BIG, f"{what} holds too much or is nested too deeply.")


def _key_bytes(key: Any, what: str, int_keys: bool) -> int:
    """The most bytes that a key takes on the wire. Raises AnbanError(BAD_VALUE) if it is not allowed."""
    if type(key) is str and _KEY(key):
        return len(key) + 2
    if int_keys and type(key) is int and -(2**31) <= key < 2**31:
        return 5
    raise AnbanError(Reason.BAD_VALUE, f"{what} holds a key that is not allowed.")


def _leaf_fits(kind: type, node: Any) -> bool:
    if kind is str:
        return _TEXT(node) is not None
    if kind is int:
        return bool(-(2**63) <= node < 2**64)
    if kind is float:
        return math.isfinite(node)
    if kind is bytes:
        return len(node) <= MAX_BYTES
    return kind is bool or node is None
