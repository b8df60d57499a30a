"""A link to one device: what may be done on it while it stands, and how one is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from drivers.ble.ports import AdapterPort, Bonding, Client
from protocols.errors import AnbanError, Reason

T = TypeVar("T")


class Link:
    """An established link to one device, for the time of its work."""

    def __init__(self, adapter: AdapterPort, address: str) -> None:
        self.adapter = adapter.name
        self.address = address
        self.gone = asyncio.Event()
        self._errors: tuple[type[Exception], ...] = (*adapter.errors, OSError, TimeoutError)
        self.client: Client | None = None  # the radio's own, from the attempt on

    async def write(self, characteristic: str, data: bytes) -> None:
        """Write with response. AnbanError(RADIO_DOWN) when the link is gone."""
        await self._do(lambda client: client.write_gatt_char(characteristic, data, response=True))

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        """Have notifications or indications. AnbanError(RADIO_DOWN) when the link is gone."""
        await self._do(lambda client: client.start_notify(characteristic, lambda _c, v: on_value(bytes(v))))

    async def read(self, characteristic: str) -> bytes:
        """Read a value. AnbanError(RADIO_DOWN) when the link is gone or the device refuses."""
        return bytes(await self._do(lambda client: client.read_gatt_char(characteristic)))

    async def bond(self) -> str:
        """Until it is bonded and discovered; its own address, by which it is known from now on, whatever that
        of the link is. AnbanError(RADIO_DOWN) when the device refuses."""
        return await self._do(lambda client: client.bond())

    async def forget(self) -> None:
        """Drop the bond, and with it the link. AnbanError(RADIO_DOWN) when the adapter refuses."""
        await self._do(lambda client: client.forget())

    def has(self, characteristic: str) -> bool:
        """Whether a characteristic was discovered; False when the link is gone."""
        if self.client is None or self.gone.is_set():
            return False
        try:
            return any(characteristic == c.uuid for c in self.client.services.characteristics.values())
        except self._errors:
            return False

    async def _do(self, work: Callable[[Client], Awaitable[T]]) -> T:
        try:
            if self.client is None or self.gone.is_set():
                raise OSError("not connected")
            return await work(self.client)
        except self._errors as e:
            raise AnbanError(Reason.RADIO_DOWN, f"The link to {self.address} broke: {e}") from e


Work = Callable[[Link], Awaitable[None]]


class RadioPort(Protocol):
    """The part of drivers/ble/radio.Radio that is for those who want links."""

    def request(
        self, address: str, lane: int, services: Sequence[str], work: Work, bonding: Bonding | None = None
    ) -> None: ...

    def withdraw(self, address: str) -> None: ...
