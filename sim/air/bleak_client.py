"""Bleak 3.1's client on Bumble, with BlueZ's habits: GATT on a link, and before it the bond that is wanted.

Client(device, on_disconnect, services, backend=BumbleClient, adapter_obj=adapter, bonding=...)
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bleak import BleakClient
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.device import Connection, Peer
from bumble.pairing import PairingConfig, PairingDelegate

from drivers.ble.ports import Bonding

if TYPE_CHECKING:
    from sim.air.bleak_backend import BumbleAdapter

_NEEDS_SECURITY = {att.ATT_INSUFFICIENT_AUTHENTICATION_ERROR, att.ATT_INSUFFICIENT_ENCRYPTION_ERROR}
_ASKED_AGAIN_S = 0.02
_CANCEL_S = 1.0  # a controller answers Create Connection Cancel at once, or it hangs
GONE = (core.BaseBumbleError, hci.HCI_Error)


def uuid128(value: core.UUID) -> str:
    """A Bumble UUID as Bleak's lower-case 128-bit text."""
    return str(uuid.UUID(bytes=value.to_bytes(force_128=True)[::-1]))


class Client(BleakClient):
    """Bleak's, and the bond that the product asks for."""

    _backend: BumbleClient

    async def bond(self) -> str:
        """As drivers.ble.ports.Client."""
        return await self._backend.bond()

    async def forget(self) -> None:
        """As drivers.ble.ports.Client."""
        await self._backend.unpair()
        await self.disconnect()


class _Keyboard(PairingDelegate):
    """Has keys, and no display."""

    def __init__(self, ask: Callable[[], Awaitable[int | None]]) -> None:
        super().__init__(PairingDelegate.IoCapability.KEYBOARD_INPUT_ONLY)
        self._ask = ask

    async def get_number(self) -> int | None:
        return await self._ask()


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
        self._bonding: Bonding | None = kw.get("bonding")
        self._discovered = False
        self.connection: Connection | None = None
        self.peer: Peer | None = None

    name = property(lambda self: self._name or self.address.replace(":", "-"))
    mtu_size = property(lambda self: self.connection.att_mtu if self.connection else 23)
    is_connected = property(lambda self: self.connection is not None)

    async def connect(self, pair: bool, **kw: Any) -> None:
        self._discovered = False
        if self._bonding is not None and self._bonding.forgets():
            known = await self._known()
            await self.unpair()
            self._bonding.forgotten()
            if known:
                raise BleakError("the old bond is dropped; the next link pairs")
        self.connection = connection = await self._open()
        self.peer = Peer(connection)
        connection.on(Connection.EVENT_DISCONNECTION, self._gone)
        if self.adapter.device.connections.get(connection.handle) is not connection:
            self.connection = self.peer = None  # lost already: nobody will tell, and nothing is ever answered
            raise BleakError("connected, and disconnected at once")
        try:
            bonded = await self._bonded()
            if pair or bonded:
                try:
                    await self.pair()
                except BleakError:
                    if bonded and self._bonding is not None:
                        self._bonding.lost()
                    raise
            if bonded or self._bonding is None:
                await self._ask_all()
        except BaseException as e:
            await self.disconnect()
            if isinstance(e, GONE):
                raise BleakError(f"connected, but could not discover: {e!r}") from e
            raise

    async def bond(self) -> str:
        """Pair as a keyboard that types what is asked for, as BlueZ does with an agent; then discover."""
        if self._discovered or self._bonding is None:
            return self._identity()
        own = PairingConfig.AddressType.RANDOM  # it connects under this one, and is known by it again
        config = PairingConfig(delegate=_Keyboard(self._bonding.ask), identity_address_type=own)
        self.adapter.device.pairing_config_factory = lambda _connection: config
        await self.pair()
        await self._ask_all()
        return self._identity()

    def _identity(self) -> str:
        if self.connection is None:
            raise BleakError("not connected")
        return self.connection.peer_address.to_string(False)

    async def _ask_all(self) -> None:
        if self.peer is None:
            raise BleakError("not connected")
        await self._while_connected(self.peer.request_mtu(517))
        await self._while_connected(self._discover(self.peer))
        self._discovered = True

    async def _open(self) -> Connection:
        device = self.adapter.device
        async with self.adapter.connect_lock:  # a controller has one pending connection
            target = self.adapter.on_air(self.address) or self._target
            attempt = asyncio.ensure_future(device.connect(target, timeout=self._timeout))
            try:
                return await asyncio.shield(attempt)
            except (core.TimeoutError, TimeoutError, core.ConnectionError) as e:
                raise BleakDeviceNotFoundError(self.address, f"no connection: {e}") from e
            except GONE as e:
                raise BleakError(f"no connection: {e!r}") from e
            except asyncio.CancelledError:
                if attempt.cancelled():
                    raise BleakError("the adapter went away") from None
                await self._withdraw(attempt)
                raise

    async def _withdraw(self, attempt: asyncio.Future[Connection]) -> None:
        """The caller lost interest: Bumble would leave the controller waiting for the peer for ever."""
        with contextlib.suppress(TimeoutError, *GONE):
            async with asyncio.timeout(_CANCEL_S):
                while (
                    not attempt.done()
                ):  # it may not have asked the controller yet: asked again until it ends
                    await self.adapter.device.cancel_connection()
                    await asyncio.wait({attempt}, timeout=_ASKED_AGAIN_S)
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
            with contextlib.suppress(BleakError, *GONE):  # ends with the link, whoever lets go of it first
                await self.connection.disconnect()

    async def _bonded(self) -> bool:
        keys = self.adapter.device.keystore
        if self.connection is None or keys is None:
            return False
        return await keys.get(str(self.connection.peer_address)) is not None

    async def _known(self) -> bool:
        keys = self.adapter.device.keystore
        return keys is not None and await keys.get(str(self._target)) is not None

    async def pair(self, *a: Any, **kw: Any) -> None:
        device = self.adapter.device
        assert self.connection is not None
        try:
            bonded = await self._bonded()
            work = device.encrypt if bonded else device.pair
            await self._while_connected(work(self.connection))
        except GONE as e:
            raise BleakError(f"pairing failed: {e!r}") from e

    async def unpair(self) -> None:
        if self.adapter.device.keystore:
            name = str(self.connection.peer_address if self.connection else self._target)
            await self.adapter.device.keystore.delete(name)
            await self.adapter.device.refresh_resolving_list()

    async def _att(self, operation: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """An ATT operation; like BlueZ, raise security and retry once when the server asks for it."""
        for attempt in (0, 1):
            try:
                return await self._while_connected(operation())
            except att.ATT_Error as e:
                if attempt or e.error_code not in _NEEDS_SECURITY:
                    raise BleakGATTProtocolError(e.error_code) from e
                await self.pair()
            except (TimeoutError, *GONE) as e:
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
