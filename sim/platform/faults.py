"""Faults of homes: which stand, since when, and how they look by area. Pure; never mixed with calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from protocols.values import Event, EventId

HEARTBEAT_S = 60  # a hub sends one so often
MISSES = 3  # heartbeats missed in a row that make a fault
SILENT = "hub_silent"  # the fault that the platform itself raises


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault record. `since_ms`, `ended_ms`: Unix milliseconds by the platform's clock; 0 = not ended."""

    hub: str
    device: str
    fault: str
    about: str
    since_ms: int
    ended_ms: int = 0
    count: int = 1
    cause: str = ""
    detail: str = ""
    last: EventId | None = None  # the event that said so last

    @property
    def key(self) -> str:
        return fault_key(self.hub, self.device, self.fault, self.about)


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The same fault in one area: one row of the page, so that an outage of a district reads as one thing."""

    area: str
    fault: str
    since_ms: int
    faults: tuple[Fault, ...]


def fault_key(hub: str, device: str, fault: str, about: str) -> str:
    """What makes two reports the same fault."""
    return f"{hub}/{device}/{fault}/{about}"


def key_of(event: Event, hub: str) -> str:
    """The key of the fault that an event raises or clears."""
    return fault_key(hub, event.device, _word(event, "fault") or "unknown", _word(event, "about"))


def fold_fault(known: Fault | None, event: Event, hub: str, at_ms: int) -> Fault:
    """The record after `fault.raised` or `fault.cleared`; an older report that comes late changes nothing."""
    if known is not None and known.last is not None and _older(event.id, known.last):
        return known
    age = event.data.get("age_ms")
    since = at_ms - age if isinstance(age, int) and 0 <= age <= at_ms else at_ms
    raised = event.kind == "fault.raised"
    if known is None or (raised and known.ended_ms):
        return Fault(
            hub=hub,
            device=event.device,
            fault=_word(event, "fault") or "unknown",
            about=_word(event, "about"),
            since_ms=since,
            ended_ms=0 if raised else at_ms,
            count=1 if known is None else known.count + 1,
            cause=_word(event, "cause"),
            detail=_word(event, "detail"),
            last=event.id,
        )
    if raised:
        return msgspec.structs.replace(
            known,
            since_ms=min(known.since_ms, since),
            last=event.id,
            cause=_word(event, "cause") or known.cause,
            detail=_word(event, "detail") or known.detail,
        )
    return msgspec.structs.replace(known, ended_ms=known.ended_ms or at_ms, last=event.id)


def silent_hubs(heard_ms: Mapping[str, int], now_ms: int) -> set[str]:
    """The hubs of which nothing was heard for MISSES heartbeats (and half a one for the way)."""
    limit_ms = int((MISSES + 0.5) * HEARTBEAT_S * 1000)
    return {hub for hub, at_ms in heard_ms.items() if now_ms - at_ms > limit_ms}


def groups(faults: Iterable[Fault], area_of: Mapping[str, str]) -> list[Group]:
    """Standing faults, grouped by area and fault; the group that most homes share first, then the oldest."""
    rows: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        if not fault.ended_ms:
            rows.setdefault((area_of.get(fault.hub, ""), fault.fault), []).append(fault)
    found = [
        Group(
            area=area,
            fault=name,
            since_ms=min(fault.since_ms for fault in members),
            faults=tuple(sorted(members, key=lambda fault: (fault.since_ms, fault.key))),
        )
        for (area, name), members in rows.items()
    ]
    return sorted(found, key=lambda g: (-len({f.hub for f in g.faults}), g.since_ms, g.area, g.fault))


def _word(event: Event, name: str) -> str:
    value = event.data.get(name)
    return value if isinstance(value, str) else ""


def _older(this: EventId, last: EventId) -> bool:
    return (this.origin, this.life) == (last.origin, last.life) and this.number < last.number
