"""What a modem's clock shows: read to the letter, or not at all."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.at_clock import QUARTER_S, ZONES, shown

AT = datetime.datetime(2026, 11, 22, 15, 31, 4, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("answer", "hours"),
    [
        ('+CCLK: "26/11/22,15:31:04+32"', 8),
        ('+CCLK:"26/11/22,15:31:04-12"', -3),
        ('+QLTS: "2026/11/22,15:31:04+00,0"', 0),
        ('+QLTS: "2026/11/22,15:31:04+05,1"', 1.25),
    ],
)
def test_a_clock_is_read_with_its_zone_in_quarters_of_an_hour(answer, hours):
    found = shown(answer)
    assert (found.clock_s, found.zone_s) == (AT.timestamp(), hours * 3600)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "OK",
        '+QLTS: ""',
        '+CCLK: "26/11/22,15:31:04"',
        "+CCLK: 26/11/22,15:31:04+32",
        '+CCLK: "26/02/30,15:31:04+32"',
        '+CCLK: "26/11/22,24:00:00+32"',
        '+CCLK: "26/11/22,15:31:60+32"',
        '+CCLK: "0000/11/22,15:31:04+32"',
        '+CCLK: "26/11/22,15:31:04+57"',
        '+CCLK: "26/11/22,15:31:04-49"',
        '+CCLK: "26/11/22,15:31:04+32" ',
        '+CCLK: "26/11/22,15:31:04+32"\n',
        '+CCLK: "２６/11/22,15:31:04+32"',
        '+CSQ: "26/11/22,15:31:04+32"',
    ],
)
def test_what_is_no_time_is_none(answer):
    assert shown(answer) is None


@given(st.text(max_size=60) | st.from_regex(r'\+(CCLK|QLTS): ?"[0-9/,:+-]{0,30}"?', fullmatch=True))
def test_whatever_a_modem_says_it_is_a_time_or_none(answer):
    found = shown(answer)
    assert found is None or (found.zone_s // QUARTER_S in ZONES and isinstance(found.clock_s, int))


@given(st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2099, 12, 31)), st.sampled_from(ZONES))
def test_every_clock_that_a_modem_can_show_is_read_as_written(at, zone):
    at = at.replace(microsecond=0, tzinfo=datetime.UTC)
    for answer in (
        f'+CCLK: "{at:%y/%m/%d,%H:%M:%S}{zone:+03d}"',
        f'+QLTS: "{at:%Y/%m/%d,%H:%M:%S}{zone:+03d},0"',
    ):
        found = shown(answer)
        assert (found.clock_s, found.zone_s) == (at.timestamp(), zone * QUARTER_S)
