"""The note of a fall is read whatever a pendant says in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware.pendant import fall, falls
from protocols import fall_note
from protocols.link.session import MAX_PLAINTEXT
from sim import motion

MESSAGE_HEAD = 6  # of protocols.link.messages.Fall


def noted(samples: list[motion.Sample]) -> bytes:
    """The note of the first fall in it, as the pendant makes it."""
    detector = fall.make(50)
    note = b""
    began = 0
    for sample in samples:
        if detector.update(*sample) and not note:
            note, began = falls.note_head(detector, 0), detector.count
        if note and detector.count - began == falls.AFTER:
            return note + detector.rows(falls.AFTER, 0, falls.ROW)
    return note


def test_what_the_pendant_writes_is_read() -> None:
    note = noted(motion.fallen(3))
    assert len(note) == fall_note.MAX_NOTE <= MAX_PLAINTEXT - MESSAGE_HEAD
    read = fall_note.read(note)
    assert read is not None
    assert len(read.features) == len(fall.FEATURES) == fall_note.FEATURES == falls.FEATURES
    assert read.hang.y < -50, "it hung upright"
    assert abs(read.after[-1].y) < 20, "and lies"
    assert [row.move for row in read.before] > [row.move for row in read.after]
    assert not fall_note.put_down(read)
    assert fall.FEATURES[fall_note.DIP] == "dip"
    assert fall.FEATURES[fall_note.LOW_N] == "low_n"


def test_one_that_is_cut_short_is_read_as_far_as_it_goes() -> None:
    note = noted(motion.fallen(3))
    short = fall_note.read(note[: fall_note.HEAD])
    assert short is not None
    assert short.after == ()
    assert len(fall_note.weights(short)) == len(fall_note.weights(fall_note.read(note) or short))


def test_what_nothing_moves_was_put_down_and_what_fell_freely_was_dropped() -> None:
    note = bytearray(noted(motion.fallen(3)))
    for at in range(fall_note.HEAD, len(note), fall_note.ROW):
        note[at + 3] = fall_note.STILL
    note[4 + fall_note.DIP], note[4 + fall_note.LOW_N] = 25, 0
    read = fall_note.read(bytes(note))
    assert read is not None
    assert (fall_note.put_down(read), fall_note.dropped(read)) == (True, False)
    note[4 + fall_note.DIP], note[4 + fall_note.LOW_N] = 5, 4
    assert fall_note.dropped(fall_note.read(bytes(note)) or read)


@given(
    st.binary(max_size=120)
    | st.integers(0, fall_note.AFTER).flatmap(
        lambda rows: st.binary(
            min_size=fall_note.HEAD - 1 + rows * 4, max_size=fall_note.HEAD - 1 + rows * 4
        ).map(lambda rest: b"\x01" + rest)
    )
)
def test_no_bytes_break_it(note: bytes) -> None:
    read = fall_note.read(note)
    if read is not None:
        assert len(fall_note.weights(read)) == fall_note.FEATURES + 15
        assert fall_note.dropped(read) <= fall_note.put_down(read)
