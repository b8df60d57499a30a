"""The kinds of events and commands, as rows: wire code, lane, whether it opens a call, type of its data.

A kind that is not here is kept: as text, or as `code.N` when only its number is known (see codes.py).
"""

from __future__ import annotations

from typing import NamedTuple

from protocols import data
from protocols.codes import Codes
from protocols.values import EVENT_STAGES, RECEIPT_STAGES, Event, Lane


class KindRow(NamedTuple):
    """`code` is for ever; `lane` is the usual one (Event.lane decides); `data` is what Event.data holds."""

    code: int
    lane: Lane
    opens_call: bool
    data: type[data.Data]


def _call(code: int, lane: Lane) -> KindRow:
    return KindRow(code, lane, True, data.CallData)


def _row(code: int, lane: Lane, shape: type[data.Data]) -> KindRow:
    return KindRow(code, lane, False, shape)


TEST = "path.tested"  # proves a way, and nothing follows from it

# Codes 1-23 take one byte on the wire and belong to what must be short.
KINDS: dict[str, KindRow] = {
    "call.sos": _call(1, Lane.SOS),
    "call.assistance": _call(2, Lane.ASSIST),
    "call.consultation": _call(3, Lane.ASSIST),
    "call.fall": _call(4, Lane.SOS),
    "call.smoke": _call(5, Lane.SOS),
    "call.gas": _call(6, Lane.SOS),
    "call.water": _call(7, Lane.ASSIST),
    "call.pull_cord": _call(8, Lane.SOS),
    # What is asked about first goes out when nobody answers: then somebody may lie on the floor.
    "call.bed_exit": _call(9, Lane.SOS),
    "call.inactivity": _call(10, Lane.SOS),
    "call.vitals": _call(11, Lane.SOS),
    "call.stove": _call(12, Lane.SOS),
    "call.door": _call(13, Lane.SOS),
    "call.wandering": _call(14, Lane.SOS),
    "call.updated": _row(16, Lane.SOS, data.CallUpdateData),
    "heartbeat": _row(17, Lane.TELEMETRY, data.HeartbeatData),
    "command.result": _row(18, Lane.FAULT, data.CommandResultData),
    "fault.raised": _row(19, Lane.FAULT, data.FaultData),
    "fault.cleared": _row(20, Lane.FAULT, data.FaultData),
    "state.mains": _row(32, Lane.TELEMETRY, data.StateData),
    "state.battery": _row(33, Lane.TELEMETRY, data.StateData),
    "state.clock": _row(34, Lane.TELEMETRY, data.StateData),
    "state.presence": _row(35, Lane.TELEMETRY, data.StateData),
    "state.door": _row(36, Lane.TELEMETRY, data.StateData),
    "state.mode": _row(37, Lane.TELEMETRY, data.StateData),
    "contact.texted": _row(48, Lane.FAULT, data.ContactData),
    "contact.called": _row(49, Lane.FAULT, data.ContactData),
    "contact.replied": _row(50, Lane.FAULT, data.ContactData),
    TEST: _row(51, Lane.FAULT, data.PathTestData),
    "reading.blood_pressure": _row(64, Lane.READING, data.ReadingData),
    "reading.pulse": _row(65, Lane.READING, data.ReadingData),
    "reading.oxygen": _row(66, Lane.READING, data.ReadingData),
    "reading.glucose": _row(67, Lane.READING, data.ReadingData),
    "reading.body_temperature": _row(68, Lane.READING, data.ReadingData),
    "reading.weight": _row(69, Lane.READING, data.ReadingData),
    "reading.room_temperature": _row(70, Lane.READING, data.ReadingData),
    "reading.humidity": _row(71, Lane.READING, data.ReadingData),
    "reading.activity": _row(72, Lane.READING, data.ReadingData),
    "reading.body_composition": _row(73, Lane.READING, data.ReadingData),
    "reading.uric_acid": _row(74, Lane.READING, data.ReadingData),
    "reading.cholesterol": _row(75, Lane.READING, data.ReadingData),
    "reading.triglycerides": _row(76, Lane.READING, data.ReadingData),
    "reading.hdl": _row(77, Lane.READING, data.ReadingData),
    "reading.ldl": _row(78, Lane.READING, data.ReadingData),
    "care.reminded": _row(96, Lane.READING, data.CareData),
    "care.answered": _row(97, Lane.READING, data.CareData),
    "care.missed": _row(98, Lane.READING, data.CareData),
    "care.whose": _row(99, Lane.READING, data.WhoseData),
    "device.paired": _row(112, Lane.FAULT, data.DeviceData),
    "device.removed": _row(113, Lane.FAULT, data.DeviceData),
    "device.seen": _row(114, Lane.TELEMETRY, data.DeviceData),
    "device.started": _row(115, Lane.TELEMETRY, data.DeviceData),
    "device.updated": _row(116, Lane.TELEMETRY, data.DeviceData),
}

COMMANDS: dict[str, int] = {
    "call.cancel_accepted": 1,
    "call.realert": 2,
    "speak": 3,
    "config.propose": 4,
    "report": 5,
    "test": 6,
    "update": 7,
    "prompt": 8,
    "prompt.remove": 9,
}

KIND_CODES = Codes({name: row.code for name, row in KINDS.items()})
COMMAND_CODES = Codes(COMMANDS)
RECEIPT_STAGE_CODES = Codes({name: code for code, name in enumerate(RECEIPT_STAGES, 1)})
EVENT_STAGE_CODES = Codes({name: code for code, name in enumerate(EVENT_STAGES)})
_DATA_CODES = {
    shape: Codes({name: code for code, name in enumerate(shape.__struct_fields__, 1)})
    for shape in {row.data for row in KINDS.values()}
}
_NO_CODES = Codes({})


def data_codes(kind: str) -> Codes:
    """The codes of the keys in Event.data: the place of each field in the type of that kind, from 1."""
    row = KINDS.get(kind)
    return _DATA_CODES[row.data] if row is not None else _NO_CODES


def typed_data(event: Event) -> tuple[data.Data, tuple[str, ...]]:
    """Event.data as the type of its kind, and the known keys that do not fit it (data.read)."""
    row = KINDS.get(event.kind)
    return data.read(row.data if row is not None else data.Data, event.data)


def opens_call(kind: str) -> bool:
    """Whether a kind opens or joins a call. An unknown `call.*` does: better one call too many."""
    row = KINDS.get(kind)
    return row.opens_call if row is not None else kind.startswith("call.")
