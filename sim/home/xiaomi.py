"""What a Xiaomi scale and thermometer sound like on the air: whole adverts, for homes and tests."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

FLAGS = bytes.fromhex("020106")
SCALE, BEACON = bytes.fromhex("1b18"), bytes.fromhex("95fe")
WAVERS, STANDS, LEFT = 0x04, 0x24, 0xA4  # 20: settled, 80: stepped off
STATES = {"wavering": WAVERS, "settled": STANDS, "left": LEFT}
DATE = bytes.fromhex("E3070A1E17000B")  # 2019-10-30 23:00:11, by the scale
LYWSD03MMC = 0x055B
TEMPERATURE = 0x1004  # of the objects of a MiBeacon


def _advert(service: bytes, data: bytes) -> bytes:
    return FLAGS + bytes((len(data) + 3, 0x16)) + service + data


def weighing(kilograms: float, state: str, date: bytes = DATE) -> bytes:
    """A Mi Body Composition Scale 2 while somebody stands on it: "wavering", "settled", or "left"."""
    impedance = b"\xfd\xff"  # none measured: in socks
    return _advert(
        SCALE, bytes((2, STATES[state])) + date + impedance + round(kilograms * 200).to_bytes(2, "little")
    )


def beacon(address: str, key: bytes, number: int, *, temperature_tenths: int) -> bytes:
    """A MiBeacon of version 5 of a room's thermometer: encrypted, with a MIC of four bytes."""
    mac = bytes.fromhex(address.replace(":", ""))[::-1]
    counter = bytes((number & 0xFF,))
    further = (number >> 8).to_bytes(3, "little")
    head = bytes.fromhex("5858") + LYWSD03MMC.to_bytes(2, "little") + counter + mac
    plain = (
        TEMPERATURE.to_bytes(2, "little") + b"\x02" + temperature_tenths.to_bytes(2, "little", signed=True)
    )
    nonce = mac + head[2:5] + further
    sealed = AESCCM(key, tag_length=4).encrypt(nonce, plain, b"\x11")
    return _advert(BEACON, head + sealed[:-4] + further + sealed[-4:])
