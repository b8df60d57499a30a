"""Xiaomi's adverts, as published: what a scale and a thermometer say, once, and under their key only."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.ports import Advert
from drivers.ble.xiaomi import AGAIN_MS, MIBEACON, SCALES, XiaomiReader
from protocols.gatt import Moment

SCALE_1, SCALE_2 = SCALES
KEY = bytes.fromhex("e9ea895fac7cca6d30532432a516f3a8")
LOCKED = "58585b0550f4830238c1a495ef58763c26000097e2abb5"  # LYWSD03MMC at A4:C1:38:02:83:F4
STEPPED_OFF = "02A4E3070A1E17000BFDFF3E30"
SETTLED = "0224E3070A1E17000BFDFF3E30"
WAVERING = "0204E3070A1E17000BFDFF3A30"
EMPTY = "0204E3070A1E17000BFDFF0000"


def advert(data: str, service: str = SCALE_2, at_ms: int = 0, address: str = "50:FB:19:1B:B5:DC") -> Advert:
    return Advert("hci0", address, -60, at_ms, None, {service: bytes.fromhex(data)}, {})


def heard(reader: XiaomiReader, *adverts: Advert) -> list[float]:
    found = [reader.read(advert) for advert in adverts]
    return [told.figures["weight_kg"] for told in found if told is not None]


def test_a_scale_that_nobody_heard_until_she_stepped_off_still_says_her_weight() -> None:
    told = XiaomiReader(None).read(advert(STEPPED_OFF))
    assert told is not None
    assert told.figures == {"weight_kg": 61.75}
    assert told.moment == Moment(2019, 10, 30, 23, 0, 11)


def test_a_weighing_is_told_once_however_long_the_scale_repeats_it() -> None:
    reader = XiaomiReader(None)
    says = (EMPTY, WAVERING, SETTLED, SETTLED, STEPPED_OFF, STEPPED_OFF)
    assert heard(reader, *(advert(data, at_ms=100 * n) for n, data in enumerate(says))) == [61.75]
    long = [advert(STEPPED_OFF, at_ms=1_000 + n * 30_000) for n in range(20)]
    assert heard(reader, *long) == []


def test_the_same_weight_again_is_another_weighing_when_the_scale_was_empty_or_silent() -> None:
    reader = XiaomiReader(None)
    assert heard(reader, advert(SETTLED), advert(EMPTY), advert(SETTLED)) == [61.75, 61.75]
    assert heard(reader, advert(SETTLED, at_ms=AGAIN_MS)) == [61.75]


def test_all_words_of_one_weighing_have_one_name() -> None:
    told = [XiaomiReader(None).read(advert(data)) for data in (SETTLED, STEPPED_OFF)]
    assert told[0] is not None
    assert told[1] is not None
    assert told[0].own == told[1].own


def test_what_was_not_kept_is_told_again() -> None:
    reader = XiaomiReader(None)
    assert heard(reader, advert(SETTLED)) == [61.75]
    reader.forget()
    assert heard(reader, advert(SETTLED)) == [61.75]


def test_an_older_scale_and_a_clock_that_was_never_set() -> None:
    told = XiaomiReader(None).read(advert("0226B20705040F0201AC018642"))
    assert told is not None
    assert (told.figures["weight_kg"], told.moment) == (85.15, Moment(1970, 5, 4, 15, 2, 1))
    plain = XiaomiReader(None).read(advert("22183B00000000000000", SCALE_1))
    assert plain is not None
    assert plain.figures["weight_kg"] == 75.64


def test_a_cat_on_the_scale_is_nobody() -> None:
    assert XiaomiReader(None).read(advert("0224E3070A1E17000BFDFF2001")) is None


def test_a_thermometer_is_read_under_its_key_and_no_other() -> None:
    mine = advert(LOCKED, MIBEACON, address="A4:C1:38:02:83:F4")
    told = XiaomiReader(KEY).read(mine)
    assert told is not None
    assert list(told.figures) == ["humidity_pct"]
    for key in (None, bytes(16)):
        reader = XiaomiReader(key)
        assert reader.read(mine) is None
        assert reader.locked
    assert XiaomiReader(KEY).read(advert(LOCKED, MIBEACON, address="A4:C1:38:02:83:F5")) is None


def test_a_plain_thermometer_is_read_without_a_key_and_not_under_one() -> None:
    plain = advert("5020aa01da219335342d580d1004fe004802", MIBEACON, address="58:2D:34:35:93:21")
    reader = XiaomiReader(None)
    told = reader.read(plain)
    assert told is not None
    assert told.figures == {"temperature_cel": 25.4, "humidity_pct": 58.4}
    assert reader.read(plain) is None
    assert XiaomiReader(KEY).read(plain) is None


@given(st.sampled_from((SCALE_1, SCALE_2, MIBEACON)), st.binary(max_size=31), st.sampled_from((None, KEY)))
def test_any_advert_is_something_or_nothing(service: str, data: bytes, key: bytes | None) -> None:
    told = XiaomiReader(key).read(advert(data.hex(), service))
    assert told is None or set(told.figures) <= {"weight_kg", "temperature_cel", "humidity_pct"}


@given(st.integers(0, 17), st.binary(max_size=8))
def test_a_beacon_that_is_spoiled_is_something_or_nothing(at: int, other: bytes) -> None:
    data = bytes.fromhex("5020aa01da219335342d580d1004fe004802")
    spoiled = data[:at] + other + data[at + len(other) :]
    XiaomiReader(None).read(advert(spoiled.hex(), MIBEACON, address="58:2D:34:35:93:21"))


def test_no_client_of_a_cloud_is_loaded() -> None:
    code = "import sys, drivers.ble.xiaomi; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
