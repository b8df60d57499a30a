"""A client on BlueZ for a meter that wants a bond: paired first, and only then asked what it has.

    client = BondedClient(make, "/org/bluez/hci0", "/org/bluez/hci0/dev_C4_0E_...", bonding, on_disconnect)
    await client.connect()      the link stands; a bond that there is, is in use, and all is discovered
    await client.bond()         it is bonded (a person may have typed a passkey meanwhile) and discovered

Device1.Connect discovers at once, and a meter that hides its services from strangers ends the link.
Device1.Pair makes the link for the pairing's sake. Its answer may take half a minute, the link stands long
before: the adapter listens again from then on. What is bonded already, BlueZ encrypts as it connects.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from drivers.ble.agent import answering
from drivers.ble.ports import Bonding, Client
from drivers.waiting import came, ended_before

BLUEZ: Final = "org.bluez"
DEVICE: Final = "org.bluez.Device1"
ADAPTER: Final = "org.bluez.Adapter1"
RESOLVED_S: Final = 5.0  # from the end of pairing on
PROPERTIES: Final = "org.freedesktop.DBus.Properties"


class BondedClient:
    """A drivers.ble.ports.Client. `make`: the client that discovers, reads and writes."""

    def __init__(
        self,
        make: Callable[[], Client],
        adapter: str,
        device: str,
        bonding: Bonding,
        on_disconnect: Callable[[], None],
    ) -> None:
        self._make, self._adapter, self._device = make, adapter, device
        self._bonding, self._on_disconnect = bonding, on_disconnect
        self._bus: Any = None
        self._client: Client | None = None
        self._pairing: asyncio.Task[None] | None = None
        self._linked, self._resolved, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._paired = asyncio.Event()

    @property
    def services(self) -> Any:
        """As the client's that discovers. OSError before `bond`."""
        return self._open().services

    async def connect(self) -> None:
        """Until the link stands. OSError where it does not; also when an old bond was dropped for it."""
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        try:
            await self._watch()
            if await self._property("Paired"):
                if self._bonding.forgets():
                    await self.forget()
                    self._bonding.forgotten()
                    raise ConnectionError("the old bond is dropped; the next link pairs")
                await self._use()
            else:
                self._bonding.forgotten()
                await self._begin()
        except BaseException:
            await self._drop()
            raise

    async def _use(self) -> None:
        """Connect by the bond that there is. BlueZ would try again and again where the other side lost it."""
        using = asyncio.create_task(self._discover())
        try:
            if await ended_before(using, self._ended):
                return
            self._bonding.lost()
            raise ConnectionError("the link ended before it was encrypted")
        finally:
            using.cancel()
            await asyncio.gather(using, return_exceptions=True)

    async def _watch(self) -> None:
        rule = f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',path='{self._device}'"
        self._bus.add_message_handler(self._signal)
        await self._call(
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "AddMatch",
            "s",
            rule,
            to="org.freedesktop.DBus",
        )

    async def _begin(self) -> None:
        self._pairing = pairing = asyncio.create_task(self._pair())
        pairing.add_done_callback(lambda task: task.cancelled() or task.exception())  # `bond` tells it
        await ended_before(pairing, self._linked)  # or it failed before there was a link

    async def _pair(self) -> None:
        async with answering(self._device, self._bonding.ask):
            await self._call(self._device, DEVICE, "Pair")

    async def bond(self) -> str:
        """Until it is bonded and discovered; its identity. OSError where the meter refuses."""
        if self._pairing is not None:
            # Until BlueZ has the keys: its answer to Pair, and 5.66's `Paired`, wait for services too.
            await ended_before(self._pairing, self._paired)
        identity = str(await self._property("Address"))  # its own, once it has told its keys
        if self._client is None:
            if await self._asked_all():
                await self._discover()
            else:
                await self._end()
        return identity

    async def _asked_all(self) -> bool:
        """Whether bluetoothd has asked what it has. With ReverseServiceDiscovery = false in its main.conf it
        does so on the next link; without, it asks as soon as a link stands, bond or no bond."""
        return await came(self._resolved, RESOLVED_S)

    async def _end(self) -> None:
        with contextlib.suppress(OSError, EOFError):  # the bus is let go of with the link
            await self._call(self._device, DEVICE, "Disconnect")
        self._on_disconnect()  # also where the bus went before it could tell

    async def forget(self) -> None:
        """BlueZ ends the link with the bond."""
        await self._call(self._adapter, ADAPTER, "RemoveDevice", "o", self._device)

    async def _discover(self) -> None:
        client = self._make()
        await client.connect()
        self._client = client

    async def disconnect(self) -> None:
        """End the link, and a pairing that is under way."""
        client, self._client = self._client, None
        if client is not None:
            await client.disconnect()
        await self._drop()

    async def _drop(self) -> None:
        pairing, bus = self._pairing, self._bus
        self._pairing = self._bus = None
        if bus is None:
            return
        try:
            if pairing is not None:
                pairing.cancel()
                await asyncio.gather(pairing, return_exceptions=True)
                if self._client is None:
                    with contextlib.suppress(OSError):
                        await self._request(bus, self._device, DEVICE, "Disconnect")
        finally:
            bus.disconnect()

    # ---- what is done on the link ----

    def _open(self) -> Client:
        if self._client is None:
            raise ConnectionError("nothing is discovered yet")
        return self._client

    async def read_gatt_char(self, char_specifier: str) -> bytearray:
        """As bleak.BleakClient."""
        return await self._open().read_gatt_char(char_specifier)

    async def write_gatt_char(self, char_specifier: str, data: bytes, response: bool) -> object:
        """As bleak.BleakClient."""
        return await self._open().write_gatt_char(char_specifier, data, response)

    async def start_notify(self, char_specifier: str, callback: Callable[[Any, bytearray], None]) -> object:
        """As bleak.BleakClient."""
        return await self._open().start_notify(char_specifier, callback)

    # ---- D-Bus ----

    def _signal(self, message: Message) -> None:
        if message.member != "PropertiesChanged" or message.path != self._device:
            return
        changed = message.body[1] if len(message.body) > 1 and message.body[0] == DEVICE else {}
        if any(name in changed and changed[name].value for name in ("Paired", "Bonded")):
            self._paired.set()
        if "ServicesResolved" in changed and changed["ServicesResolved"].value:
            self._resolved.set()
        if "Connected" not in changed:
            return
        if changed["Connected"].value:
            self._linked.set()
        elif self._linked.is_set():
            self._ended.set()
            self._on_disconnect()
            bus, self._bus = self._bus, None
            if bus is not None:
                bus.disconnect()  # nobody calls `disconnect` for a link that is gone

    async def _property(self, name: str) -> Any:
        reply = await self._call(self._device, PROPERTIES, "Get", "ss", DEVICE, name)
        return reply[0].value

    async def _call(self, path: str, interface: str, member: str, signature: str = "", *body: Any,
                    to: str = BLUEZ) -> list[Any]:  # fmt: skip
        if self._bus is None:
            raise ConnectionError("the link is given up")
        return await self._request(self._bus, path, interface, member, signature, *body, to=to)

    @staticmethod
    async def _request(bus: Any, path: str, interface: str, member: str, signature: str = "", *body: Any,
                       to: str = BLUEZ) -> list[Any]:  # fmt: skip
        reply = await bus.call(
            Message(
                destination=to,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        if reply is None or reply.message_type is MessageType.ERROR:
            said = "" if reply is None else f"{reply.error_name}: {reply.body[0] if reply.body else ''}"
            raise ConnectionError(f"BlueZ refuses {member}: {said}")
        return list(reply.body)
