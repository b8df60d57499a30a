"""A BTHome v2 sensor of the home as it sounds on the air: encrypted adverts with a counter, now and then."""

from __future__ import annotations

import random

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from sim.air.client import AirControl
from sim.home.setup import SensorSetup

OBJECTS = {  # bthome.io: object ids of binary sensors
    "smoke": 0x29,
    "gas": 0x1C,
    "water": 0x20,
    "bed": 0x23,  # occupancy
    "motion": 0x21,
    "door": 0x1A,
    "stove": 0x10,  # power
}
BUTTON, PRESSED = 0x3A, 0x01
UUID = bytes.fromhex("d2fc")
BATTERY = bytes((0x01, 87))


def sensor_address(number: int) -> str:
    """The address of the n-th sensor of a home."""
    return f"C4:5E:00:00:00:{number:02X}"


class SensorRig:
    """A sensor that says what it is told to say."""

    def __init__(self, setup: SensorSetup, number: int, air: AirControl, seed: int) -> None:
        self.setup, self.address, self._air = setup, sensor_address(number), air
        self.key = random.Random(f"sensor {setup.id} {seed}").randbytes(16)
        self._counter = 1

    async def says(self, on: bool, *, times: int = 5, plain: bool = False) -> None:
        """It advertises its state so many times, ten a second."""
        await self._send(BATTERY + bytes((OBJECTS[self.setup.role], on)), times, plain)

    async def pressed(self, *, times: int = 5) -> None:
        """Its button is pressed: one event, however often it is on the air."""
        await self._send(BATTERY + bytes((BUTTON, PRESSED)), times, False)

    async def _send(self, objects: bytes, times: int, plain: bool) -> None:
        service = bytes((0x40,)) + objects if plain else self._encrypted(objects)
        data = bytes.fromhex("020106") + bytes((len(service) + 3, 0x16)) + UUID + service
        await self._air.forge(
            name=self.setup.id, address=self.address, data=data.hex(), x=7.0, y=1.2, times=times,
            connectable=False,
        )  # fmt: skip

    def _encrypted(self, objects: bytes) -> bytes:
        """bthome.io, encryption: nonce = address, UUID, device information, counter; a MIC of four bytes."""
        self._counter += 1
        counter, info = self._counter.to_bytes(4, "little"), bytes((0x41,))
        nonce = bytes.fromhex(self.address.replace(":", "")) + UUID + info + counter
        sealed = AESCCM(self.key, tag_length=4).encrypt(nonce, objects, None)
        return info + sealed[:-4] + counter + sealed[-4:]
