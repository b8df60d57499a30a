"""What the journal holds comes back as it was written, whatever else stands in the file."""

from __future__ import annotations

import contextlib

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.entries import (
    MAX_ENTRY_BYTES,
    MAX_RECEIPTS,
    AttemptEntry,
    CommandEntry,
    EventEntry,
    LocalEntry,
    ReceiptEntry,
    ReceiptsEntry,
    SensedEntry,
    Stamp,
    TimerEntry,
    ToldEntry,
    decode_entry,
    encode_entry,
    event_message,
    settles,
)
from protocols.errors import AnbanError
from protocols.values import Command, Event, EventId, Lane, Receipt
from protocols.wire import decode_event
from tests.unit.edge.making import at, eid, pressed, said, tried

u32 = st.integers(0, 2**32 - 1)
ids = st.builds(EventId, st.from_regex(r"\A[a-z0-9-]{1,16}\Z"), u32, u32)
stamps = st.builds(
    Stamp,
    uptime_ms=st.integers(0, 2**53),
    boot=u32,
    wall_ms=st.integers(-(2**53), 2**53),
    trusted=st.booleans(),
)
words = st.text(max_size=256)
events = st.builds(
    Event,
    id=ids,
    call_id=st.none() | ids,
    kind=st.sampled_from(["call.sos", "call.updated", "reading.pulse", "call.not_yet_known"]),
    lane=st.sampled_from(Lane),
    device=st.just("pd-01"),
    wall_ms=st.integers(0, 2**53 - 1),
    data=st.dictionaries(
        st.from_regex(r"\A[a-z]{1,8}\Z"), st.integers(0, 9) | st.text("ab", max_size=4), max_size=3
    ),
)
receipts = st.builds(
    Receipt, number=st.integers(0, 2**53 - 1), about=ids, stage=st.sampled_from(["stored", "taken", "later"])
)
commands = st.builds(
    Command,
    id=st.from_regex(r"\A[a-z0-9]{1,20}\Z"),
    kind=st.sampled_from(["speak", "test"]),
    expires_ms=st.integers(0, 2**53 - 1),
    authority=st.just("seat 3"),
)
extras = st.dictionaries(st.integers(8, 60), st.integers(-9, 9) | st.text(max_size=9), max_size=3)
entries = st.one_of(
    st.builds(EventEntry, at=stamps, event=events, source=st.sampled_from(["red", "pendant"]), extra=extras),
    st.builds(ReceiptEntry, at=stamps, receipt=receipts, path=words, extra=extras),
    st.builds(
        ReceiptsEntry,
        at=stamps,
        receipts=st.lists(receipts, min_size=1, max_size=5).map(tuple),
        path=words,
        extra=extras,
    ),
    st.builds(
        AttemptEntry,
        at=stamps,
        event_id=ids,
        path=words,
        number=st.integers(0, 2**40),
        outcome=st.sampled_from(["acked", "failed", "unknown"]),
        reason=words,
        extra=extras,
    ),
    st.builds(TimerEntry, at=stamps, call_id=ids, name=words, extra=extras),
    st.builds(CommandEntry, at=stamps, command=commands, path=words, extra=extras),
    st.builds(LocalEntry, at=stamps, call_id=ids, name=words, by=words, extra=extras),
    st.builds(ToldEntry, at=stamps, call_id=ids, name=words, extra=extras),
    st.builds(SensedEntry, at=stamps, sensor=words, what=words, extra=extras),
)


@given(entries)
def test_an_entry_comes_back_as_it_was_written(entry):
    assert decode_entry(encode_entry(entry)) == entry


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data):
    with contextlib.suppress(AnbanError):
        decode_entry(data)


@given(entries, st.data())
def test_a_damaged_entry_is_refused_or_read_but_never_crashes(entry, data):
    raw = bytearray(encode_entry(entry))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(AnbanError):
        decode_entry(bytes(raw[: data.draw(st.integers(1, len(raw)))]))


def test_the_longest_receipts_of_an_entry_can_be_read_back():
    longest = Receipt(
        number=2**53 - 1,
        about=EventId("a" * 16, 2**32 - 1, 2**32 - 1),
        stage="stored",
        by="\U0001f6a8" * 64,
        reason="\U0001f6a8" * 200,
        wall_ms=2**53 - 1,
    )
    full = ReceiptsEntry(at=at(1), receipts=(longest,) * MAX_RECEIPTS, path="https")
    assert len(encode_entry(full)) <= MAX_ENTRY_BYTES
    assert decode_entry(encode_entry(full)) == full


@pytest.mark.parametrize("count", [0, MAX_RECEIPTS + 1])
def test_an_entry_of_no_receipts_or_too_many_is_not_written(count):
    few = (Receipt(number=1, about=eid(1), stage="stored"),) * count
    with pytest.raises(AnbanError, match=f"{count} receipts"):
        encode_entry(ReceiptsEntry(at=at(1), receipts=few, path="https"))


@given(entries)
def test_an_event_is_taken_out_of_its_entry_as_it_is(entry):
    raw = encode_entry(entry)
    if isinstance(entry, EventEntry):
        assert decode_event(event_message(raw)) == entry.event
    else:
        with pytest.raises(AnbanError, match="not an event"):
            event_message(raw)


def test_keys_of_a_later_release_survive_a_rewrite():
    raw = cbor2.loads(encode_entry(tried(eid(1), 1)))
    raw[9] = "later"
    entry = decode_entry(cbor2.dumps(raw))
    assert cbor2.loads(encode_entry(entry))[9] == "later"


@pytest.mark.parametrize(
    "change",
    [{0: 3}, {1: 99}, {1: True}, {2: [1, 2, 3]}, {2: [-1, 0, 0, True]}, {3: ["x", 1]}, {6: "perhaps"}],
)
def test_what_this_release_cannot_know_is_refused_with_a_sentence(change):
    raw = cbor2.loads(encode_entry(tried(eid(1), 1))) | change
    with pytest.raises(AnbanError, match="journal entry"):
        decode_entry(cbor2.dumps(raw))


@pytest.mark.parametrize(
    "entry",
    [
        msgspec.structs.replace(pressed(1), source="a passer-by"),
        msgspec.structs.replace(tried(eid(1), 1), outcome="perhaps"),
        msgspec.structs.replace(tried(eid(1), 1), reason="x" * 300),
        msgspec.structs.replace(tried(eid(1), 1), at=Stamp(uptime_ms=-1, boot=1)),
    ],
)
def test_what_could_not_be_read_back_is_not_written(entry):
    with pytest.raises(AnbanError):
        encode_entry(entry)


def test_a_call_that_the_platform_refuses_stays_owed():
    assert settles(said(1, "stored", eid(1)).receipt, Lane.SOS)
    assert not settles(said(1, "rejected", eid(1)).receipt, Lane.ASSIST)
    assert settles(said(1, "rejected", eid(1)).receipt, Lane.READING)
    assert not settles(said(1, "taken", eid(1)).receipt, Lane.SOS)


def test_a_press_costs_few_bytes_on_the_card():
    assert len(encode_entry(pressed(1, at(10**9)))) < 120
