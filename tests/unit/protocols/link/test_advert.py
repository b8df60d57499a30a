"""Adverts: what a pendant builds, a hub and a third party read; everything else is refused by reason."""

from __future__ import annotations

import pytest
from bthome_ble import BTHomeBluetoothDeviceData
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from habluetooth import BluetoothServiceInfoBleak
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.link import advert, const, keys
from protocols.link.errors import (
    REASON_KEY,
    REASON_LENGTH,
    REASON_PLAINTEXT,
    REASON_TAG,
    REASON_VALUE,
    REASON_VERSION,
    LinkError,
)

KEY = keys.advert_key(bytes(range(16)))
MAC = bytes.fromhex("aabbccddee01")
KNOWN = [
    const.MEANING_FALL_WALKS,
    const.MEANING_NONE,
    const.MEANING_ASSIST,
    const.MEANING_CALL_BACK,
    const.MEANING_FALL,
    const.MEANING_SOS,
]
u32 = st.integers(0, 2**32 - 1)
bytes_ = st.integers(0, 255)
adverts = st.tuples(
    u32, bytes_, st.integers(0, 100), st.sampled_from(KNOWN), u32, st.integers(0, advert.MAX_AGE_MS)
)


def service_data(payload: bytes) -> bytes:
    """What a scanner hands over of an advert: the service data behind its UUID."""
    assert payload[:7] == bytes.fromhex("020106" + "1b16d2fc")
    return payload[7:]


def sealed(objects: bytes, counter: int = 1, info: int = 0x41) -> bytes:
    """Service data of any objects, sealed by somebody else's CCM."""
    count = counter.to_bytes(4, "little")
    box = AESCCM(KEY, 4).encrypt(MAC + b"\xd2\xfc" + bytes([info]) + count, objects, None)
    return bytes([info]) + box[:-4] + count + box[-4:]


@given(adverts)
def test_a_hub_reads_what_a_pendant_says(said: tuple[int, int, int, int, int, int]) -> None:
    payload = advert.build(KEY, MAC, *said)
    assert len(payload) == advert.ADVERT_LENGTH == 31
    assert advert.open_service_data(KEY, MAC, service_data(payload)) == said


def test_the_layout_is_that_of_the_architecture() -> None:
    payload = advert.build(KEY, MAC, 0x01020304, 9, 87, const.MEANING_SOS, 0x0A0B0C0D, 70000)
    objects = bytes.fromhex("0009" + "0157" + "3a04" + "3e0d0c0b0a" + "42701101")
    assert len(objects) == 15
    assert service_data(payload) == sealed(objects, 0x01020304)


@given(u32, bytes_, st.integers(0, 100), u32, st.integers(0, 2**24 - 1))
def test_a_third_party_decodes_our_adverts(
    counter: int, packet: int, battery: int, press: int, age_ms: int
) -> None:
    for meaning, event in ((1, "press"), (2, "double_press"), (3, "triple_press"), (4, "long_press")):
        payload = advert.build(KEY, MAC, counter, packet, battery, meaning, press, age_ms)
        device = BTHomeBluetoothDeviceData(bindkey=KEY)
        update = device.update(_service_info(service_data(payload)))
        shown = {key.key: value.native_value for key, value in update.entity_values.items()}
        assert device.bindkey_verified
        assert shown["packet_id"] == packet
        assert shown["battery"] == battery
        assert shown["count"] == press
        assert shown["duration"] == pytest.approx(age_ms / 1000)
        assert [e.event_type for e in update.events.values()] == [event]


def _service_info(data: bytes) -> BluetoothServiceInfoBleak:
    return BluetoothServiceInfoBleak(
        name="pendant",
        address="AA:BB:CC:DD:EE:01",
        rssi=-60,
        manufacturer_data={},
        service_data={const.BTHOME_UUID: data},
        service_uuids=[],
        source="test",
        device=None,  # type: ignore[arg-type]
        advertisement=None,
        connectable=True,
        time=0,
        tx_power=None,
    )


@given(u32, st.integers(-1000, 1000), st.integers(-5, 2**40), st.integers(-300, 300))
def test_a_press_goes_out_whatever_figures_stand_beside_it(
    counter: int, battery: int, age: int, packet: int
) -> None:
    _, packet_id, pct, meaning, press, age_ms = advert.open_service_data(
        KEY, MAC, service_data(advert.build(KEY, MAC, counter, packet, battery, const.MEANING_SOS, 17, age))
    )
    assert (meaning, press) == (const.MEANING_SOS, 17)
    assert pct == max(0, min(battery, 100))
    assert age_ms == max(0, min(age, advert.MAX_AGE_MS))
    assert packet_id == packet % 256


@given(bytes_.filter(lambda m: m not in KNOWN))
def test_an_unknown_meaning_is_an_sos(meaning: int) -> None:
    payload = advert.build(KEY, MAC, 1, 0, 50, meaning, 1, 0)
    assert advert.open_service_data(KEY, MAC, service_data(payload))[3] == const.MEANING_SOS


@given(adverts, st.integers(0, 23), st.integers(0, 7))
def test_a_turned_bit_is_refused(said: tuple[int, int, int, int, int, int], byte: int, bit: int) -> None:
    data = bytearray(service_data(advert.build(KEY, MAC, *said)))
    data[byte] ^= 1 << bit
    with pytest.raises(LinkError) as refused:
        advert.open_service_data(KEY, MAC, bytes(data))
    assert refused.value.reason in (REASON_TAG, REASON_VERSION, REASON_PLAINTEXT)
    assert refused.value.reason == REASON_TAG or byte == 0


@given(adverts, st.integers(0, 40))
def test_another_length_is_refused(said: tuple[int, int, int, int, int, int], length: int) -> None:
    data = (service_data(advert.build(KEY, MAC, *said)) + bytes(20))[:length]
    if length != advert.SERVICE_DATA_LENGTH:
        with pytest.raises(LinkError) as refused:
            advert.open_service_data(KEY, MAC, data)
        assert refused.value.reason == REASON_LENGTH


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", REASON_LENGTH),
        (bytes.fromhex("40" + "3a04"), REASON_PLAINTEXT),
        (bytes([0x40]) + bytes(23), REASON_PLAINTEXT),
        (bytes([0x44]) + bytes(23), REASON_PLAINTEXT),
        (bytes([0x45]) + bytes(23), REASON_VERSION),
        (bytes([0x61]) + bytes(23), REASON_VERSION),
        (bytes([0x21]) + bytes(23), REASON_VERSION),
        (bytes([0x41]) + bytes(23), REASON_TAG),
        (sealed(bytes.fromhex("0057" + "0109" + "3a04" + "3e0d0c0b0a" + "43701101")), REASON_VALUE),
        (sealed(bytes(15)), REASON_VALUE),
    ],
)
def test_what_is_not_ours_is_refused_by_reason(data: bytes, reason: int) -> None:
    with pytest.raises(LinkError) as refused:
        advert.open_service_data(KEY, MAC, data)
    assert refused.value.reason == reason


@given(st.binary(max_size=31))
@example(bytes([0x41]) + bytes(23))
def test_no_service_data_raises_anything_else(data: bytes) -> None:
    with pytest.raises(LinkError):
        advert.open_service_data(KEY, MAC, data)


@given(adverts)
def test_the_advert_of_another_pendant_is_refused(said: tuple[int, int, int, int, int, int]) -> None:
    data = service_data(advert.build(KEY, MAC, *said))
    other = keys.advert_key(bytes(16))
    for key, mac in ((other, MAC), (KEY, bytes.fromhex("aabbccddee02"))):
        with pytest.raises(LinkError) as refused:
            advert.open_service_data(key, mac, data)
        assert refused.value.reason == REASON_TAG


def test_a_reader_goes_on_after_a_refusal() -> None:
    reader = advert.AdvertReader(KEY, MAC)
    good = service_data(advert.build(KEY, MAC, 5, 1, 50, const.MEANING_SOS, 3, 0))
    with pytest.raises(LinkError):
        reader.open(good[:-1] + bytes([good[-1] ^ 1]))
    assert reader.open(good) == reader.open(good) == (5, 1, 50, const.MEANING_SOS, 3, 0)


def test_a_builder_uses_one_buffer_for_all_its_adverts() -> None:
    builder = advert.AdvertBuilder(KEY, MAC)
    first = bytes(builder.build(1, 0, 90, const.MEANING_SOS, 1, 0))
    buffer = builder.build(2, 1, 90, const.MEANING_SOS, 1, 20)
    assert builder.build(1, 0, 90, const.MEANING_SOS, 1, 0) is buffer
    assert bytes(buffer) == first


@pytest.mark.parametrize(("counter", "press"), [(-1, 0), (2**32, 0), (0, -1), (0, 2**32)])
def test_a_number_that_does_not_fit_is_refused(counter: int, press: int) -> None:
    with pytest.raises(LinkError) as refused:
        advert.build(KEY, MAC, counter, 0, 50, const.MEANING_SOS, press, 0)
    assert refused.value.reason == REASON_VALUE


@pytest.mark.parametrize(("key", "mac"), [(KEY[:15], MAC), (KEY, MAC[:5]), (KEY, MAC + b"\x00")])
def test_keys_and_addresses_of_another_length_are_refused(key: bytes, mac: bytes) -> None:
    for make in (advert.AdvertBuilder, advert.AdvertReader):
        with pytest.raises(LinkError) as refused:
            make(key, mac)
        assert refused.value.reason == REASON_KEY
