"""Which of a cell network's times may stand on the hub's clock, as long as nobody has proved one."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.modem.network_time import NetworkTime
from edge.network_clock import LATEST_MS, network_ms
from edge.text_clock import ANSWER_MS, EARLIEST_MS

CHINA_S = 8 * 3600
NOON_S = EARLIEST_MS // 1000 + 300 * 86_400


def test_a_time_that_can_be_is_taken():
    for checked in (True, False):
        assert network_ms(NetworkTime(NOON_S, CHINA_S, checked), CHINA_S, 0) == NOON_S * 1000


def test_the_years_that_a_modem_begins_with_are_no_time():
    for utc_s in (0, 315_964_800, 1_072_915_200, 3_471_292_800, 3_155_760_000):  # 1970, 80, 2004, 2080, 2070
        assert network_ms(NetworkTime(utc_s, CHINA_S, True), CHINA_S, 0) is None


def test_local_time_of_another_zone_than_the_homes_is_not_believed_unless_gmt_stands_beside_it():
    assert network_ms(NetworkTime(NOON_S, 0, False), CHINA_S, 0) is None
    assert network_ms(NetworkTime(NOON_S, CHINA_S + 3600, False), CHINA_S, 0) is not None  # summer
    assert network_ms(NetworkTime(NOON_S, 0, True), CHINA_S, 0) == NOON_S * 1000


def test_it_does_not_go_back_behind_what_was_proved():
    told = NetworkTime(NOON_S, CHINA_S, True)
    assert network_ms(told, CHINA_S, NOON_S * 1000 + ANSWER_MS + 1) is None
    assert network_ms(told, CHINA_S, NOON_S * 1000 + 60_000) is not None


@given(st.integers(-(10**12), 10**12), st.integers(-43_200, 50_400), st.booleans(), st.integers(0, LATEST_MS))
def test_whatever_a_network_says_it_is_none_or_a_time_of_this_age(utc_s, zone_s, checked, known_ms):
    found = network_ms(NetworkTime(utc_s, zone_s, checked), CHINA_S, known_ms)
    assert found is None or EARLIEST_MS <= found < LATEST_MS
