"""What of a value may be logged or counted: the table of privacy classes, and the public view.

The classes stand with the fields themselves (fields.py); here they are gathered and applied. What no table
knows (unknown keys, a later version's fields, data that does not fit its type) is never shown.
"""

from __future__ import annotations

from typing import Any

import msgspec

from protocols import data
from protocols.errors import Reason
from protocols.fields import Privacy, fits, privacy_of
from protocols.kinds import KINDS
from protocols.values import Command, DownlinkItem, Event, EventId, Lane, Receipt, Unknown, Value

__all__ = ["Privacy", "privacy_table", "public_view"]

_SHAPES = sorted({row.data for row in KINDS.values()}, key=lambda shape: shape.__name__)
_REASONS = frozenset(reason.value for reason in Reason)


def privacy_table() -> dict[str, Privacy]:
    """Every field of every value and of every type of data, e.g. "Event.elder": Privacy.PERSONAL."""
    table: dict[str, Privacy] = {}
    shapes: list[type[msgspec.Struct]] = [EventId, Event, Receipt, Command, Unknown, *_SHAPES]
    for shape in shapes:
        for name, mark in privacy_of(shape).items():
            if mark is not None:
                table[f"{shape.__name__}.{name}"] = mark
    return table


def public_view(value: Value | Unknown) -> dict[str, Any]:
    """What logs and metrics may hold of a value: its PUBLIC fields, ids as text, lanes by name."""
    if isinstance(value, DownlinkItem):
        return {"cursor": value.cursor, type(value.item).__name__.lower(): public_view(value.item)}
    view: dict[str, Any] = {}
    for name, mark in privacy_of(type(value)).items():
        field = getattr(value, name)
        if isinstance(field, EventId):
            view[name] = str(field)
        elif mark is Privacy.PUBLIC:
            view[name] = field.name.lower() if isinstance(field, Lane) else field
    if isinstance(value, Event):
        view["data"] = _public_data(value.kind, value.data)
    if isinstance(value, Receipt) and value.reason in _REASONS:
        view["reason"] = value.reason
    return view


def _public_data(kind: str, held: dict[str, Any]) -> dict[str, Any]:
    row = KINDS.get(kind)
    shape: type[data.Data] = row.data if row is not None else data.Data
    return {
        name: held[name]
        for name, mark in privacy_of(shape).items()
        if mark is Privacy.PUBLIC and name in held and fits(shape, name, held[name])
    }
