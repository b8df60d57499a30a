"""A stranger's phone: connects to whatever advertises under an address, then idles, babbles or hammers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from typing import Any

from bumble import core, hci
from bumble.device import Peer
from bumble.gatt import Characteristic

from sim.air.ether import Air
from sim.air.host import local_device

_WRITEABLE = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
MODES = ("idle", "babble", "hammer")
_AGAIN_S = 0.05
ATTEMPT_S = 2.0


async def _until_gone(work: Coroutine[Any, Any, Any]) -> None:
    """Do something on a connection that may end meanwhile: Bumble then *cancels* whoever waits."""
    try:
        await work
    except (core.BaseBumbleError, hci.HCI_Error):
        pass
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise


class Phone:
    """`idle` holds each connection, `babble` writes random bytes into every characteristic, `hammer` connects
    and leaves as fast as it can. `connections` counts what it got."""

    def __init__(self, air: Air, name: str, address: str) -> None:
        self.name = name
        self.device, self.radio = local_device(air, name, address)
        self.connections = 0
        self._task: asyncio.Task[None] | None = None
        self._attempt: asyncio.Task[Any] | None = None
        self._leaves = False

    async def start(self, target: str, mode: str, public: bool = False) -> None:
        """Begin to bother `target` (address in display order)."""
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}")
        if not self.device.powered_on:
            await self.device.power_on()
        await self.stop()
        self._leaves = False
        kind = hci.Address.PUBLIC_DEVICE_ADDRESS if public else hci.Address.RANDOM_DEVICE_ADDRESS
        self._task = asyncio.create_task(self._bother(hci.Address(target, kind), mode))

    async def stop(self) -> None:
        """Leave it in peace.

        An attempt is never cancelled but ended: its controller would go on, connect to somebody of whom the
        host knows nothing, and refuse every attempt until then.
        """
        self._leaves = True
        while self._attempt and not self._attempt.done():
            with contextlib.suppress(hci.HCI_Error):  # the link has just come, and the host does not know it
                await self.device.cancel_connection()
            await asyncio.wait({self._attempt}, timeout=_AGAIN_S)
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for connection in list(self.device.connections.values()):
            await _until_gone(connection.disconnect())

    async def _bother(self, target: hci.Address, mode: str) -> None:
        while not self._leaves:
            self._attempt = asyncio.create_task(self.device.connect(target, timeout=ATTEMPT_S))
            try:
                connection = await self._attempt
            except (core.BaseBumbleError, TimeoutError, hci.HCI_Error):
                await asyncio.sleep(_AGAIN_S)
                continue
            self.connections += 1
            gone = asyncio.Event()
            connection.on(connection.EVENT_DISCONNECTION, lambda _reason, gone=gone: gone.set())
            if mode == "babble":
                await _until_gone(self._babble(Peer(connection)))
            if mode == "hammer":
                await _until_gone(connection.disconnect())
            else:
                await gone.wait()
            await asyncio.sleep(_AGAIN_S)

    @staticmethod
    async def _babble(peer: Peer) -> None:
        for service in await peer.discover_services():
            for characteristic in await service.discover_characteristics():
                if not characteristic.properties & _WRITEABLE:
                    continue  # Bumble's own GAP service never answers a write
                for size in (0, 1, 20, 40):
                    await characteristic.write_value(os.urandom(size), with_response=True)
