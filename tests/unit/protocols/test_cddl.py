"""The grammar in anban.cddl and the code say the same, checked by a third party's validator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cbor2
import pycddl  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import wire
from protocols.kinds import COMMANDS, KINDS, data_codes
from protocols.values import EVENT_STAGES, RECEIPT_STAGES, Command, DownlinkItem, Event, Receipt
from tests.unit.protocols import strategies as made
from tests.unit.protocols.strategies import pendant_sos

GRAMMAR = (Path(wire.__file__).parent / "anban.cddl").read_text()
# RFC 8610 3.8.3 matches the whole text; pycddl searches for the expression anywhere.
ANCHORED = re.sub(r'\.regexp "(.*)"', r'.regexp "^(\1)$"', GRAMMAR)
RULE_OF_SHAPE = {
    "CallData": "call-data",
    "CallUpdateData": "call-update-data",
    "FaultData": "fault-data",
    "HeartbeatData": "heartbeat-data",
    "CommandResultData": "command-result-data",
    "DeviceData": "device-data",
    "StateData": "state-data",
    "ReadingData": "reading-data",
    "CareData": "care-data",
    "ContactData": "contact-data",
    "WhoseData": "whose-data",
    "PathTestData": "path-test-data",
}
SHAPES = sorted({row.data for row in KINDS.values()}, key=lambda shape: shape.__name__)


def schema(rule: str) -> pycddl.Schema:
    """The grammar with one of its rules as the start."""
    return pycddl.Schema(f"start = {rule}\n{ANCHORED}")


EVENT, EVENTS = schema("event"), schema("events")
RECEIPTS, RECEIPT_BODY = schema("receipts"), schema("receipt-body")
COMMAND, COMMAND_BODY = schema("command"), schema("{command-fields}")
DOWNLINK = schema("downlink")


@given(made.events)
def test_every_event_follows_the_grammar(event: Event) -> None:
    EVENT.validate_cbor(wire.encode_event(event))


@given(st.lists(made.events, max_size=2))
def test_every_batch_follows_the_grammar(events: list[Event]) -> None:
    EVENTS.validate_cbor(wire.encode_events(events))


@given(st.lists(made.receipts, max_size=2))
def test_every_receipt_follows_the_grammar(receipts: list[Receipt]) -> None:
    RECEIPTS.validate_cbor(wire.encode_receipts(receipts))


@given(made.commands)
def test_every_command_follows_the_grammar(command: Command) -> None:
    COMMAND.validate_cbor(wire.encode_command(command))


@given(st.lists(made.downlink_items, max_size=2))
def test_every_downlink_answer_follows_the_grammar(items: list[DownlinkItem]) -> None:
    raw = wire.encode_downlink(items)
    DOWNLINK.validate_cbor(raw)
    message = cbor2.loads(raw)
    assert isinstance(message, dict)
    for _cursor, code, body in message[-1]:
        if code in (wire.TYPE_RECEIPT, wire.TYPE_COMMAND):
            (RECEIPT_BODY if code == wire.TYPE_RECEIPT else COMMAND_BODY).validate_cbor(cbor2.dumps(body))


def kind_of(shape: Any) -> str:
    """A kind whose data is of this shape."""
    return next(kind for kind, row in KINDS.items() if row.data is shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_data_of_every_family_follows_its_rule(shape: Any) -> None:
    rule = schema(RULE_OF_SHAPE[shape.__name__])

    @given(made.typed(shape))
    def check(data: dict[str, Any]) -> None:
        message = cbor2.loads(wire.encode_event(pendant_sos(kind=kind_of(shape), data=data)))
        assert isinstance(message, dict)
        rule.validate_cbor(cbor2.dumps(message.get(11, {})))

    check()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_codes_of_data_are_those_of_the_grammar(shape: Any) -> None:
    rule = re.search(rf"^{RULE_OF_SHAPE[shape.__name__]} = {{\n(.*?)^}}", GRAMMAR, re.M | re.S)
    assert rule is not None
    stated = {name: int(code) for code, name in re.findall(r"\? (\d+): .*; (\w+)", rule[1])}
    assert stated == {name: data_codes(kind_of(shape)).to_wire(name) for name in shape.__struct_fields__}


def test_the_codes_of_kinds_are_those_of_the_grammar() -> None:
    events, commands = GRAMMAR.split("; kinds of events:")[1].split("; kinds of commands:")
    stated = {name: int(code) for code, name in re.findall(r"^;   (\d+) (\S+)$", events, re.M)}
    assert stated == {name: row.code for name, row in KINDS.items()}
    assert {name: int(code) for code, name in re.findall(r"^;   (\d+) (\S+)$", commands, re.M)} == COMMANDS


def test_the_stages_are_those_of_the_grammar() -> None:
    assert "; " + ", ".join(f"{i} {name}" for i, name in enumerate(RECEIPT_STAGES, 1)) in GRAMMAR
    assert "; " + ", ".join(f"{i} {name}" for i, name in enumerate(EVENT_STAGES)) in GRAMMAR


REFUSED: tuple[dict[int, Any], ...] = (
    {0: 2},
    {1: ["pd-01", 1]},
    {1: ["PD", 1, 1]},
    {1: ["pd-01", 2**32, 1]},
    {2: False},
    {3: 2**16},
    {4: 20},
    {5: -1},
    {5: 2**53},
    {7: 2**32},
    {8: "Chen Guiying"},
    {10: "x" * 17},
    {11: []},
    {12: {0: -1}},
)


@pytest.mark.parametrize("change", REFUSED, ids=str)
def test_the_grammar_and_the_decoder_refuse_the_same(change: dict[int, Any]) -> None:
    message = cbor2.loads(wire.encode_event(pendant_sos()))
    assert isinstance(message, dict)
    raw = cbor2.dumps({**message, **change})
    with pytest.raises(pycddl.ValidationError):
        EVENT.validate_cbor(raw)
    with made.nothing_but_refusals():
        wire.decode_event(raw)
        pytest.fail("decoded what the grammar refuses")
