"""What stands in Event.data, by family of kinds: all keys optional, each bounded and classed for privacy.

`read(shape, data)` gives the typed view; keys that it does not know stay in Event.data, and keys whose value
does not fit are left out and named, because an alarm is never refused for a bad battery figure.
The place of a field in its type is its code on the wire: fields are added at the end, never moved.
`make(struct)` gives the dictionary for Event.data, without the keys that were not set.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from protocols.fields import U32 as _U32
from protocols.fields import (
    CommandId,
    Digest,
    ElderId,
    Flag,
    HealthBits,
    HealthFlag,
    HealthHex,
    HealthNumber,
    HealthSentence,
    HealthToken,
    Id,
    Millis,
    Percent,
    PersonName,
    Seconds,
    Sentence,
    Signal,
    Token,
    UserIndex,
    Version,
    check_struct,
    fits,
)

S = TypeVar("S", bound="Data")


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the families. None means: not said."""

    def __post_init__(self) -> None:
        check_struct(self)


class CallData(Data, frozen=True, kw_only=True):
    """`call.*`: how the call began."""

    source: Token | None = None  # "red", "green", "pendant", "rule"
    meaning: Token | None = None  # what the pendant's advert said, e.g. "sos", "assist"
    press: _U32 | None = None  # the pendant's own number of the press
    age_ms: Millis | None = None  # of the press when it was first heard
    battery_pct: Percent | None = None
    rule: Token | None = None
    asked: Flag | None = None  # the elder was asked first, and did not say no
    answer: HealthToken | None = None
    detail: HealthSentence | None = None  # why a rule raised it, in the home's language


class CallUpdateData(Data, frozen=True, kw_only=True):
    """`call.updated`: what changed in a call."""

    # "cancel_asked", "cancelled", "upgraded", "callback", "answered", "realert", ...
    change: Token | None = None
    by: PersonName | None = None
    source: Token | None = None
    press: _U32 | None = None
    stage: Token | None = None
    age_ms: Millis | None = None
    confidence: HealthNumber | None = None  # percent, that a fall is one
    signs: HealthSentence | None = None  # "in_bed", "charging", "put_down", "dropped", "false_falls"


class FaultData(Data, frozen=True, kw_only=True):
    """`fault.raised|cleared`: a record with an age, never a call."""

    fault: Token | None = None  # one of FAULTS, or a later one
    about: Token | None = None  # the device, path or store that has it
    cause: Token | None = None  # probable
    age_ms: Millis | None = None
    count: _U32 | None = None
    detail: Sentence | None = None


class HeartbeatData(Data, frozen=True, kw_only=True):
    """`heartbeat`: that the hub lives, and how."""

    uptime_s: Seconds | None = None
    seq: Millis | None = None  # last of the journal
    digest: Digest | None = None  # of the journal's head
    pending: _U32 | None = None  # events not yet acknowledged
    calls: _U32 | None = None  # open
    faults: _U32 | None = None  # open
    battery_pct: Percent | None = None
    mains: Flag | None = None
    version: Version | None = None
    config: Digest | None = None  # of the active configuration


class CommandResultData(Data, frozen=True, kw_only=True):
    """`command.result`: the outcome of one command."""

    command: CommandId | None = None
    # "done", "refused", "reverted", "expired", "interrupted" (by a restart), "failed", "unknown"
    outcome: Token | None = None
    reason: Token | None = None
    detail: Sentence | None = None


class DeviceData(Data, frozen=True, kw_only=True):
    """`device.*`: pairing and the life of one device."""

    device: Id | None = None
    model: Version | None = None
    version: Version | None = None
    signal_dbm: Signal | None = None
    battery_pct: Percent | None = None
    seen_ms: Millis | None = None
    reason: Token | None = None


class StateData(Data, frozen=True, kw_only=True):
    """`state.*`: what something is now."""

    state: HealthToken | None = None  # e.g. "on", "open", "away": of the home, so of the person
    on: HealthFlag | None = None
    percent: Percent | None = None
    age_ms: Millis | None = None


class ReadingData(Data, frozen=True, kw_only=True):
    """`reading.*`: measured figures, in the unit that `unit` names.

    What a meter sent and nobody can read is a reading too, "unusable", with its bytes: a meter may forget
    what it has handed over.
    """

    value: HealthNumber | None = None
    second: HealthNumber | None = None  # diastolic pressure
    third: HealthNumber | None = None  # mean pressure
    pulse_bpm: HealthNumber | None = None
    unit: Token | None = None  # "mmhg", "kpa", "cel", ...: see protocols/fhir.py
    judged: HealthToken | None = None  # "normal", "high", "low", "unusable"
    measured_ms: Millis | None = None  # by the meter's own clock, Unix; not said: when it arrived counts
    meter: Id | None = None
    user: UserIndex | None = None
    status: HealthBits | None = None  # the meter's own bits of this measurement
    sequence: _U32 | None = None  # of the record in the meter's memory
    clock: Token | None = None  # whose time it is: "meter", "arrival", "wrong" (the meter's, and it is off)
    reason: HealthToken | None = None  # why there is no figure ("nan", "short", ...), or why it is judged so
    raw: HealthHex | None = None  # the bytes of what is unusable
    context: HealthToken | None = None  # "before" or "after" a meal, "fasting", ...
    place: HealthToken | None = None  # where of the body: "finger", "ear", ...
    sample: HealthToken | None = None  # of what: "capillary-plasma", "interstitial-fluid" (a sensor's), ...


class CareData(Data, frozen=True, kw_only=True):
    """`care.*`: reminders and questions."""

    plan: Token | None = None
    step: _U32 | None = None
    answer: HealthToken | None = None
    due_ms: Millis | None = None
    detail: HealthSentence | None = None
    times: _U32 | None = None  # how often it was said


class WhoseData(Data, frozen=True, kw_only=True):
    """`care.whose`: whose a reading is, said later. The event's elder is that person; empty: nobody's again.
    Of several about one reading the newest counts.
    """

    about: CommandId | None = None  # the reading's id
    # "asked" aloud, "confirmed" (as last for this user of the meter), "command", "undo".
    by: Token | None = None
    judged: HealthToken | None = None  # as of a reading, in the light of this person's own
    reason: HealthToken | None = None


class ContactData(Data, frozen=True, kw_only=True):
    """`contact.*`: a relative or neighbour was texted or phoned about a call, or has texted back.

    What a number says can be forged, and proves nothing of who sent it.
    """

    call: CommandId | None = None  # the call's id as a text
    contact: ElderId | None = None
    what: Token | None = None  # of a text: "called", "unreached", ...; of a call "voice", "sip", "incoming"
    # "handed", "unknown"; of a phone call "answered", "confirmed", "no-answer", ...
    outcome: Token | None = None
    seconds: Seconds | None = None  # that a phone call was open
    words: HealthSentence | None = None  # of a reply


class PathTestData(Data, frozen=True, kw_only=True):
    """`path.tested`: a way to the platform was tried on purpose; nobody is to come. By text without data: it
    is the test itself."""

    path: Token | None = None  # "coap", "https", "sms", "voice"
    outcome: Token | None = None  # "good", "failed", "untested"
    cause: Token | None = None
    took_ms: Millis | None = None


FAULTS = (
    "audio",
    "battery",
    "clock",
    "config",
    "counters_lost",
    "flash",
    "key_stuck",
    "mains",
    "modem",
    "path",
    "pendant_battery",
    "pendant_silent",
    "platform_silent",
    "proof",
    "radio",
    "replay",
    "rule_blind",
    "storage",
    "tamper",
)


def read(shape: type[S], data: dict[str, Any]) -> tuple[S, tuple[str, ...]]:
    """The typed view of Event.data, and the known keys whose value does not fit (they are left out)."""
    known = {name: data[name] for name in shape.__struct_fields__ if name in data}
    misfits = tuple(name for name, value in known.items() if not fits(shape, name, value))
    return shape(**{name: value for name, value in known.items() if name not in misfits}), misfits


def make(value: Data) -> dict[str, Any]:
    """The dictionary for Event.data: what was set, nothing else."""
    return {name: item for name in value.__struct_fields__ if (item := getattr(value, name)) is not None}
