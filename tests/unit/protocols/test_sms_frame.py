"""Frames in texts: one part for ever, whole ids, and nothing believed without its key."""

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import sms_frame, sms_payload, sms_pdu
from protocols.errors import AnbanError, Reason
from protocols.sms_frame import AnswerFrame, CommandFrame, EventFrame, ReceiptFrame, Window, read, write
from protocols.values import EventId

UP, DOWN = b"u" * 16, b"d" * 16
U32 = st.integers(0, 2**32 - 1)
BITS20 = st.integers(0, 2**20 - 1)
CALL = st.none() | st.tuples(BITS20, U32, U32)
EVENTS = st.builds(
    EventFrame,
    counter=st.integers(0, sms_frame.MAX_COUNTER),
    kind=st.integers(0, 255),
    origin=BITS20,
    life=U32,
    number=U32,
    elder=BITS20,
    age_s=st.integers(0, sms_frame.MAX_AGE_S),
    durable=st.booleans(),
    call=CALL,
)
RECEIPTS = st.builds(
    ReceiptFrame,
    counter=st.integers(0, sms_frame.MAX_COUNTER),
    stage=st.integers(0, len(sms_frame.STAGES) - 1),
    origin=BITS20,
    life=U32,
    number=U32,
    order=st.integers(0, 2**40 - 1),
    wall_s=st.integers(0, 2**34 - 1),
    call=CALL,
)
COMMANDS = st.builds(
    CommandFrame,
    counter=st.integers(0, sms_frame.MAX_COUNTER),
    ask=st.integers(0, len(sms_frame.ASKS) - 1),
    command=st.integers(0, 2**64 - 1),
    expires_s=st.integers(0, 2**34 - 1),
)
ANSWERS = st.builds(
    AnswerFrame,
    counter=st.integers(0, sms_frame.MAX_COUNTER),
    origin=BITS20,
    life=U32,
    number=U32,
    command=st.integers(0, 2**64 - 1),
    outcome=st.integers(0, len(sms_frame.OUTCOMES) - 1),
    reason=st.integers(0, len(sms_frame.REASONS) - 1),
    faults=st.integers(0, 63),
    calls=st.integers(0, 15),
    battery=st.integers(0, 127),
    mains=st.booleans(),
    ip=st.booleans(),
)
FRAMES = EVENTS | RECEIPTS | COMMANDS | ANSWERS
FRAME = EventFrame(counter=5, kind=1, origin=9, life=7, number=3, elder=4, age_s=12, durable=True)


@settings(max_examples=60, deadline=None)
@given(FRAMES, st.text(max_size=300))
def test_whatever_the_name_and_the_address_it_is_one_part_and_comes_back(frame, words):
    kind = sms_payload.letter_of(frame)
    text = write("ABCD", UP, frame, words)
    assert sms_pdu.is_one_part(text)
    (pdu,) = sms_pdu.submits("+8613800138000", text)
    assert pdu.length <= 156
    assert read(text, kind, "ABCD", UP) == frame
    assert read(f"FWD: {text} and more", kind, "ABCD", UP) == frame
    assert (sms_frame.home_of(text), sms_frame.type_of(text)) == ("ABCD", kind)


def test_a_person_reads_place_and_name_behind_the_machines_part():
    text = write("ABCD", UP, FRAME, "3-2-501 张奶奶 紧急求助 12:03 请回电 +8613800138101")
    assert text.startswith("#A1EABCD")
    assert " 3-2-501 张奶奶" in text


def test_without_room_for_chinese_the_rest_of_the_words_is_kept():
    far = msgspec.structs.replace(FRAME, call=(1, 2, 3))
    assert write("ABCD", UP, far, "3-2-501 张奶奶 SOS").endswith(" 3-2-501 SOS")


@settings(max_examples=60, deadline=None)
@given(FRAMES, st.data())
def test_a_changed_character_is_forged_or_no_frame(frame, data):
    text = write("ABCD", UP, frame)
    kind = sms_payload.letter_of(frame)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in sms_payload._ALPHABET + "# 1" if c != text[place]]))
    with pytest.raises(AnbanError):
        read(text[:place] + other + text[place + 1 :], kind, "ABCD", UP)


def test_a_frame_of_the_other_direction_or_another_home_proves_nothing():
    text = write("ABCD", UP, FRAME)
    for kind, home, key in (("R", "ABCD", UP), ("E", "ABCE", UP), ("E", "ABCD", DOWN)):
        with pytest.raises(AnbanError) as refused:
            read(text, kind, home, key)
        assert refused.value.reason in (Reason.BAD_VALUE, Reason.NOT_AUTHENTIC)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200) | st.from_regex(r"#A1[ERCA]ABCD[A-Z2-7]{20,80}"))
def test_hostile_texts_are_refused(text):
    for kind in sms_payload.LETTERS:
        with pytest.raises(AnbanError):
            read(text, kind, "ABCD", UP)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sms_payload.LETTERS), st.text(sms_payload._ALPHABET, max_size=70))
def test_whoever_has_the_key_cannot_crash_it(letter, bits):
    with contextlib.suppress(AnbanError):
        assert sms_payload.letter_of(sms_payload.parse(letter, bits)) == letter


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=120))
def test_each_counter_counts_once_in_any_order(counters):
    window, seen = Window(), set()
    for counter in counters:
        taken = window.take(counter)
        assert not (taken and counter in seen)
        if counter > max(seen, default=0) - Window.SIZE and counter != sms_frame.NO_COUNTER:
            assert taken == (counter not in seen)
        seen |= {counter} if taken else set()
        window = Window(window.top, window.mask)  # as after a restart


def test_an_id_is_whole_and_found_again_among_the_homes_devices():
    frame = msgspec.structs.replace(FRAME, origin=sms_frame.name_bits("pd-01"))
    assert sms_frame.id_of(frame, {"hub-01", "pd-01"}) == EventId("pd-01", 7, 3)
    with pytest.raises(AnbanError) as refused:
        sms_frame.id_of(frame, {"hub-01"})
    assert refused.value.reason is Reason.UNKNOWN_DEVICE


def test_a_wish_to_cancel_stays_one():
    for number, change in enumerate(sms_frame.UPDATES):
        assert sms_frame.kind_of(128 + number) == ("call.updated", change)
    assert sms_frame.kind_of(1) == ("call.sos", "")
    with pytest.raises(AnbanError):
        sms_frame.kind_of(64)  # a reading is no call
