"""What a seat is shown, as JSON: names and addresses are joined from the register here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from protocols.figures import figures
from protocols.values import Event
from sim.platform.faults import Fault, groups
from sim.platform.folding import Case, Press, presses_of
from sim.platform.registry import Elder, Register

PRESSES_SHOWN = 30
FAULTS_SHOWN = 40  # of one group; the group says how many there are


def call_view(case: Case, register: Register) -> dict[str, Any]:
    """One call with its person, place, device, stages and presses (the latest first)."""
    elder = _elder_of(case, register)
    device = register.devices.get(case.device)
    home = next((register.hubs[hub] for hub in case.hubs if hub in register.hubs), None)
    return {
        "call_id": str(case.call_id),
        "kind": case.kind,
        "lane": case.lane.name.lower(),
        "lifecycle": case.lifecycle.value,
        "handling": case.handling.value,
        "opened_ms": case.opened_ms,
        "alerted_ms": case.alerted_ms,
        "taken_by": case.taken_by,
        "taken_ms": case.taken_ms,
        "arrived_by": case.arrived_by,
        "arrived_ms": case.arrived_ms,
        "ended_by": case.ended_by,
        "ended_ms": case.ended_ms,
        "cancel_asked": case.cancel_asked,
        "unseen": case.unseen,
        "alerts": case.alerts,
        "reopened": case.reopened,
        "elder": {
            "id": case.elder,
            "name": elder.name if elder else "",
            "address": elder.address if elder else (home.address if home else ""),
            "phone": elder.phone if elder else "",
            "notes": elder.notes if elder else "",
        },
        "device": {
            "id": case.device,
            "name": device.name if device else "",
            "kind": device.kind if device else "",
        },
        "room": case.room or (device.room if device else ""),
        "hubs": list(case.hubs),
        "press_count": presses_of(case),
        "notes": [msgspec.structs.asdict(note) for note in reversed(case.notes)],
        "presses": [_press_view(press) for press in case.presses[: -PRESSES_SHOWN - 1 : -1]],
    }


def _elder_of(case: Case, register: Register) -> Elder | None:
    found = (register.elder_for(hub, case.elder) for hub in case.hubs)
    return next((elder for elder in found if elder is not None), None)


def _press_view(press: Press) -> dict[str, Any]:
    """`here_ms` is from the press to the platform, and only said when the home's clock can be trusted."""
    way_ms = press.received_ms - press.wall_ms
    known = press.clock_trusted and 0 <= way_ms < 86_400_000
    return {
        "id": press.id,
        "kind": press.kind,
        "change": press.change,
        "detail": press.detail,
        "confidence": press.confidence,
        "signs": press.signs,
        "device": press.device,
        "room": press.room,
        "received_ms": press.received_ms,
        "clock_trusted": press.clock_trusted,
        "durable": press.durable,
        "stages": press.stages | ({"here": way_ms} if known else {}),
    }


def faults_view(faults: Iterable[Fault], register: Register) -> list[dict[str, Any]]:
    """Standing faults in groups by area; each group with its oldest members."""
    found = groups(faults, {hub.id: hub.area for hub in register.hubs.values()})
    return [
        {
            "area": group.area,
            "fault": group.fault,
            "since_ms": group.since_ms,
            "count": len(group.faults),
            "homes": len({fault.hub for fault in group.faults}),
            "members": [_fault_view(fault, register) for fault in group.faults[:FAULTS_SHOWN]],
        }
        for group in found
    ]


def reading_view(hub: str, received_ms: int, event: Event, register: Register) -> dict[str, Any]:
    """One reading; `measured_ms` only where the meter's own clock is believed. No name: it is nobody's."""
    elder = register.elder_for(hub, event.elder)
    measured = event.data.get("measured_ms")
    return {
        "id": str(event.id),
        "elder": event.elder,
        "name": elder.name if elder else "",
        "kind": event.kind,
        "text": figures(event.kind, event.data),
        "usable": event.data.get("judged") != "unusable",
        "measured_ms": measured if type(measured) is int else 0,
        "received_ms": received_ms,
        "device": event.device,
        "room": event.room,
    }


def _fault_view(fault: Fault, register: Register) -> dict[str, Any]:
    hub = register.hubs.get(fault.hub)
    device = register.devices.get(fault.about) or register.devices.get(fault.device)
    return {
        "hub": fault.hub,
        "address": hub.address if hub else "",
        "device": fault.device,
        "device_name": device.name if device else "",
        "about": fault.about,
        "since_ms": fault.since_ms,
        "cause": fault.cause,
        "detail": fault.detail,
        "count": fault.count,
    }
