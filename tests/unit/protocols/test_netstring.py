"""Netstrings: whole ones in any pieces, and hostile streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import AnbanError, Reason
from protocols.netstring import MOST, Reader, encode


@given(st.lists(st.binary(max_size=300), max_size=6), st.lists(st.integers(1, 50), max_size=80))
def test_what_was_sent_comes_whole_in_whatever_pieces(bodies, cuts):
    stream = b"".join(map(encode, bodies))
    reader, found = Reader(), []
    for cut in cuts:
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    found += reader.feed(stream)
    assert found == bodies


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from([b"3:abc,", b"99999:", b"0:,", b"05:"]), max_size=9)
)
def test_a_hostile_stream_ends_in_a_clear_error_or_holds_little(parts):
    reader, bodies, refused = Reader(), [], None
    try:
        for part in parts:
            bodies += reader.feed(part)
    except AnbanError as error:
        refused = error.reason
    assert refused in (None, Reason.BAD_VALUE, Reason.TOO_BIG)
    assert all(len(body) <= MOST for body in bodies)


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"5:hello;", Reason.BAD_VALUE),
        (b"05:hello,", Reason.BAD_VALUE),
        (b":,", Reason.BAD_VALUE),
        (b"-1:,", Reason.BAD_VALUE),
        (b"999999", Reason.TOO_BIG),
        (b"70000:", Reason.TOO_BIG),
        (b"GET / HTTP/1.1\r\n", Reason.BAD_VALUE),
    ],
)
def test_what_is_none_is_refused_at_once(stream, reason):
    with pytest.raises(AnbanError) as refused:
        Reader().feed(stream)
    assert refused.value.reason is reason


def test_none_is_longer_than_the_bound():
    with pytest.raises(AnbanError):
        encode(bytes(MOST + 1))
