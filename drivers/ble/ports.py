"""What the radio needs from an adapter and from a clock, and what it hands on: adverts and links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# What is asked of BlueZ's discovery. An RSSI filter makes bluetoothd restart discovery at once; without any
# filter it scans 10.24 s and is deaf for 5 s. It also makes the kernel switch off the duplicate filter of a
# chip that looks at the address alone, as a Raspberry Pi's does (what that leaves open: tests/vm/README.md).
# No UUID filter: it can miss service data. DuplicateData: every advert counts, even when nothing in it
# changed. Other backends ignore this.
DISCOVERY: Mapping[str, Any] = {"filters": {"RSSI": -127, "DuplicateData": True}}


class Clock(Protocol):
    """A monotonic clock."""

    def monotonic_ms(self) -> int:
        """Milliseconds; never goes back."""


class Scanner(Protocol):
    """As bleak.BleakScanner."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Bonding(Protocol):
    """For whom a device is bonded before anything is discovered in it."""

    def forgets(self) -> bool:
        """Whether an old bond is to be dropped first; True once."""

    async def ask(self) -> int | None:
        """The passkey that the device shows; None: there is none."""

    def lost(self) -> None:
        """The link of a bonded device ended before it said anything: it knows this hub no more, or broke."""


class Client(Protocol):
    """As bleak.BleakClient."""

    @property
    def services(self) -> Any: ...

    async def connect(self) -> object: ...

    async def disconnect(self) -> object: ...

    async def bond(self) -> str:
        """With a Bonding: `connect` is over when the link stands, this when it is bonded and discovered. The
        device's identity: its own address, whatever it is on the air."""

    async def forget(self) -> object:
        """Drop the bond, and with it the link."""

    async def read_gatt_char(self, char_specifier: str) -> bytearray: ...

    async def write_gatt_char(self, char_specifier: str, data: bytes, response: bool) -> object: ...

    async def start_notify(
        self, char_specifier: str, callback: Callable[[Any, bytearray], None]
    ) -> object: ...


class AdapterPort(Protocol):
    """One Bluetooth adapter. `errors`: what it raises beside OSError and TimeoutError."""

    @property
    def name(self) -> str: ...

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...

    def scanner(self, on_advert: Callable[[Any, Any], None], bluez: Mapping[str, Any]) -> Scanner:
        """A scanner; `on_advert` gets Bleak's BLEDevice and AdvertisementData."""

    def client(
        self,
        device: Any,
        on_disconnect: Callable[[], None],
        timeout_s: float,
        services: Sequence[str],
        bonding: Bonding | None,
    ) -> Client:
        """A client for a device that this adapter has heard; only `services` are discovered, with a `bonding`
        after the bond."""

    async def recover(self) -> None:
        """Reset the adapter. Its scanners and clients are dead afterwards."""


@dataclass(frozen=True, slots=True)
class Advert:
    """One advert as one adapter heard it. `rssi` in dBm, smoothed; `heard_ms` monotonic."""

    adapter: str
    address: str  # AA:BB:CC:DD:EE:FF
    rssi: int
    heard_ms: int
    name: str | None
    service_data: Mapping[str, bytes]
    manufacturer_data: Mapping[int, bytes]
    services: tuple[str, ...] = ()  # that it says it has

    @property
    def hidden(self) -> bool:
        """Whether the address is a resolvable private one that nobody resolved: the two highest bits of a
        random address are 01 (Core 5.4 Vol 6 Part B 1.3.2.2). A public one may look like that too."""
        return int(self.address[:2], 16) >> 6 == 1


@dataclass(frozen=True, slots=True)
class AdapterDown:
    """An adapter is deaf or does not answer; it is being recovered. `reason`: silent, no-scan, hung."""

    adapter: str
    reason: str


@dataclass(frozen=True, slots=True)
class AdapterUp:
    """An adapter scans (again)."""

    adapter: str


RadioFact = AdapterDown | AdapterUp
