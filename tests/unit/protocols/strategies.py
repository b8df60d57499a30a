"""Made-up values for hypothesis: every event, receipt, command and downlink entry that the bounds allow."""

from __future__ import annotations

import contextlib
import re
import string
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from protocols import data as families
from protocols.errors import AnbanError, Reason
from protocols.fields import MAX_MS, MAX_U32
from protocols.kinds import COMMANDS, KINDS
from protocols.values import (
    COMMAND_FREE_KEY,
    EVENT_FREE_KEY,
    EVENT_STAGES,
    RECEIPT_FREE_KEY,
    RECEIPT_STAGES,
    Command,
    DownlinkItem,
    Event,
    EventId,
    Lane,
    Receipt,
    Unknown,
)

REFUSALS = (Reason.BAD_VALUE, Reason.BAD_VERSION, Reason.TOO_BIG)


@contextlib.contextmanager
def nothing_but_refusals() -> Iterator[None]:
    """Whatever happens within may be refused as a value, and may raise nothing else."""
    try:
        yield
    except AnbanError as error:
        if error.reason not in REFUSALS:
            raise


u32 = st.integers(0, MAX_U32)
millis = st.integers(0, MAX_MS)
ids = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=16)
clean = st.characters(exclude_categories=("Cc", "Cs"))
keys = st.text(string.ascii_letters + string.digits + "_.:-", min_size=1, max_size=12) | st.from_regex(
    r"\Acode\.[0-9]{1,3}\Z"
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(clean, max_size=20)
    | st.binary(max_size=20)
)


def trees(map_keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Open values of up to three levels."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(map_keys, inner, max_size=3),
        max_leaves=6,
    )


event_ids = st.builds(EventId, ids, u32, u32)
kinds = (
    st.sampled_from(sorted(KINDS))
    | st.from_regex(r"\A[a-z][a-z0-9_.]{0,31}\Z")
    | st.integers(0, 70000).map("code.{}".format)
)
stage_names = st.sampled_from(EVENT_STAGES) | st.from_regex(r"\A[a-z_]{1,16}\Z")


def extras(first_free: int, taken: tuple[str, ...]) -> st.SearchStrategy[dict[int | str, Any]]:
    """What a later version might have added."""
    free = st.integers(first_free, 2**16 - 1) | keys.filter(lambda key: key not in taken and key != "version")
    return st.dictionaries(free, trees(keys | st.integers(-50, 50)), max_size=3)


data = st.dictionaries(keys, trees(keys), max_size=4)


def typed(shape: type[families.Data]) -> st.SearchStrategy[dict[str, Any]]:
    """Data of one family, each known key within its bounds."""
    return st.fixed_dictionaries({}, optional={name: _field(shape, name) for name in shape.__struct_fields__})


def _field(shape: type[families.Data], name: str) -> st.SearchStrategy[Any]:
    hint = typing.get_type_hints(shape, include_extras=True)[name]
    kind, meta = typing.get_args(typing.get_args(hint)[0])  # Annotated[kind, meta] | None
    if kind is str:
        return st.from_regex(re.compile(meta.pattern))
    if kind is bool:
        return st.booleans()
    return st.integers(meta.ge, meta.le) if kind is int else st.floats(meta.ge, meta.le)


events = st.builds(
    Event,
    id=event_ids,
    kind=kinds,
    lane=st.sampled_from(Lane),
    device=ids,
    call_id=st.none() | event_ids,
    wall_ms=millis,
    uptime_ms=millis,
    boot=u32,
    clock_trusted=st.booleans(),
    durable=st.booleans(),
    elder=ids | st.just(""),
    room=ids | st.just(""),
    data=data,
    stages=st.dictionaries(stage_names, millis, max_size=4),
    extra=extras(EVENT_FREE_KEY, Event.__struct_fields__),
)
receipts = st.builds(
    Receipt,
    number=millis,
    about=event_ids,
    stage=st.sampled_from(RECEIPT_STAGES) | st.from_regex(r"\A[a-z0-9_.:-]{1,32}\Z"),
    by=st.text(clean, max_size=64),
    reason=st.text(clean, max_size=200),
    wall_ms=millis,
    call_id=st.none() | event_ids,
    extra=extras(RECEIPT_FREE_KEY, Receipt.__struct_fields__),
)
commands = st.builds(
    Command,
    id=st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z"),
    kind=st.sampled_from(sorted(COMMANDS)) | st.from_regex(r"\A[a-z][a-z0-9_.]{0,31}\Z"),
    expires_ms=millis,
    authority=st.text(clean, max_size=64),
    data=data,
    extra=extras(COMMAND_FREE_KEY, Command.__struct_fields__),
)
unknowns = st.builds(
    Unknown,
    type=st.integers(3, MAX_U32),
    body=st.dictionaries(keys | st.integers(-50, 50), trees(keys), max_size=3),
)
downlink_items = st.builds(DownlinkItem, cursor=millis, item=receipts | commands | unknowns)
values: st.SearchStrategy[Any] = events | receipts | commands | downlink_items


def pendant_sos(**changes: Any) -> Event:
    """A press of a pendant as a hub sends it, every number as long as it gets in practice."""
    press = EventId("pd-01", 0xF1A2B3C4, 40000)
    fields: dict[str, Any] = {
        "id": press,
        "call_id": press,
        "kind": "call.sos",
        "lane": Lane.SOS,
        "device": "pd-01",
        "wall_ms": 1_795_310_000_123,
        "uptime_ms": 40 * 24 * 3600 * 1000,
        "boot": 0xF0000001,
        "clock_trusted": True,
        "durable": True,
        "elder": "e-chen",
        "data": {"battery_pct": 87},
        "stages": {"heard": 620, "stored": 631, "sent": 633},
    }
    return Event(**{**fields, **changes})
