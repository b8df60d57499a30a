"""What a pendant says on the air: one encrypted BTHome v2 advert of 31 bytes, built and opened here.

Source: bthome.io/format and bthome.io/encryption. Layout: flags (3 bytes), then service data of UUID
0xFCD2: device info 0x41, 15 encrypted bytes of objects, counter and MIC (4 bytes each, little-endian
counter). The objects, in the order of their ids: packet id 00, battery 01, button 3A (the meaning), count
3E (u32: press number), duration 42 (u24 ms: age of the press). Nonce: address, UUID, device info, counter;
no additional data.
"""

from protocols.link.const import (
    MEANING_ASSIST,
    MEANING_CALL_BACK,
    MEANING_FALL,
    MEANING_FALL_WALKS,
    MEANING_NONE,
    MEANING_SOS,
)
from protocols.link.crypto import Ccm
from protocols.link.errors import (
    REASON_KEY,
    REASON_LENGTH,
    REASON_PLAINTEXT,
    REASON_VALUE,
    REASON_VERSION,
    LinkError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    Heard = tuple[int, int, int, int, int, int]

ADVERT_LENGTH = 31
SERVICE_DATA_LENGTH = 24  # as a scanner gives it: without the UUID
MAX_AGE_MS = 0xFFFFFF  # about 4 h 40 min; older presses say this
_MIC_LENGTH = 4
_OBJECTS_LENGTH = 15
_INFO = 0x41  # BTHome version 2, encrypted
_HEAD = b"\x02\x01\x06\x1b\x16\xd2\xfc\x41"  # flags: discoverable, no BR/EDR; then 27 bytes of service data
_BODY = 8  # where the objects start in the advert
_KNOWN = (MEANING_NONE, MEANING_ASSIST, MEANING_CALL_BACK, MEANING_FALL, MEANING_SOS, MEANING_FALL_WALKS)


class AdvertBuilder:
    """Builds the adverts of one pendant into one buffer, again and again."""

    def __init__(self, key: bytes, mac6: bytes) -> None:
        """`key` is keys.advert_key, `mac6` the address in display order. Raises LinkError(REASON_KEY)."""
        self._ccm = Ccm(key, _MIC_LENGTH)
        self._nonce = _nonce(mac6)
        self._buf = bytearray(ADVERT_LENGTH)
        self._buf[:_BODY] = _HEAD

    def build(
        self, counter: int, packet_id: int, battery_pct: int, meaning: int, press_number: int, age_ms: int
    ) -> bytearray:
        """The 31 bytes for gap_advertise. The buffer is reused: valid until the next call.

        A counter must never be used twice. Ages and charges beyond the bounds of their fields are clamped:
        a press goes out with whatever is known. Raises LinkError(REASON_VALUE) for a counter or number that
        is not a u32.
        """
        if not (0 <= counter <= 0xFFFFFFFF and 0 <= press_number <= 0xFFFFFFFF):
            raise LinkError(REASON_VALUE)
        age_ms = max(0, min(age_ms, MAX_AGE_MS))
        buf, nonce = self._buf, self._nonce
        end = _BODY + _OBJECTS_LENGTH
        buf[8] = 0x00
        buf[9] = packet_id & 0xFF
        buf[10] = 0x01
        buf[11] = max(0, min(battery_pct, 100))
        buf[12] = 0x3A
        buf[13] = meaning & 0xFF
        buf[14] = 0x3E
        buf[15] = press_number & 0xFF
        buf[16] = press_number >> 8 & 0xFF
        buf[17] = press_number >> 16 & 0xFF
        buf[18] = press_number >> 24 & 0xFF
        buf[19] = 0x42
        buf[20] = age_ms & 0xFF
        buf[21] = age_ms >> 8 & 0xFF
        buf[22] = age_ms >> 16 & 0xFF
        for i in range(4):
            nonce[9 + i] = counter >> 8 * i & 0xFF
        # CCM wants its tag behind the text, BTHome has the counter between: seal, then move the tag.
        self._ccm.seal(nonce, b"", buf, _BODY, end)
        for i in range(4):
            buf[end + 4 + i] = buf[end + i]
            buf[end + i] = nonce[9 + i]
        return buf


class AdvertReader:
    """Opens the adverts of one pendant."""

    def __init__(self, key: bytes, mac6: bytes) -> None:
        """`key` is keys.advert_key, `mac6` the address in display order. Raises LinkError(REASON_KEY)."""
        self._ccm = Ccm(key, _MIC_LENGTH)
        self._nonce = _nonce(mac6)
        self._buf = bytearray(_OBJECTS_LENGTH + _MIC_LENGTH)

    def open(self, service_data: bytes) -> "Heard":
        """(counter, packet_id, battery_pct, meaning, press_number, age_ms) of an authentic advert.

        Unknown meanings come as MEANING_SOS. Whether the counter is fresh is replay.py's to judge.
        LinkError with REASON_LENGTH, _VERSION, _PLAINTEXT, _TAG (not authentic), or _VALUE (authentic, but
        not our objects).
        """
        counter, mic = counter_and_mic(service_data)
        buf, nonce = self._buf, self._nonce
        buf[:_OBJECTS_LENGTH] = service_data[1 : 1 + _OBJECTS_LENGTH]
        buf[_OBJECTS_LENGTH:] = mic
        for i in range(4):
            nonce[9 + i] = counter >> 8 * i & 0xFF
        self._ccm.open(nonce, b"", buf, 0, _OBJECTS_LENGTH)
        if (buf[0], buf[2], buf[4], buf[6], buf[11]) != (0x00, 0x01, 0x3A, 0x3E, 0x42):
            raise LinkError(REASON_VALUE)
        meaning = buf[5] if buf[5] in _KNOWN else MEANING_SOS
        number = buf[7] | buf[8] << 8 | buf[9] << 16 | buf[10] << 24
        age_ms = buf[12] | buf[13] << 8 | buf[14] << 16
        return counter, buf[1], min(buf[3], 100), meaning, number, age_ms


def counter_and_mic(service_data: bytes) -> "tuple[int, bytes]":
    """The counter and MIC of an advert, unproved. LinkError when it is no encrypted advert of our form."""
    if len(service_data) < 1:
        raise LinkError(REASON_LENGTH)
    info = service_data[0]
    if info >> 5 != _INFO >> 5:
        raise LinkError(REASON_VERSION)
    if not info & 1:
        raise LinkError(REASON_PLAINTEXT)
    if info != _INFO:
        raise LinkError(REASON_VERSION)
    if len(service_data) != SERVICE_DATA_LENGTH:
        raise LinkError(REASON_LENGTH)
    at = 1 + _OBJECTS_LENGTH
    counter = (
        service_data[at] | service_data[at + 1] << 8 | service_data[at + 2] << 16 | service_data[at + 3] << 24
    )
    return counter, bytes(service_data[at + 4 : at + 8])


def build(
    key: bytes,
    mac6: bytes,
    counter: int,
    packet_id: int,
    battery_pct: int,
    meaning: int,
    press_number: int,
    age_ms: int,
) -> bytes:
    """One advert, for those who build few; see AdvertBuilder."""
    builder = AdvertBuilder(key, mac6)
    return bytes(builder.build(counter, packet_id, battery_pct, meaning, press_number, age_ms))


def open_service_data(key: bytes, mac6: bytes, service_data: bytes) -> "Heard":
    """One advert, for those who open few; see AdvertReader."""
    return AdvertReader(key, mac6).open(service_data)


def _nonce(mac6: bytes) -> bytearray:
    if len(mac6) != 6:
        raise LinkError(REASON_KEY)
    return bytearray(mac6) + b"\xd2\xfc\x41" + bytes(4)
