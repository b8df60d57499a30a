"""A whole home: starts its processes in order, can do to it whatever may happen, and judges it at the end.

The air, the platform, every hub and every pendant's MicroPython are processes of their own; the internet
between hub and platform and the ledger live here, in the orchestrator. Everything stands in one directory,
the logs in DIR/logs/NAME.log. Whatever was started is ended by its handle.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.air.client import AirControl
from sim.disk import FaultDisk
from sim.home import plan, records
from sim.home.hubs import HubRig
from sim.home.ledger import Deed, Ledger, Press, Stored, Verdict
from sim.home.meters import MeterRig
from sim.home.pendants import PendantRig
from sim.home.platform import LiveCase, PlatformRig
from sim.home.process import Child, ChildError
from sim.home.sensors import SensorRig
from sim.home.setup import PLATFORM_NUMBER, TEST_NUMBER, Setup
from sim.home.waiting import came
from sim.internet import LOOPBACK, Internet
from sim.modem.modem import SimModem
from sim.modem.network import CellNetwork
from sim.modem.phone import Phone

if TYPE_CHECKING:
    from sim.sip.side import SipSide

START_S = 45.0  # a program's start when everything else of the machine starts too
END_S = 15.0
JAM_DB = 60.0  # above any signal of a flat
MAX_DIR = 70  # a unix socket's path has at most 107 bytes


class Home:
    """One run. `async with Home(dir, seed, setup).running():` starts everything and ends everything."""

    def __init__(self, directory: Path, seed: int = 0, setup: Setup | None = None) -> None:
        self.directory = directory.resolve()
        if len(str(self.directory)) > MAX_DIR:
            raise ValueError(f"{self.directory}: at most {MAX_DIR} characters, for its sockets")
        self.seed = seed
        self.setup = setup or Setup()
        self.logs = self.directory / "logs"
        self.air_dir = self.directory / "air"
        self.ledger = Ledger()
        self.net = Internet(seed)
        self.air = AirControl(self.air_dir)
        self.platform = PlatformRig(self.directory / "platform", self.logs)
        self.hubs = {
            row.id: HubRig(row, self.directory / row.id, self.logs, number, self.ledger)
            for number, row in enumerate(self.setup.hubs, 1)
        }
        self.pendants = {
            row.id: PendantRig(row, self.directory / row.id, self.air_dir, number, self.ledger, seed)
            for number, row in enumerate(self.setup.pendants, 1)
        }
        self.meters = {
            row.id: MeterRig(row, number, self.air) for number, row in enumerate(self.setup.meters, 1)
        }
        self.sensors = {
            row.id: SensorRig(row, number, self.air, seed) for number, row in enumerate(self.setup.sensors, 1)
        }
        self.walls: set[str] = set()
        self.spots: dict[str, tuple[float, float]] = {}
        self.on_event: list[Callable[[Stored], None]] = []
        self.on_phone: list[Callable[[str], None]] = []
        self.on_case: list[Callable[[LiveCase], None]] = []
        self.on_deed: list[Callable[[Deed], None]] = []
        self.disk: FaultDisk | None = None
        self.cell = CellNetwork(seed)
        self.modems: dict[str, SimModem] = {}
        self.phones: dict[str, Phone] = {}
        self.test_phone: Phone | None = None
        self.sip: SipSide | None = None  # in a home with telephones by SIP
        self._air = Child(
            "air", ["-m", "sim.air", "--dir", str(self.air_dir), "--seed", str(seed)], self.logs
        )
        self._watch: asyncio.Task[None] | None = None

    @property
    def hub(self) -> HubRig:
        """The first hub."""
        return next(iter(self.hubs.values()))

    def card(self) -> FaultDisk:
        """The card of the first hub. RuntimeError in a home without a faulty one."""
        if self.disk is None:
            raise RuntimeError("this home was set up without a faulty card")
        return self.disk

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Home]:
        """Everything started while the block runs, everything ended after it, whatever happens in it."""
        try:
            async with asyncio.timeout(3 * START_S):
                await self.start()
            yield self
        finally:
            await self.end()

    async def start(self) -> None:
        """Start all processes, in the order in which they need each other."""
        for path in (self.logs, self.air_dir, self.platform.directory):
            path.mkdir(parents=True, exist_ok=True)
        os.chmod(self.directory, 0o700)
        if self.setup.modems:
            self._plug_modems()
        self.platform.on_event = lambda event: self._each(self.on_event, event)
        self.platform.on_case = lambda case: self._each(self.on_case, case)
        self.platform.on_deed = self._deed
        credentials = {row.id: self.platform.provision(row, self.setup) for row in self.setup.hubs}
        ready = self.air_dir / "air.json"
        ready.unlink(missing_ok=True)
        await asyncio.gather(self._air.start(ready.exists), self.platform.start())
        await self._radios()
        if self.setup.sip:
            await self._connect_sip(credentials)
        info = self.platform.info
        coap = await self.net.udp_door("coap", (LOOPBACK, info["coap_port"]))
        https = await self.net.tcp_door("https", (LOOPBACK, info["https_port"]))
        for name, hub in self.hubs.items():
            hub.write_files(
                self.setup,
                credentials[name],
                self.pendants,
                {name: rig.key.hex() for name, rig in self.sensors.items()},
                coap_port=coap.port,
                https_port=https.port,
                ca_file=info["ca_file"],
                radio=self.air_dir / f"hci-{name}.sock",
            )
        if self.setup.faulty_disk:
            self.disk = FaultDisk(self.hub.directory / "data", self.directory / "disk.ctl")
            self.hub.env |= self.disk.environment({})
        if self.setup.clock_offset_s:
            for hub in self.hubs.values():
                hub.env["ANBAN_CLOCK_OFFSET_S"] = str(self.setup.clock_offset_s)
        self._watch = asyncio.create_task(self.platform.watch())
        for pendant in self.pendants.values():
            await pendant.start()
        await asyncio.gather(
            *(hub.start() for hub in self.hubs.values()),
            *(self.on_air(name) for name in self.pendants),
        )
        for name in self.hubs:
            await self.listens(name)

    def _plug_modems(self) -> None:
        """A modem at the platform and at each hub, all in one cell network."""
        self.cell.air.delay_s = self.setup.sms_delay_s
        self.platform.modem = self.directory / "platform-modem"
        rows = [("platform", PLATFORM_NUMBER, self.platform.modem, "ec25")]
        rows += [(n, self.setup.number_of(n), hub.modem_port, "a7670") for n, hub in self.hubs.items()]
        for name, number, path, family in rows:
            self.modems[name] = SimModem(number, path, self.cell, family)
            self.modems[name].plug()
        self.test_phone = Phone(TEST_NUMBER, self.cell)
        for relative in self.setup.family:
            self.phones[relative.id] = Phone(relative.number, self.cell)
            self.phones[relative.id].on_change = lambda name=relative.id: self._each(self.on_phone, name)  # type: ignore[misc]

    async def _connect_sip(self, credentials: dict[str, dict[str, Any]]) -> None:
        """A provider, telephones of the family, and an account for each hub."""
        from sim.sip.side import SipSide

        self.sip = SipSide(self.directory / "sip")
        await self.sip.open(self.setup)
        for name, hub in self.hubs.items():
            credentials[name]["sip"] = self.sip.account(name)
            hub.sip = self.sip

    async def on_air(self, name: str, within_s: float = START_S) -> None:
        """Wait until a pendant's program runs and its radio is on. ChildError after `within_s`."""

        async def advertises() -> bool:
            return bool((await self.air.state())["radios"][name]["advertising"])

        if await came(advertises, within_s) is None:
            raise ChildError(f"{name} is not on the air; see {self.directory / name}")

    async def listens(self, name: str, within_s: float = START_S) -> None:
        """Wait until a hub scans and the platform has heard of it. ChildError after `within_s`."""

        async def ready() -> bool:
            return name in self.platform.heard and (await self.air.state())["radios"][name]["scanning"]

        if await came(ready, within_s) is None:
            raise ChildError(f"{name} does not listen; see {self.hubs[name].child.log}")

    async def _radios(self) -> None:
        await self.air.open()
        for (name, hub), (x, y) in zip(self.hubs.items(), plan.HUB_SPOTS, strict=False):
            await self.air.add_hci(name=name, address=hub.address, x=x, y=y, deaf=True)
            self.spots[name] = (x, y)
        for (name, pendant), (x, y) in zip(self.pendants.items(), plan.PENDANT_SPOTS, strict=False):
            await self.air.add_pendant(name=name, address=pendant.address, x=x, y=y)
            self.spots[name] = (x, y)
        for meter, (x, y) in zip(self.meters.values(), itertools.cycle(plan.METER_SPOTS), strict=False):
            await meter.appear(x, y)

    async def end(self) -> None:
        """End every process and close the line, whatever of it still answers. Safe to call twice."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        ends = (
            *(pendant.stop() for pendant in self.pendants.values()),
            *(hub.stop() for hub in self.hubs.values()),
        )
        await self._within(END_S, *ends)
        await self._within(END_S, self.platform.stop(), self._air.stop(), self.net.close(), self.air.close())
        for modem in self.modems.values():
            await modem.close()
        if self.sip is not None:
            await self.sip.close()
        self.cell.close()
        for child in (self._air, self.platform.child, *(hub.child for hub in self.hubs.values())):
            await child.kill()

    @staticmethod
    async def _within(seconds: float, *ends: Coroutine[Any, Any, Any]) -> None:
        """Run what ends things; what does not come to its end in time is left to the kill after it."""
        tasks = [asyncio.ensure_future(end) for end in ends]
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def verdict(self) -> Verdict:
        """Compare the ledger with the platform's database; after `end()`."""
        return self.ledger.judge(*records.read(self.platform.directory))

    # -- what people do

    async def press(self, pendant: str, hold_s: float = 0.12) -> Press:
        """Press a pendant. RuntimeError when it has no power."""
        rig = self.pendants[pendant]
        await rig.finger.ready()
        press = rig.key_down()
        if press is None:
            raise RuntimeError(f"{pendant} has no power")
        await asyncio.sleep(hold_s)
        rig.key_up()
        return press

    async def fall(self, pendant: str, rises: bool = False) -> Press:
        """Who wears this pendant takes some steps, falls, and stays down, or gets up and walks on.
        RuntimeError when it has no power."""
        fell = self.pendants[pendant].fall(rises)
        if fell is None:
            raise RuntimeError(f"{pendant} has no power")
        return fell

    async def place(self, name: str, x: float, y: float) -> None:
        """Carry a radio somewhere else."""
        await self.air.place(name=name, x=x, y=y)
        self.spots[name] = (x, y)

    async def wall(self, name: str, raised: bool) -> None:
        """Raise a wall of the plan, or take it down again. KeyError for a name that is not in the plan."""
        wall = next((wall for wall in plan.WALLS if wall.id == name), None)
        if wall is None:
            raise KeyError(f"there is no wall {name}")
        if raised:
            await self.air.wall(
                name=name, x1=wall.x1, y1=wall.y1, x2=wall.x2, y2=wall.y2, loss_db=wall.loss_db
            )
            self.walls.add(name)
        elif name in self.walls:
            await self.air.unwall(name=name)
            self.walls.discard(name)

    async def jam(self, on: bool) -> None:
        """Noise over the whole band, or quiet again."""
        await self.air.jam(db=JAM_DB if on else 0.0)

    async def stranger(self, target: str, on: bool, mode: str = "idle") -> None:
        """A foreign phone that connects to a pendant whenever it can, or leaves it alone."""
        if on:
            x, y = self.spots[target]
            await self.air.phone(name="stranger", target=target, mode=mode, x=x + 0.5, y=y + 0.5)
        else:
            await self.air.phone_stop(name="stranger")

    def _deed(self, deed: Deed) -> None:
        self.ledger.write(deed)
        self._each(self.on_deed, deed)

    @staticmethod
    def _each(listeners: list[Callable[..., None]], value: object) -> None:
        for listener in listeners:
            listener(value)
