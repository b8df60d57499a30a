"""What frames carry: each message reads back, later additions are left alone, the hostile is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.link import const, messages, session
from protocols.link.errors import REASON_KIND, REASON_LENGTH, REASON_VALUE, LinkError

u8, u32 = st.integers(0, 255), st.integers(0, 2**32 - 1)
stages = st.integers(const.STAGE_NONE, const.STAGE_CANCELLED)
told = st.integers(const.STAGE_HEARD, const.STAGE_CANCELLED)
presses = st.builds(messages.Press, u32, st.integers(0, const.MEANING_SOS), u32, stages)
statuses = st.lists(presses, max_size=messages.MAX_PRESSES).flatmap(
    lambda held: st.builds(
        messages.Status,
        u32,
        u32,
        st.integers(0, 100),
        st.integers(0, 0xFFFF),
        u32,
        st.just(held),
        st.integers(len(held), 255),
    )
)
all_messages = (
    statuses
    | st.builds(messages.Ack, u32, u32, told, st.booleans())
    | st.builds(messages.CallState, stages)
    | st.builds(messages.Ask, u8)
    | st.builds(messages.Time, st.integers(0, 2**53 - 1), st.booleans())
    | st.builds(messages.Floor, u32)
    | st.builds(messages.Config, st.integers(0, 1), st.from_regex(r"\A[a-z]{2}\Z"))
    | st.builds(messages.Ok, u8, u8, u32, u32, u8, u32)
    | st.builds(messages.GetStatus)
    | st.builds(messages.Fall, u32, st.binary(max_size=94))
    | st.builds(messages.Answered, u32, u32, st.from_regex(r"\A[a-z0-9-]{1,16}\Z"))
)


def fields(message: Any) -> Any:
    """The content of a message, presses included."""
    if isinstance(message, list):
        return [fields(item) for item in message]
    return {k: fields(v) for k, v in vars(message).items()} if hasattr(message, "__dict__") else message


@given(all_messages)
def test_every_message_reads_back_and_fits_a_frame(message: Any) -> None:
    raw = message.encode()
    assert raw[0] == message.kind
    assert len(raw) <= session.MAX_PLAINTEXT
    read = messages.decode(raw)
    assert type(read) is type(message)
    assert fields(read) == fields(message)


@given(all_messages, st.binary(min_size=1, max_size=5))
def test_what_a_later_minor_version_adds_is_left_alone(message: Any, more: bytes) -> None:
    assert fields(messages.decode(message.encode() + more)) == fields(message)


@given(all_messages, st.integers(0, 200))
def test_a_truncated_message_is_refused(message: Any, length: int) -> None:
    raw = message.encode()
    least = len(raw) - 1 if message.kind == messages.KIND_ACK else len(raw)  # its last byte came later
    if length < least:
        with pytest.raises(LinkError) as refused:
            messages.decode(raw[:length])
        assert refused.value.reason == REASON_LENGTH


@given(
    st.binary(max_size=60)
    | st.builds(lambda kind, rest: bytes([kind]) + rest, st.integers(1, 11), st.binary())
)
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    try:
        messages.decode(raw)
    except LinkError as error:
        assert error.reason in (REASON_KIND, REASON_LENGTH, REASON_VALUE)  # noqa: PT017


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", REASON_LENGTH),
        (b"\x00", REASON_KIND),
        (b"\xff" * 20, REASON_KIND),
        (messages.Ack(1, 2, const.STAGE_NONE).encode(), REASON_VALUE),
        (messages.Ack(1, 2, 7).encode(), REASON_VALUE),
        (messages.CallState(7).encode(), REASON_VALUE),
        (messages.Time(2**53, True).encode(), REASON_VALUE),
        (messages.Config(2, "zh").encode(), REASON_VALUE),
        (messages.Config(0, "ZH").encode(), REASON_VALUE),
        (messages.Answered(1, 2, "").encode(), REASON_VALUE),
        (messages.Answered(1, 2, "h" * 17).encode(), REASON_VALUE),
        (messages.Answered(1, 2, "HUB").encode(), REASON_VALUE),
        (b"\x0b" + bytes(8) + b"\x02\xc3\xa4", REASON_VALUE),
    ],
)
def test_what_a_hub_never_says_is_refused(raw: bytes, reason: int) -> None:
    with pytest.raises(LinkError) as refused:
        messages.decode(raw)
    assert refused.value.reason == reason


def test_an_ack_of_before_there_were_answers_says_nothing_of_one() -> None:
    raw = messages.Ack(1, 2, const.STAGE_CANCELLED, True).encode()
    for other in (raw[:-1], raw[:-1] + b"\x02"):
        ack = messages.decode(other)
        assert isinstance(ack, messages.Ack)
        assert (ack.number, ack.stage, ack.answered) == (2, const.STAGE_CANCELLED, False)


def test_an_open_press_is_never_lost_for_a_field_beside_it() -> None:
    raw = bytearray(
        messages.Status(1, 2, 90, 0, 5, [messages.Press(17, const.MEANING_SOS, 400, 0)], 1).encode()
    )
    raw[9] = 255  # battery
    raw[-6] = 77  # meaning
    raw[-1] = 99  # stage
    status = messages.decode(bytes(raw))
    assert isinstance(status, messages.Status)
    assert status.battery_pct == 100
    assert fields(status.presses) == [
        {"number": 17, "meaning": const.MEANING_SOS, "age_ms": 400, "stage": const.STAGE_NONE}
    ]


def test_more_presses_than_fit_are_told_by_their_number() -> None:
    held = [messages.Press(i, const.MEANING_SOS, 0, 0) for i in range(12)]
    status = messages.decode(messages.Status(1, 2, 90, 0, 5, held, len(held)).encode())
    assert isinstance(status, messages.Status)
    assert [p.number for p in status.presses] == list(range(messages.MAX_PRESSES))
    assert status.open_count == 12


def test_a_status_can_be_sent_after_years() -> None:
    status = messages.Status(1, 2, -3, 0x1FFFF, 2**40, [messages.Press(1, 4, 2**40, 0)], 999)
    read = messages.decode(status.encode())
    assert isinstance(read, messages.Status)
    assert (read.battery_pct, read.faults, read.uptime_s, read.open_count) == (0, 0xFFFF, 2**32 - 1, 255)
    assert read.presses[0].age_ms == 2**32 - 1
