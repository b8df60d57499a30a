"""The sole owner of Bluetooth on the hub: scans on every adapter, and connects whom the arbiter lets connect.

    radio = Radio(adapters, clock, on_advert, on_fact)
    supervisor: await radio.run()
    radio.request(address, lane, services, work)     # `work(link)` runs once the link stands

A request stays until its work has run, or it is withdrawn: failed attempts are repeated whenever the device
is heard. One request a device. All decisions are the arbiter's; this file only carries them out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from drivers.ble.arbiter import Abort, Action, Arbiter, Close, Connect, Recover, Restart
from drivers.ble.link import Link, Work
from drivers.ble.ports import (
    DISCOVERY,
    AdapterDown,
    AdapterPort,
    AdapterUp,
    Advert,
    Bonding,
    Client,
    Clock,
    RadioFact,
    Scanner,
)
from drivers.waiting import came
from protocols.errors import AnbanError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an adapter may take to answer, in seconds; what takes longer hangs."""

    start_s: float = 5.0  # bluetoothd answers StartDiscovery at once, or not at all
    stop_s: float = 2.0
    soon_s: float = 0.4  # a device that is heard is connected to by then, or scanning has to begin anew
    # For a cancelled attempt to end. Once its link stands, BlueZ answers Disconnect 2 s later
    # (DISCONNECT_TIMER in its src/device.c, by GLib's grid 1.75-2.75 s): who waits less resets a healthy
    # adapter, and all its links.
    grace_s: float = 4.0
    disconnect_s: float = 4.0  # the same: about 2.5 s
    recover_s: float = 60.0  # power-cycle and USB reset, with the waits of bluetooth-auto-recovery


@dataclass(slots=True)
class _Request:
    services: Sequence[str]
    work: Work
    bonding: Bonding | None


class _Scan:
    """What runs on one adapter."""

    def __init__(self, port: AdapterPort) -> None:
        self.port = port
        self.errors: tuple[type[Exception], ...] = (*port.errors, OSError, TimeoutError)
        self.scanner: Scanner | None = None
        self.devices: dict[str, Any] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}  # by address: attempt and work
        self.generation = 0
        self.told_up: bool | None = None


class Radio:
    """See the file's docstring. `listeners` get every advert heard, on the loop, at once."""

    def __init__(
        self,
        adapters: Sequence[AdapterPort],
        clock: Clock,
        on_advert: Callable[[Advert], None] | None = None,
        on_fact: Callable[[RadioFact], None] = lambda fact: None,
        patience: Patience = Patience(),
    ) -> None:
        self._patience = patience
        self._clock, self._on_fact = clock, on_fact
        self.listeners: list[Callable[[Advert], None]] = [on_advert] if on_advert else []
        self._scans = {port.name: _Scan(port) for port in adapters}
        self.arbiter = Arbiter(list(self._scans), clock.monotonic_ms())
        self._requests: dict[str, _Request] = {}
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.checked_at_ms: int | None = None  # last turn of the loop: the watchdog's proof of life

    # ---- for those who want links ----

    def request(
        self, address: str, lane: int, services: Sequence[str], work: Work, bonding: Bonding | None = None
    ) -> None:
        """Have a link as soon as the device is heard and its lane's turn comes; a new replaces the old.

        Asking again for the same work costs nothing, and may raise the lane. With a `bonding` the work begins
        when the link stands, and has to await `link.bond()` before it asks anything of the device.
        """
        old = self._requests.get(address)
        if old is None or old.work != work or old.bonding is not bonding:
            self._requests[address] = _Request(services, work, bonding)
        if self.arbiter.want(address, lane, self._clock.monotonic_ms()):
            self.poke()

    def withdraw(self, address: str) -> None:
        """The link is wanted no longer. Work that has begun goes on."""
        if self._requests.pop(address, None):
            self.arbiter.drop(address)
            self.poke()

    def connected(self, address: str) -> bool:
        """Whether a link to the device stands now."""
        return self.arbiter.link_adapter(address) is not None

    def poke(self) -> None:
        """Decide anew: something happened, or the clock was moved."""
        self._wake.set()

    # ---- the loop ----

    async def run(self) -> None:
        """Scan and connect until cancelled."""
        try:
            while True:
                self._wake.clear()
                now = self._clock.monotonic_ms()
                self.checked_at_ms = now
                for action in self.arbiter.decide(now):
                    self._carry_out(action)
                due = self.arbiter.due(now)
                pause_s = 1.0 if due is None else min(1.0, max(0.001, (due - now) / 1000))
                await came(self._wake, pause_s)
        finally:
            await self._shut()

    async def _shut(self) -> None:
        links = [task for scan in self._scans.values() for task in scan.tasks.values()]
        for task in (*self._tasks, *links):
            task.cancel()
        await asyncio.gather(*self._tasks, *links, return_exceptions=True)
        for scan in self._scans.values():
            await self._stop(scan)

    def _carry_out(self, action: Action) -> None:
        scan = self._scans[action.adapter]
        if isinstance(action, Connect):
            scan.tasks[action.address] = asyncio.create_task(self._attempt(scan, action))
        elif isinstance(action, Abort | Close):
            _log.debug("%s", action)
            if task := scan.tasks.get(action.address):
                task.cancel()
        elif isinstance(action, Restart):
            self._spawn(self._restart(scan))
        else:
            self._spawn(self._recover(scan, action))

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- scanning ----

    def _heard(self, scan: _Scan, generation: int, device: Any, data: Any) -> None:
        if generation != scan.generation:
            return  # a scanner that was given up
        now = self._clock.monotonic_ms()
        address = device.address
        scan.devices[address] = device
        if len(scan.devices) > 512:
            scan.devices = {a: d for a, d in scan.devices.items() if a in self._requests or a == address}
        self.arbiter.heard(scan.port.name, address, data.rssi, now)
        if address in self._requests:
            self.poke()
        rssi = self.arbiter.rssi(address)
        advert = Advert(
            scan.port.name,
            address,
            data.rssi if rssi is None else rssi,
            now,
            data.local_name,
            data.service_data,
            data.manufacturer_data,
            tuple(data.service_uuids),
        )
        for listener in self.listeners:
            listener(advert)

    async def _restart(self, scan: _Scan) -> None:
        await self._stop(scan)
        scan.generation += 1
        generation = scan.generation
        started = False
        try:
            scanner = scan.port.scanner(lambda d, a: self._heard(scan, generation, d, a), DISCOVERY)
            async with asyncio.timeout(self._patience.start_s):
                await scanner.start()
            scan.scanner, started = scanner, True
        except TimeoutError:
            _log.warning("%s: scanning did not start in time", scan.port.name)
            self.arbiter.hung(scan.port.name, self._clock.monotonic_ms())
        except scan.errors as e:
            # Said once, tried every second.
            level = logging.DEBUG if scan.told_up is False else logging.WARNING
            _log.log(level, "%s: scanning did not start: %r", scan.port.name, e)
        self.arbiter.scanning(scan.port.name, started, self._clock.monotonic_ms())
        self._tell(scan, started, "no-scan")
        self.poke()

    async def _stop(self, scan: _Scan) -> None:
        scanner, scan.scanner = scan.scanner, None
        if scanner is None:
            return
        try:
            async with asyncio.timeout(self._patience.stop_s):
                await scanner.stop()
        except scan.errors as e:
            _log.warning("%s: scanning did not stop: %r", scan.port.name, e)

    def _tell(self, scan: _Scan, up: bool, reason: str) -> None:
        if scan.told_up is up:
            return
        scan.told_up = up
        self._on_fact(AdapterUp(scan.port.name) if up else AdapterDown(scan.port.name, reason))

    async def _recover(self, scan: _Scan, action: Recover) -> None:
        self._tell(scan, False, action.why)
        scan.generation += 1
        scan.scanner = None
        for task in scan.tasks.values():
            task.cancel()
        if scan.tasks:  # their last reports must come before that of the recovery
            await asyncio.wait(
                list(scan.tasks.values()), timeout=self._patience.grace_s + self._patience.disconnect_s
            )
        errors: tuple[type[Exception], ...] = (AnbanError, *scan.errors)
        try:
            async with asyncio.timeout(self._patience.recover_s):
                await scan.port.recover()
        except errors as e:
            _log.warning("%s: recovery failed: %s", scan.port.name, e)
        scan.devices.clear()
        self.arbiter.recovered(scan.port.name, self._clock.monotonic_ms())
        self.poke()

    # ---- connecting ----

    async def _attempt(self, scan: _Scan, action: Connect) -> None:
        """One attempt and, if it succeeds, the work on the link."""
        request, device = self._requests.get(action.address), scan.devices.get(action.address)
        link = Link(scan.port, action.address)
        ok = False
        try:
            if request and device:
                limit_s = action.limit_ms / 1000
                client = scan.port.client(device, link.gone.set, limit_s, request.services, request.bonding)
                link.client = client
                ok = await self._connect(scan, client, action)
        finally:
            self._ended(scan, action, ok)
            if not ok:
                self._forget(scan, action)
        if not ok:
            return
        try:
            await self._work(link)
        finally:
            self._forget(scan, action)
            await self._disconnect(scan, link)
            self.arbiter.closed(scan.port.name, action.address, self._clock.monotonic_ms())
            self.poke()

    def _ended(self, scan: _Scan, action: Connect, ok: bool) -> None:
        self.arbiter.ended(scan.port.name, action.address, ok, self._clock.monotonic_ms())
        self.poke()

    def _forget(self, scan: _Scan, action: Connect) -> None:
        if scan.tasks.get(action.address) is asyncio.current_task():
            del scan.tasks[action.address]

    async def _connect(self, scan: _Scan, client: Client, action: Connect) -> bool:
        attempt = asyncio.ensure_future(client.connect())
        limit_s, soon_s = action.limit_ms / 1000, self._patience.soon_s
        try:
            done, _ = await asyncio.wait({attempt}, timeout=min(limit_s, soon_s))
            if not done and limit_s > soon_s:
                await self._scan_anew(scan)
                done, _ = await asyncio.wait({attempt}, timeout=limit_s - soon_s)
        except asyncio.CancelledError:
            await self._call_off(scan, attempt)
            raise
        if not done:
            await self._call_off(scan, attempt)
            return False
        if error := attempt.exception():
            _log.debug("%s: no connection to %s: %r", scan.port.name, action.address, error)
            if not isinstance(error, scan.errors):
                raise error
            return False
        return True

    async def _scan_anew(self, scan: _Scan) -> None:
        """A kernel that scans connects when it hears the device again. Of adverts that do not change, as
        those of meters, a controller that drops duplicates tells one each time that scanning begins: every
        ten seconds by itself."""
        scanner = scan.scanner
        if scanner is None:
            return
        try:
            async with asyncio.timeout(self._patience.stop_s):
                await scanner.stop()
                await scanner.start()
        except scan.errors as e:
            _log.warning("%s: scanning was not begun anew: %r", scan.port.name, e)
            self.arbiter.scanning(scan.port.name, False, self._clock.monotonic_ms())

    async def _call_off(self, scan: _Scan, attempt: asyncio.Future[object]) -> None:
        """Cancel an attempt; a backend that does not let go within the grace hangs."""
        attempt.cancel()
        done, _ = await asyncio.wait({attempt}, timeout=self._patience.grace_s)
        if not done:
            _log.warning("%s: an attempt does not end: the adapter hangs", scan.port.name)
            self.arbiter.hung(scan.port.name, self._clock.monotonic_ms())

    async def _work(self, link: Link) -> None:
        request = self._requests.pop(link.address, None)  # from here on a new request wants a new link
        self.arbiter.drop(link.address)
        try:
            if request:
                await request.work(link)
        except AnbanError as e:
            _log.info("%s: %s", link.address, e)

    async def _disconnect(self, scan: _Scan, link: Link) -> None:
        if link.gone.is_set() or link.client is None:
            return
        try:
            async with asyncio.timeout(self._patience.disconnect_s):
                await link.client.disconnect()
        except scan.errors as e:
            _log.warning("%s: %s did not disconnect: %r", scan.port.name, link.address, e)
