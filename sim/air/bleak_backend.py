"""Bleak 3.1 on Bumble: scanner and client whose adapter is a radio of the virtual air, with BlueZ's habits.

    adapter = await open_adapter(hci_socket, "hci0")
    BleakScanner(callback, backend=BumbleScanner, adapter_obj=adapter, bluez={"filters": {...}})
    BleakClient(device, backend=BumbleClient, adapter_obj=adapter)

`BumbleAdapter` has the shape of drivers/ble's AdapterPort (name, scanner, client, recover).
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.core import AdvertisingData as AD
from bumble.device import Connection, Device, Peer
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

from sim.air.ether import Air
from sim.air.host import local_device, make_device

_UUID_TYPES = (0x02, 0x03, 0x04, 0x05, 0x06, 0x07)
_NEEDS_SECURITY = {att.ATT_INSUFFICIENT_AUTHENTICATION_ERROR, att.ATT_INSUFFICIENT_ENCRYPTION_ERROR}
_SCAN_RESPONSE = 4
_UNFILTERED_SCAN_S, _UNFILTERED_DEAF_S = 10.24, 5.0  # bluetoothd without an RSSI or UUID discovery filter
_CANCEL_S = 1.0  # a controller answers Create Connection Cancel at once, or it hangs
_GONE = (core.BaseBumbleError, hci.HCI_Error)


def uuid128(value: core.UUID) -> str:
    """A Bumble UUID as Bleak's lower-case 128-bit text."""
    return str(uuid.UUID(bytes=value.to_bytes(force_128=True)[::-1]))


class BumbleAdapter:
    """One adapter: the Bumble device plays hci0 and bluetoothd for every scanner and client."""

    def __init__(self, name: str, opener: Callable[[], Awaitable[Device]]) -> None:
        self.name = name
        self.recoveries = 0
        self._opener = opener
        self.device: Device = None  # type: ignore[assignment]
        self.connect_lock = asyncio.Lock()
        self.scanners: list[BumbleScanner] = []
        self._close: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> BumbleAdapter:
        """Power the adapter on."""
        self.device = await self._opener()
        self.device.host.on_report = self._report
        self.connect_lock, self.scanners = asyncio.Lock(), []
        await self.device.power_on()
        return self

    def _report(self, address: hci.Address, kind: int, data: bytes, rssi: int) -> None:
        for scanner in tuple(self.scanners):
            scanner.on_report(address, kind, data, rssi)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What scanners and clients raise."""
        return (BleakError, *_GONE)

    def scanner(self, on_advert: Callable[[BLEDevice, AdvertisementData], None], bluez: Any) -> BleakScanner:
        """A scanner on this adapter; `bluez` as for Bleak's own backend."""
        return BleakScanner(on_advert, backend=BumbleScanner, adapter_obj=self, bluez=bluez)

    def client(
        self, device: BLEDevice, on_disconnect: Callable[[], None], timeout_s: float, services: list[str]
    ) -> BleakClient:
        """A client for a device heard by this adapter."""
        return BleakClient(
            device,
            lambda _client: on_disconnect(),
            services,
            timeout=timeout_s,
            backend=BumbleClient,
            adapter_obj=self,
        )

    async def pair(
        self, client: BleakClient, _address: str, ask: Callable[[], Awaitable[int | None]]
    ) -> None:
        """Pair as a keyboard that types what `ask` gives, as BlueZ does with an agent."""
        self.device.pairing_config_factory = lambda _connection: PairingConfig(delegate=_Keyboard(ask))
        await client.pair()

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


class _Keyboard(PairingDelegate):
    """Has keys, and no display."""

    def __init__(self, ask: Callable[[], Awaitable[int | None]]) -> None:
        super().__init__(PairingDelegate.IoCapability.KEYBOARD_INPUT_ONLY)
        self._ask = ask

    async def get_number(self) -> int | None:
        return await self._ask()


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
                if isinstance(e, _GONE):
                    raise BleakError(f"scanning did not start: {e!r}") from e
                raise

    async def stop(self) -> None:
        if self not in self.adapter.scanners:
            return
        self.adapter.scanners.remove(self)
        if not self.adapter.scanners:
            try:
                await self.adapter.device.stop_scanning()
            except _GONE as e:
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


class BumbleClient(BaseBleakClient):
    """A GATT client; like BlueZ it encrypts bonded links, raises security when asked, and exchanges MTU."""

    def __init__(
        self, device: Any, *, disconnected_callback: Any, timeout: float, services: Any = None, **kw: Any
    ) -> None:
        super().__init__(device, disconnected_callback=disconnected_callback, timeout=timeout)
        self.adapter: BumbleAdapter = kw["adapter_obj"]
        self._target = getattr(device, "details", None) or device
        self._name = getattr(device, "name", None)
        self._wanted = {core.UUID(u) for u in services} if services else None
        self.connection: Connection | None = None
        self.peer: Peer | None = None

    name = property(lambda self: self._name or self.address.replace(":", "-"))
    mtu_size = property(lambda self: self.connection.att_mtu if self.connection else 23)
    is_connected = property(lambda self: self.connection is not None)

    async def connect(self, pair: bool, **kw: Any) -> None:
        self.connection = connection = await self._open()
        self.peer = Peer(connection)
        connection.on(Connection.EVENT_DISCONNECTION, self._gone)
        try:
            if pair or await self._bonded():
                await self.pair()
            await self._while_connected(self.peer.request_mtu(517))
            await self._while_connected(self._discover(self.peer))
        except BaseException as e:
            await self.disconnect()
            if isinstance(e, _GONE):
                raise BleakError(f"connected, but could not discover: {e!r}") from e
            raise

    async def _open(self) -> Connection:
        device = self.adapter.device
        async with self.adapter.connect_lock:  # a controller has one pending connection
            attempt = asyncio.ensure_future(device.connect(self._target, timeout=self._timeout))
            try:
                return await asyncio.shield(attempt)
            except (core.TimeoutError, TimeoutError, core.ConnectionError) as e:
                raise BleakDeviceNotFoundError(self.address, f"no connection: {e}") from e
            except _GONE as e:
                raise BleakError(f"no connection: {e!r}") from e
            except asyncio.CancelledError:
                if attempt.cancelled():
                    raise BleakError("the adapter went away") from None
                await self._withdraw(attempt)
                raise

    async def _withdraw(self, attempt: asyncio.Future[Connection]) -> None:
        """The caller lost interest: Bumble would leave the controller waiting for the peer for ever."""
        with contextlib.suppress(TimeoutError, *_GONE):
            async with asyncio.timeout(_CANCEL_S):
                await self.adapter.device.cancel_connection()
                (got,) = await asyncio.gather(attempt, return_exceptions=True)
                if isinstance(got, Connection):
                    await got.disconnect()
        attempt.cancel()

    async def _while_connected(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Bumble cancels whoever waits for a peer that disconnects: an error, not a cancellation of us."""
        if self.connection is None:
            work.close()
            raise BleakError("not connected")
        task = asyncio.ensure_future(work)
        try:
            return await self.connection.cancel_on_disconnection(task)
        except asyncio.CancelledError:
            mine = asyncio.current_task()
            if mine and mine.cancelling():
                raise
            raise BleakError("disconnected during the operation") from None

    def _gone(self, _reason: int) -> None:
        self.connection = self.peer = self.services = None
        if self._disconnected_callback:
            self._disconnected_callback()

    async def _discover(self, peer: Peer) -> None:
        found = BleakGATTServiceCollection()
        for s in await peer.discover_services():
            if self._wanted is not None and s.uuid not in self._wanted:
                continue
            service = BleakGATTService(s, s.handle, uuid128(s.uuid))
            found.add_service(service)
            for c in await s.discover_characteristics():
                flags = list(gatt_char_props_to_strs(c.properties))
                made = BleakGATTCharacteristic(
                    c, c.handle, uuid128(c.uuid), flags, lambda: self.mtu_size - 3, service
                )
                found.add_characteristic(made)
                for d in await c.discover_descriptors():
                    found.add_descriptor(BleakGATTDescriptor(d, d.handle, uuid128(d.type), made))
        self.services = found

    async def disconnect(self) -> None:
        if self.connection:
            with contextlib.suppress(BleakError, *_GONE):  # ends with the link, whoever lets go of it first
                await self.connection.disconnect()

    async def _bonded(self) -> bool:
        keys = self.adapter.device.keystore
        if self.connection is None or keys is None:
            return False
        return await keys.get(str(self.connection.peer_address)) is not None

    async def pair(self, *a: Any, **kw: Any) -> None:
        device = self.adapter.device
        assert self.connection is not None
        try:
            bonded = await self._bonded()
            work = device.encrypt if bonded else device.pair
            await self._while_connected(work(self.connection))
        except _GONE as e:
            raise BleakError(f"pairing failed: {e!r}") from e

    async def unpair(self) -> None:
        if self.adapter.device.keystore:
            await self.adapter.device.keystore.delete(str(self._target))

    async def _att(self, operation: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """An ATT operation; like BlueZ, raise security and retry once when the server asks for it."""
        for attempt in (0, 1):
            try:
                return await self._while_connected(operation())
            except att.ATT_Error as e:
                if attempt or e.error_code not in _NEEDS_SECURITY:
                    raise BleakGATTProtocolError(e.error_code) from e
                await self.pair()
            except (TimeoutError, *_GONE) as e:
                raise BleakError(f"GATT operation failed: {e!r}") from e
        raise AssertionError

    async def read_gatt_char(self, characteristic: Any, *, use_cached: bool = False, **kw: Any) -> bytearray:
        return bytearray(await self._att(characteristic.obj.read_value))

    async def read_gatt_descriptor(
        self, descriptor: Any, *, use_cached: bool = False, **kw: Any
    ) -> bytearray:
        return bytearray(await self._att(descriptor.obj.read_value))

    async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
        await self._att(lambda: characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: Any, data: Any) -> None:
        await self._att(lambda: descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(self, characteristic: Any, callback: Any, **kw: Any) -> None:
        indicate = bool(kw.get("force_indicate", False))
        await self._att(
            lambda: characteristic.obj.subscribe(lambda v: callback(bytearray(v)), prefer_notify=not indicate)
        )

    async def stop_notify(self, characteristic: Any) -> None:
        await self._att(characteristic.obj.unsubscribe)
