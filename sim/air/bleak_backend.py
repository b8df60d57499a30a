"""Bleak 3.1 on Bumble: scanner and client whose adapter is a radio of the virtual air, with BlueZ's habits.

    adapter = await open_adapter(hci_socket, "hci0")
    BleakScanner(callback, backend=BumbleScanner, adapter_obj=adapter, bluez={"filters": {...}})
    BleakClient(device, backend=BumbleClient, adapter_obj=adapter)

`BumbleAdapter` has the shape of drivers/ble's AdapterPort (name, scanner, client, recover).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError
from bumble import hci
from bumble.core import AdvertisingData as AD
from bumble.device import Device
from bumble.keys import MemoryKeyStore
from bumble.transport import open_transport

from drivers.ble.ports import Bonding, Client
from sim.air import bleak_client
from sim.air.bleak_client import GONE, BumbleClient, uuid128
from sim.air.ether import Air
from sim.air.host import local_device, make_device

_UUID_TYPES = (0x02, 0x03, 0x04, 0x05, 0x06, 0x07)
_SCAN_RESPONSE = 4
_UNFILTERED_SCAN_S, _UNFILTERED_DEAF_S = 10.24, 5.0  # bluetoothd without an RSSI or UUID discovery filter


class BumbleAdapter:
    """One adapter: the Bumble device plays hci0 and bluetoothd for every scanner and client."""

    def __init__(self, name: str, opener: Callable[[], Awaitable[Device]]) -> None:
        self.name = name
        self.recoveries = 0
        self._opener = opener
        self.device: Device = None  # type: ignore[assignment]
        self.connect_lock = asyncio.Lock()
        self.scanners: list[BumbleScanner] = []
        self.bonds = MemoryKeyStore()  # bluetoothd keeps them on the disk: a reset of the card loses none
        self._heard_as: dict[str, hci.Address] = {}  # identity -> the private address of now
        self._close: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> BumbleAdapter:
        """Power the adapter on."""
        self.device = await self._opener()
        self.device.keystore = self.bonds
        self.device.host.on_report = self._report
        self.connect_lock, self.scanners = asyncio.Lock(), []
        await self.device.power_on()
        return self

    def on_air(self, identity: str) -> hci.Address | None:
        """Under which private address a bonded device was heard last; None: under its own."""
        return self._heard_as.get(identity)

    def _report(self, address: hci.Address, kind: int, data: bytes, rssi: int) -> None:
        if address.is_resolvable and self.device.address_resolver is not None:
            identity = self.device.address_resolver.resolve(address)
            if identity is not None:  # the kernel tells of a bonded device under its identity alone
                self._heard_as[identity.to_string(False)] = address
                address = identity
        for scanner in tuple(self.scanners):
            scanner.on_report(address, kind, data, rssi)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What scanners and clients raise."""
        return (BleakError, *GONE)

    def scanner(self, on_advert: Callable[[BLEDevice, AdvertisementData], None], bluez: Any) -> BleakScanner:
        """A scanner on this adapter; `bluez` as for Bleak's own backend."""
        return BleakScanner(on_advert, backend=BumbleScanner, adapter_obj=self, bluez=bluez)

    def client(
        self,
        device: BLEDevice,
        on_disconnect: Callable[[], None],
        timeout_s: float,
        services: Sequence[str],
        bonding: Bonding | None = None,
    ) -> Client:
        """A client for a device heard by this adapter."""
        return bleak_client.Client(
            device,
            lambda _client: on_disconnect(),
            services,
            timeout=timeout_s,
            backend=BumbleClient,
            adapter_obj=self,
            bonding=bonding,
        )

    async def recover(self) -> None:
        """Power-cycle the adapter (what bluetooth-auto-recovery does to a real one)."""
        self.recoveries += 1
        await self.close()
        await self.open()

    async def close(self) -> None:
        """Take the adapter's host away: its radio leaves the air."""
        if self.device and self.device.host.hci_sink:
            close = getattr(self.device.host, "close_transport", None)
            if close:
                await close()


async def open_adapter(hci_socket: str, name: str, address: str = "") -> BumbleAdapter:
    """The radio behind a daemon's HCI socket as an adapter, powered on."""

    async def opener() -> Device:
        transport = await open_transport(f"unix:{hci_socket}")
        device = make_device(name, address or _address_of(name), transport.source, transport.sink)
        device.host.close_transport = transport.close
        return device

    return await BumbleAdapter(name, opener).open()


async def local_adapter(air: Air, name: str, address: str = "", deaf: bool = False) -> BumbleAdapter:
    """A radio of its own on an air in this process, powered on."""

    async def opener() -> Device:
        where = address or _address_of(name)
        device, radio = local_device(air, name, where, deaf_while_connecting=deaf)

        async def leave() -> None:
            radio.leave()

        device.host.close_transport = leave
        return device

    return await BumbleAdapter(name, opener).open()


def _address_of(name: str) -> str:
    mark = zlib.crc32(name.encode())
    return "F2:AB:" + ":".join(f"{b:02X}" for b in mark.to_bytes(4, "big"))


class BumbleScanner(BaseBleakScanner):
    """Scans as BlueZ does: deaf for 5 s in 15 without a filter on RSSI; without DuplicateData it tells an
    unchanged advert once."""

    def __init__(
        self, detection_callback: Any, service_uuids: Any, scanning_mode: str = "active", **kw: Any
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self.adapter: BumbleAdapter = kw["adapter_obj"]
        self.active = scanning_mode != "passive"
        filters = dict((kw.get("bluez") or {}).get("filters") or {})
        self.gaps = not ({"RSSI", "UUIDs", "Pathloss"} & set(filters)) and not self._service_uuids
        self.duplicates = bool(filters.get("DuplicateData", False))
        self.least_rssi = int(filters.get("RSSI", -127))
        self._last: dict[hci.Address, tuple[bytes, bytes]] = {}
        self._began = 0.0

    async def start(self) -> None:
        self.seen_devices = {}
        self._last = {}
        self._began = asyncio.get_running_loop().time()
        self.adapter.scanners.append(self)
        if len(self.adapter.scanners) == 1:
            try:
                await self.adapter.device.start_scanning(active=self.active)
            except BaseException as e:
                self.adapter.scanners.remove(self)
                if isinstance(e, GONE):
                    raise BleakError(f"scanning did not start: {e!r}") from e
                raise

    async def stop(self) -> None:
        if self not in self.adapter.scanners:
            return
        self.adapter.scanners.remove(self)
        if not self.adapter.scanners:
            try:
                await self.adapter.device.stop_scanning()
            except GONE as e:
                raise BleakError(f"scanning did not stop: {e!r}") from e

    def on_report(self, address: hci.Address, kind: int, data: bytes, rssi: int) -> None:
        """One report of the controller; scan responses are joined to the last advert, as BlueZ does."""
        if rssi < self.least_rssi:
            return
        if self.gaps:
            since = asyncio.get_running_loop().time() - self._began
            if since % (_UNFILTERED_SCAN_S + _UNFILTERED_DEAF_S) > _UNFILTERED_SCAN_S:
                return
        advert, response = self._last.get(address, (b"", b""))
        if kind == _SCAN_RESPONSE:
            fresh, advert, response = data != response, advert, data
        else:
            fresh, advert = data != advert, data
        self._last[address] = (advert, response)
        if fresh or self.duplicates:
            self._tell(address, AD.from_bytes(advert + response), rssi)

    def _tell(self, address: hci.Address, data: AD, rssi: int) -> None:
        uuids = [uuid128(u) for t in _UUID_TYPES for u in (data.get(t) or [])]
        if not self.is_allowed_uuid(uuids):
            return
        makers = {c: bytes(v) for c, v in data.get_all(AD.MANUFACTURER_SPECIFIC_DATA)}
        services = {
            uuid128(u): bytes(v)
            for t in (AD.SERVICE_DATA_16_BIT_UUID, AD.SERVICE_DATA_128_BIT_UUID)
            for u, v in data.get_all(t)
        }
        name = data.get(AD.COMPLETE_LOCAL_NAME) or data.get(AD.SHORTENED_LOCAL_NAME)
        told = AdvertisementData(name, makers, services, uuids, data.get(AD.TX_POWER_LEVEL), rssi, (address,))
        text = address.to_string(False)
        self.call_detection_callbacks(self.create_or_update_device(text, text, name, address, told), told)
