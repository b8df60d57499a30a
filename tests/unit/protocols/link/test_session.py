"""Handshake and frames: who does not know the key gets nowhere, what is spoilt is refused by reason."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.link import const, keys, session
from protocols.link.errors import (
    REASON_EXHAUSTED,
    REASON_KEY,
    REASON_LENGTH,
    REASON_NAMES,
    REASON_OLD,
    REASON_ORDER,
    REASON_PLAINTEXT,
    REASON_REPEAT,
    REASON_TAG,
    REASON_UNKNOWN_HUB,
    REASON_VERSION,
    Counters,
    LinkError,
)
from protocols.link.session import Initiator, Responder, Session

ROOT = bytes(range(16))
KEY = keys.link_key(ROOT, "hub-01")


def hub(key: bytes = KEY, hub_id: str = "hub-01", pendant: str = "pd-01", seed: int = 1) -> Initiator:
    return Initiator(key, hub_id, pendant, random.Random(seed).randbytes(16))


def pendant(seed: int = 2, pendant_id: str = "pd-01") -> Responder:
    known = {"hub-01": KEY, "hub-02": keys.link_key(ROOT, "hub-02")}
    return Responder(known.get, pendant_id, random.Random(seed).randbytes(16))


def connected(seed: int = 1) -> tuple[Session, Session]:
    """The hub's and the pendant's side of one session."""
    initiator, responder = hub(seed=seed), pendant(seed + 1000)
    pendant_side = responder.on_proof(initiator.on_challenge(responder.on_hello(initiator.hello())))
    assert initiator.session is not None
    return initiator.session, pendant_side


def reason_of(call: object, *args: object) -> int:
    """The reason for which a call is refused."""
    with pytest.raises(LinkError) as refused:
        call(*args)  # type: ignore[operator]
    return refused.value.reason


spoken = st.tuples(st.booleans(), st.binary(max_size=session.MAX_PLAINTEXT))


@given(st.lists(spoken, max_size=12), st.integers(0, 9))
def test_what_one_side_says_the_other_hears(said: list[tuple[bool, bytes]], seed: int) -> None:
    hub_side, pendant_side = connected(seed)
    for to_pendant, text in said:
        speaker, listener = (hub_side, pendant_side) if to_pendant else (pendant_side, hub_side)
        frame = speaker.seal(text)
        assert len(frame) <= const.MAX_FRAME
        assert listener.open(frame) == text
        assert len(text) < 4 or text not in frame


def test_the_pendant_knows_which_hub_it_speaks_with() -> None:
    initiator, responder = hub(keys.link_key(ROOT, "hub-02"), "hub-02"), pendant()
    responder.on_proof(initiator.on_challenge(responder.on_hello(initiator.hello())))
    assert responder.hub_id == "hub-02"


def test_a_stranger_without_the_key_gets_nowhere() -> None:
    stranger, responder = hub(bytes(16)), pendant()
    challenge = responder.on_hello(stranger.hello())
    assert reason_of(stranger.on_challenge, challenge) == REASON_TAG
    assert reason_of(responder.on_proof, bytes([session.FRAME_PROOF]) + bytes(16)) == REASON_TAG


def test_a_guesser_has_one_try_a_handshake() -> None:
    initiator, responder = hub(), pendant()
    proof = initiator.on_challenge(responder.on_hello(initiator.hello()))
    assert reason_of(responder.on_proof, proof[:-1] + bytes([proof[-1] ^ 1])) == REASON_TAG
    assert reason_of(responder.on_proof, proof) == REASON_ORDER


def test_a_pendant_that_is_not_the_one_meant_is_noticed() -> None:
    """Both hold the hub's key (a cloned label), but the ids are in the proof."""
    initiator, other = hub(pendant="pd-01"), pendant(pendant_id="pd-02")
    assert reason_of(initiator.on_challenge, other.on_hello(initiator.hello())) == REASON_TAG


def test_a_hub_that_is_not_paired_is_refused() -> None:
    for hub_id in ("hub-03", "x"):
        assert reason_of(pendant().on_hello, hub(KEY, hub_id).hello()) == REASON_UNKNOWN_HUB


@pytest.mark.parametrize("raw", [b"HUB-01", b"\xff\xfe", b"hub 01", b"hub-01\x00"])
def test_an_id_that_is_none_is_no_hub(raw: bytes) -> None:
    hello = bytes([session.FRAME_HELLO, 1, len(raw)]) + raw + bytes(16)
    assert reason_of(pendant().on_hello, hello) == REASON_UNKNOWN_HUB


def test_a_recorded_handshake_opens_nothing() -> None:
    initiator, responder = hub(), pendant(seed=2)
    hello = initiator.hello()
    proof = initiator.on_challenge(responder.on_hello(hello))
    again = pendant(seed=3)
    again.on_hello(hello)
    assert reason_of(again.on_proof, proof) == REASON_TAG
    assert reason_of(hub(seed=4).on_challenge, pendant(seed=2).on_hello(hello)) == REASON_TAG


def test_a_frame_recorded_in_one_session_opens_in_no_other() -> None:
    (hub_side, _), (_, later_pendant) = connected(1), connected(2)
    assert reason_of(later_pendant.open, hub_side.seal(b"ack")) == REASON_TAG


def test_a_reflected_frame_is_refused() -> None:
    hub_side, _ = connected()
    assert reason_of(hub_side.open, hub_side.seal(b"ack")) == REASON_TAG


def test_another_version_is_refused_on_both_sides() -> None:
    hello = hub().hello()
    assert reason_of(pendant().on_hello, hello[:1] + b"\x02" + hello[2:]) == REASON_VERSION
    challenge = pendant().on_hello(hello)
    assert reason_of(hub().on_challenge, challenge[:1] + b"\x00" + challenge[2:]) == REASON_VERSION


def test_frames_out_of_their_order_are_refused() -> None:
    initiator, responder = hub(), pendant()
    hello = initiator.hello()
    assert reason_of(responder.on_proof, bytes([session.FRAME_PROOF]) + bytes(16)) == REASON_ORDER
    assert reason_of(initiator.on_challenge, hello) == REASON_ORDER
    assert reason_of(responder.on_hello, bytes([session.FRAME_DATA]) + bytes(40)) == REASON_ORDER
    challenge = responder.on_hello(hello)
    assert reason_of(responder.on_hello, hello) == REASON_ORDER
    assert reason_of(responder.on_proof, hello) == REASON_ORDER
    proof = initiator.on_challenge(challenge)
    assert reason_of(initiator.on_challenge, challenge) == REASON_ORDER
    responder.on_proof(proof)
    assert reason_of(responder.on_proof, proof) == REASON_ORDER


@given(st.integers(0, 3), st.integers(0, 40), st.integers(0, 7))
def test_a_handshake_with_a_turned_bit_or_a_lost_byte_fails(which: int, at: int, bit: int) -> None:
    initiator, responder = hub(), pendant()

    def spoil(frame: bytes, number: int) -> bytes:
        if which == 3 and number == at % 3:
            return frame[:-1]
        spoilt = bytearray(frame)
        if which == number:
            spoilt[at % len(spoilt)] ^= 1 << bit
        return bytes(spoilt)

    def shake_hands() -> None:
        challenge = responder.on_hello(spoil(initiator.hello(), 0))
        proof = initiator.on_challenge(spoil(challenge, 1))
        responder.on_proof(spoil(proof, 2))

    with pytest.raises(LinkError):
        shake_hands()


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else_in_a_handshake(frame: bytes) -> None:
    responder = pendant()
    responder.on_hello(hub().hello())
    for call in (hub().on_challenge, pendant().on_hello, responder.on_proof):
        with pytest.raises(LinkError):
            call(frame)


@given(st.binary(max_size=60), st.integers(1, 4))
def test_no_bytes_that_begin_well_raise_anything_else(rest: bytes, kind: int) -> None:
    for call in (hub().on_challenge, pendant().on_hello, connected()[1].open):
        with pytest.raises(LinkError):
            call(bytes([kind, 1]) + rest)


def test_a_frame_is_taken_once() -> None:
    hub_side, pendant_side = connected()
    first, second, third = (hub_side.seal(text) for text in (b"1", b"2", b"3"))
    assert pendant_side.open(first) == b"1"
    assert reason_of(pendant_side.open, first) == REASON_REPEAT
    assert pendant_side.open(third) == b"3"
    assert reason_of(pendant_side.open, second) == REASON_OLD
    assert reason_of(pendant_side.open, first) == REASON_OLD
    assert pendant_side.open(hub_side.seal(b"4")) == b"4"


@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=6))
def test_in_whatever_order_frames_come_each_opens_at_most_once_and_upwards(
    order: list[int], again: list[int]
) -> None:
    hub_side, pendant_side = connected()
    frames = [hub_side.seal(bytes([i])) for i in range(6)]
    opened = []
    for i in order + again:
        try:
            opened.append(pendant_side.open(frames[i])[0])
        except LinkError as error:
            assert error.reason in (REASON_OLD, REASON_REPEAT)  # noqa: PT017
    assert opened == sorted(set(opened))
    assert opened[0] == order[0]


@given(st.binary(max_size=30), st.integers(0, 60), st.integers(0, 7))
def test_a_frame_with_a_turned_bit_is_refused_and_the_good_one_still_opens(
    text: bytes, at: int, bit: int
) -> None:
    hub_side, pendant_side = connected()
    frame = hub_side.seal(text)
    bad = bytearray(frame)
    bad[at % len(bad)] ^= 1 << bit
    reason = reason_of(pendant_side.open, bytes(bad))
    assert reason in (REASON_TAG, REASON_PLAINTEXT, REASON_OLD, REASON_REPEAT)
    assert pendant_side.open(frame) == text


@given(st.binary(max_size=30), st.integers(0, 60))
def test_a_truncated_frame_is_refused(text: bytes, length: int) -> None:
    hub_side, pendant_side = connected()
    frame = hub_side.seal(text)
    if length < len(frame):
        assert reason_of(pendant_side.open, frame[:length]) in (REASON_LENGTH, REASON_TAG)
    assert pendant_side.open(frame) == text


def test_plaintext_is_refused() -> None:
    _, pendant_side = connected()
    for frame in (b"\x02\x01\x02\x03\x04", b"ack", hub().hello()):
        assert reason_of(pendant_side.open, frame) == REASON_PLAINTEXT
    assert reason_of(pendant_side.open, b"") == REASON_LENGTH
    assert reason_of(pendant_side.open, bytes([session.FRAME_DATA]) + bytes(const.MAX_FRAME)) == REASON_LENGTH


def test_too_long_a_message_is_not_sent() -> None:
    hub_side, _ = connected()
    assert reason_of(hub_side.seal, bytes(session.MAX_PLAINTEXT + 1)) == REASON_LENGTH
    assert hub_side.sent == 0


def test_a_counter_never_comes_round() -> None:
    hub_side, pendant_side = connected()
    hub_side.sent = 0xFFFFFFFE
    assert pendant_side.open(hub_side.seal(b"last")) == b"last"
    assert reason_of(hub_side.seal, b"one more") == REASON_EXHAUSTED


def test_ids_and_randoms_of_another_form_are_refused() -> None:
    for hub_id, pendant_id, nonce in (("HUB", "pd", 16), ("hub", "", 16), ("hub", "pd", 15)):
        assert reason_of(Initiator, KEY, hub_id, pendant_id, bytes(nonce)) == REASON_KEY
    assert reason_of(Responder, {}.get, "pd-01", bytes(17)) == REASON_KEY


def test_refusals_are_counted_by_reason() -> None:
    counters = Counters()
    for reason in (REASON_TAG, REASON_TAG, REASON_OLD):
        counters.count(reason)
    assert counters.report() == {"tag": 2, "old": 1}
    assert (counters.of(REASON_TAG), counters.of(REASON_LENGTH), counters.total()) == (2, 0, 3)


def test_every_reason_has_a_name_and_an_error_says_it() -> None:
    assert len(REASON_NAMES) == REASON_EXHAUSTED + 1
    assert str(LinkError(REASON_TAG)) == "link refused: tag"
