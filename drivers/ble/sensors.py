"""BTHome v2 sensors: an advert to what it says, decrypted; decoding is bthome-ble's.

Imported only in a home that has such sensors: bthome-ble and what it needs cost memory and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bthome_ble import BTHomeBluetoothDeviceData

from drivers.ble.ports import Advert
from drivers.ble.service_info import service_info

UUID: Final = "0000fcd2-0000-1000-8000-00805f9b34fb"  # bthome.io: format
ENCRYPTED: Final = 0x01  # of the first octet
RESTARTED: Final = 100  # a counter below this is that of a sensor with a new battery: it must not be deaf

REPEATED_MS: Final = 10_000  # a press that is told plainly, without a counter, is repeated for so long


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sensor says now: binary states by name ("smoke", "door", ...), its battery, presses of its
    buttons ("press", "long_press", ...), each once however often its advert is repeated.
    """

    states: Mapping[str, bool]
    battery_pct: int | None
    presses: tuple[str, ...] = ()


class SensorReader:
    """One sensor. `key`: 16 bytes, or None for one that is configured to speak plainly."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self._counter = 0
        self._last, self._last_ms = b"", 0

    def read(self, advert: Advert) -> Heard | None:
        """What it says; None for what is no advert of this sensor: another format, another key, plain text
        under a key, a counter that goes back."""
        data = advert.service_data.get(UUID)
        if not data or bool(data[0] & ENCRYPTED) is not (self._key is not None):
            return None
        info = service_info(advert, UUID, data)
        counter = int.from_bytes(data[-8:-4], "little") if self._key is not None else 0
        if RESTARTED <= counter < self._counter:
            return None
        # A decoder of its own for each advert: one that has refused an advert gives what it knew before.
        device = BTHomeBluetoothDeviceData(bindkey=self._key)
        if not device.supported(info):
            return None
        update = device.update(info)
        if self._key is not None and not device.bindkey_verified:
            return None
        again = bytes(data) == self._last and (
            self._key is not None or advert.heard_ms - self._last_ms < REPEATED_MS
        )
        self._counter, self._last, self._last_ms = counter, bytes(data), advert.heard_ms
        pressed = () if again else tuple(e.event_type for e in update.events.values() if e.event_type)
        states = {key.key: bool(value.native_value) for key, value in update.binary_entity_values.items()}
        levels = [v.native_value for key, v in update.entity_values.items() if key.key == "battery"]
        level = levels[0] if levels else None
        return Heard(states, int(level) if isinstance(level, int | float) else None, pressed)
