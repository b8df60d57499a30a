"""Xiaomi's scales and thermometers, which only advertise: an advert to what it measured; xiaomi-ble decodes.

Imported only in a home that has one: 15 MB and about a second. The library's front also brings a client of
Xiaomi's cloud with an HTTP stack, as much memory again: it is stepped around, nothing here asks a cloud.

Scales: those of the 181D and 181B adverts (XMTZC01HM to 05HM, plain) repeat a weighing for minutes, at last
with "stepped off"; the library gives a settled weight only before that, so whether it is settled is read
here, and its date too, which the library leaves out. The newer ones (S200, S400) are encrypted and say a
weight once it is final. Impedance is not kept: without height and age it says nothing of a body.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.ble.ports import Advert
from drivers.ble.service_info import service_info
from protocols.gatt import GattError, Moment, decode

MIBEACON: Final = "0000fe95-0000-1000-8000-00805f9b34fb"
SCALES: Final = {  # service -> (octet with "settled", where its date begins, length)
    "0000181d-0000-1000-8000-00805f9b34fb": (0, 3, 10),
    "0000181b-0000-1000-8000-00805f9b34fb": (1, 2, 13),
}
SETTLED: Final = 0x20
AGAIN_MS: Final = 60_000  # the same weight, heard on and on: one weighing; after such a silence another
LIKELY_KG: Final = (2.0, 300.0)  # what a scale for people says of one


def _parser() -> Any:
    """The library's parser, without its front."""
    if "xiaomi_ble" not in sys.modules:
        found = importlib.util.find_spec("xiaomi_ble")
        if found is None or found.submodule_search_locations is None:
            raise ImportError("xiaomi-ble is not installed")
        front = types.ModuleType("xiaomi_ble")
        front.__path__ = list(found.submodule_search_locations)
        sys.modules["xiaomi_ble"] = front
    return importlib.import_module("xiaomi_ble.parser")


PARSER: Final = _parser()


@dataclass(frozen=True, slots=True)
class Told:
    """What an advert says. `figures`: "weight_kg", "temperature_cel", "humidity_pct", where they are there.

    `own`: what makes it itself: equal for every advert of one weighing. `moment`: by the scale's clock.
    """

    figures: Mapping[str, float]
    own: bytes
    moment: Moment | None = None
    battery_pct: int | None = None


class XiaomiReader:
    """One device. `key`: its bind key of 12 or 16 bytes, None for one that speaks plainly."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self.locked = False  # it encrypts, and the key is missing or another's
        self._last = b""
        self._weight: tuple[float, int] | None = None  # of the weighing that is heard, and when last

    def read(self, advert: Advert) -> Told | None:
        """What is new in an advert; None for a repetition, and for what is none of such a device."""
        for service, (octet, at, length) in SCALES.items():
            data = bytes(advert.service_data.get(service, b""))
            if data:
                settled = len(data) == length and bool(data[octet] & SETTLED)
                return self._weighing(advert, service, data[at : at + 7] if settled else b"")
        data = bytes(advert.service_data.get(MIBEACON, b""))
        if not data or data == self._last:
            return None
        self._last = data
        return self._object(advert, data)

    def forget(self) -> None:
        """What was told last was not kept: its next repetition counts as new."""
        self._last, self._weight = b"", None

    def _weighing(self, advert: Advert, service: str, date: bytes) -> Told | None:
        """`date` is empty while the weight is not settled."""
        weight = self._values(advert, service).get("mass_non_stabilized")
        if not date or weight is None or not LIKELY_KG[0] <= weight <= LIKELY_KG[1]:
            self._weight = None
            return None
        before, self._weight = self._weight, (weight, advert.heard_ms)
        if before is not None and before[0] == weight and advert.heard_ms - before[1] < AGAIN_MS:
            return None
        try:
            moment = decode(0x2A08, date)["time"]
        except GattError:
            moment = None  # a clock that was never set
        return Told({"weight_kg": round(weight, 3)}, date + round(weight * 200).to_bytes(3, "big"), moment)

    def _object(self, advert: Advert, data: bytes) -> Told | None:
        values = self._values(advert, MIBEACON)
        names = {"mass": "weight_kg", "temperature": "temperature_cel", "humidity": "humidity_pct"}
        figures = {ours: float(values[theirs]) for theirs, ours in names.items() if theirs in values}
        battery = values.get("battery")
        level = int(battery) if battery is not None and 0 <= battery <= 100 else None
        return Told(figures, data, None, level) if figures or level is not None else None

    def _values(self, advert: Advert, service: str) -> dict[str, float]:
        # A parser of its own for each advert: one that has refused an advert gives what it knew before.
        device = PARSER.XiaomiBluetoothDeviceData(bindkey=self._key)
        info = service_info(advert, service, advert.service_data[service])
        if not device.supported(info):
            return {}
        update = device.update(info)
        encrypted = device.encryption_scheme is not PARSER.EncryptionScheme.NONE
        self.locked = encrypted and not device.bindkey_verified
        # Plain text under a key is not this device's.
        if self.locked or (self._key is not None and not encrypted):
            return {}
        found = {key.key: value.native_value for key, value in update.entity_values.items()}
        return {name: value for name, value in found.items() if isinstance(value, int | float)}
