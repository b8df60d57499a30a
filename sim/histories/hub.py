"""One hub: what stays (disk, lines, wall clock) and its process, put together from the product's rooms.

The process is `edge/main.py`'s, less threads, files, pins and sound: hub, delivery, downlink, presenter,
keys' meanings, pendants and radio are the product's own objects on a made-up loop. `kill` ends it as kill
-9 does.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec

from drivers.modem.voice import Telephone
from drivers.pi.audio import Said
from drivers.pi.debounce import KeyDown, KeyUp
from edge.clock import SystemClock
from edge.commands import Effects
from edge.config import (
    Config,
    ContactSection,
    ElderSection,
    HubSection,
    PendantSection,
    PlatformSection,
    TimingSection,
)
from edge.config_phones import ModemSection
from edge.credentials import Credentials, PendantKeys, SmsKeys
from edge.deadlines import Care, Due, Timing
from edge.entries import TimerEntry
from edge.heartbeat import Heartbeat
from edge.hub import Hub
from edge.inputs.keys import KeyInput
from edge.inputs.pendants import Pendants
from edge.lines import Lines, Way
from edge.main import Service
from edge.mint import Mint
from edge.ports import Ports
from edge.presenter import Presenter
from edge.reaching import Reaching
from edge.texting import Texting, texting_of
from edge.uplink import Uplink
from edge.watch import Watch
from protocols.link import keys
from protocols.values import Event, EventId, Lane
from sim.histories.air import Adapter, Air
from sim.histories.cell import CENTRE, DAUGHTER, Cell
from sim.histories.clockwork import Loop, World
from sim.histories.disk import Disk, Numbers, SteppedWriter
from sim.histories.internet import Line, Platform, SimPath
from sim.histories.pendant import Pendant

ELDERS = ("e-chen", "e-li")
NUMBERS = 4096  # ids of one process


class Site:
    """What of a hub outlives its process."""

    def __init__(self, world: World, name: str, platform: Platform, air: Air, hours: tuple[int, int]) -> None:
        self.world, self.name, self.platform, self.air = world, name, platform, air
        self.disk = Disk(world)
        self.lines = {path: Line(world, path, platform) for path in ("coap", "https")}
        self.care_hours = hours
        self.boot = world.random.getrandbits(32)
        self.booted_ms = world.now_ms - world.delay(1_000, 10_000_000)
        self.wall_offset_ms = 1_800_000_000_000 + world.delay(0, 86_400_000)
        self.process: Process | None = None
        self.audio_broken = False
        self.cell: Cell | None = None  # where the home has a modem
        self.watchers: list[Callable[[Site, str, Any], None]] = []

    def tell(self, what: str, value: Any) -> None:
        """Something that people near this hub can see or hear, for the checks."""
        for watcher in self.watchers:
            watcher(self, what, value)

    def start(self) -> None:
        """The service starts, unless it runs."""
        if self.process is None:
            self.process = Process(self)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            process, self.process = self.process, None
            process.end()

    def reboot(self) -> None:
        """The machine restarts: monotonic time begins again, and the wall clock is what the battery says."""
        self.boot = self.world.random.getrandbits(32)
        self.booted_ms = self.world.now_ms - self.world.delay(0, 3_000)


class SimUplink(Uplink):
    """The product's uplink on made-up lines."""

    def __init__(self, process: Process) -> None:
        self._process = process
        super().__init__(
            process.hub,
            process.writer,
            process.state,
            process.config.settings,
            process.credentials,
            process.clock,
            process,  # type: ignore[arg-type]
            process.texting,
        )
        self.downlink._monotonic = process.loop.time

    def _make_paths(self, platform: PlatformSection) -> None:
        site, loop = self._process.site, self._process.loop
        self.paths = {name: SimPath(line, site.name, loop) for name, line in site.lines.items()}  # type: ignore[misc]
        self._coap = self.paths["coap"]  # type: ignore[assignment]


class SimWatch(Watch):
    """The product's watch in a house without mains or battery."""

    def __init__(self, process: Process) -> None:
        super().__init__(
            process.hub,
            process.heartbeat,
            process.speak_aside,
            utc_offset_minutes=480,
            power_supplies=Path("none"),
            healthy=lambda: True,
            feed=lambda: None,
            stores=process.look_at_storage,
        )

    async def _power(self) -> None:
        """Nothing to read."""


class Process(Service):
    """One run of the hub's service. Uses Service's glue; its rooms are put together here."""

    def __init__(self, site: Site) -> None:
        self.site, world = site, site.world
        self.loop = Loop(world)
        self.began_ms = world.now_ms
        self.clock = SystemClock(
            boot=site.boot,
            read_monotonic_ms=lambda: world.now_ms - site.booted_ms,
            read_system_ms=lambda: world.now_ms + site.wall_offset_ms,
        )
        self.config, self.credentials = _configured(site)
        self.adapter = Adapter(site.air, self.loop, f"{site.name}-hci0")
        self.ports = Ports(self.clock, lambda: None, self._adapters)  # type: ignore[arg-type]
        self.mint = Mint(site.name, self.clock)
        self.mint.numbers.begin(world.random.getrandbits(32), 0, NUMBERS)
        self.state = Numbers(site.disk)  # type: ignore[assignment]
        self.speaker = self  # type: ignore[assignment]
        self._saying = set()
        self.accepted: set[EventId] = set()  # call events of this process
        self.loop.do(self._assemble)

    async def _adapters(self) -> Sequence[Any]:
        return [self.adapter]

    def _assemble(self) -> None:
        site = self.site
        self.writer = SteppedWriter(site.disk, self.loop, lambda entries, seqs: self.hub.saved(entries, seqs))
        self.journal = site.disk.journal
        self.hub = Hub(self.mint, self.writer, elder=ELDERS[0], room="hall")
        self._watch_accepted()
        self.keys_in = KeyInput(self.hub, self._cancel_offered, lambda key, stuck: None)
        self.loop.start(self._life(), "life")

    async def _life(self) -> None:
        await self._resume()
        self._talk()

    def _talk(self) -> None:
        site, hub = self.site, self.hub
        self.texting = None if site.cell is None else self._texting(site.cell)
        self.uplink = SimUplink(self)
        self.paths, self.delivery = self.uplink.paths, self.uplink.delivery
        self.ready_ms = site.world.now_ms
        self.pendants = Pendants(hub, self.ports, self.config, self.credentials, self.state)
        self.heartbeat = Heartbeat(
            hub,
            self.journal,
            timing=TimingSection(),
            last_word_ms=lambda: max(h.last_good_ms for h in self.delivery.health.values()),
            config_digest=lambda: "00",
        )
        start, end = site.care_hours
        care = Care(service_from_minute=start, service_to_minute=end)
        self.presenter = Presenter(
            hub,
            self,
            self,  # type: ignore[arg-type]
            self.pendants,
            language="zh",
            timing=Timing(),
            care=dict.fromkeys(ELDERS, care),
            no_path=lambda: self.delivery.no_path,
            silent=lambda: self.heartbeat.silent,
        )
        Effects(hub, self.heartbeat.beat, self.speak_aside, self._propose)
        self.uplink.start()
        self.add("radio", self.pendants.run)
        self.add("heartbeat", self.heartbeat.run)
        self.add("presenter", self.presenter.run)
        self.add("watch", SimWatch(self).run)

    def _texting(self, cell: Cell) -> Texting | None:
        """The modem's side, put together as `edge/main.py` does."""
        self.ports = Ports(self.clock, lambda: None, self._adapters, modem_port=cell.opener(self.loop))  # type: ignore[arg-type]
        texting = texting_of(self.hub, self.state, self.config, self.credentials.sms, self.ports.modem_port)
        section = self.config.modem
        if texting is not None and section is not None and section.voice_port is not None:
            telephone, modem = Telephone(self.ports.modem_port(section.voice_port)), texting.modem
            way = Way("voice", telephone, texting.calls, trouble=lambda: modem.standing.trouble)
            self.add("telephone", telephone.run)
            say = functools.partial(self.speak_aside, lane=Lane.SOS)
            self.add("reaching", Reaching(self.hub, texting, lambda: self.config, Lines([way]), say).run)
        return texting

    def add(self, name: str, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """As Supervisor.add, but nothing is started anew: what fails is a finding."""
        self.loop.start(start(), name)

    def look_at_storage(self) -> None:
        """As Upkeep.look, of a disk whose stores are always open."""
        self.hub.see("storage", self.site.name, bool(self.hub.storage), self.hub.storage)

    def _watch_accepted(self) -> None:
        record, fire = self.hub.record, self.hub.fire

        def recorded(event: Event, source: str) -> None:
            if event.call_id is not None:
                self.accepted.add(event.id)
            record(event, source)
            self.site.tell("accepted", event)

        def fired(item: Due) -> None:
            name = item.name if isinstance(item, TimerEntry) else str(item.data.get("change", item.kind))
            self.site.world.visits[f"due: {name}"] += 1
            fire(item)

        self.hub.record, self.hub.fire = recorded, fired  # type: ignore[method-assign]

    def tried(self, event_id: EventId) -> bool:
        """Whether this process has put an event on a line."""
        return any(event_id in path.tried for path in self.paths.values())  # type: ignore[attr-defined]

    # -- lamp and speaker, as the presenter knows them

    def set(self, colour: str, pattern: str) -> None:
        """As Lamp.set."""
        self.site.tell("lamp", (colour, pattern))

    async def say(
        self, key: str, language: str, lane: Lane, still: Callable[[], bool] = lambda: True
    ) -> Said:
        """As Speaker.say: one after the other, sometimes cut off."""
        world = self.site.world
        if not still():
            return Said.TOO_LATE
        phrase = self.presenter._speaking.get(asyncio.current_task())  # type: ignore[arg-type]
        self.site.tell("speech", (key, phrase and phrase.call_id))
        await asyncio.sleep(world.delay(150, 390) / 100)
        if self.site.audio_broken:
            world.visits["sound: fails"] += 1
            return Said.FAILED
        return Said.INTERRUPTED if world.random.random() < 0.05 else Said.SAID

    # -- what people and the world do

    def press(self, key: str, down: bool) -> None:
        """A debounced edge of one of the hub's keys."""
        at_ms = self.clock.monotonic_ms()
        event = KeyDown(key, at_ms) if down else KeyUp(key, at_ms, 0)
        self.loop.do(self.keys_in.on_event, event)

    def do(self, action: Callable[..., Any], *args: Any, **more: Any) -> None:
        """Call something of the hub on its loop."""
        self.loop.do(lambda: action(*args, **more))

    def end(self) -> None:
        """kill -9: nothing that it still had in hand reaches the world."""
        self.writer.dead = True
        for path in getattr(self, "paths", {}).values():
            path.dead = True
            path._line.calls_in_flight.clear()
        self.adapter.die()
        self.loop.bury()


def _configured(site: Site) -> tuple[Config, Credentials]:
    start, end = site.care_hours
    config = Config(
        hub=HubSection(id=site.name, room="hall", elder=ELDERS[0]),
        platform=PlatformSection(coap_uri="coap://platform", https_url="https://platform", ca_file="ca.pem"),
        elders=tuple(ElderSection(id=e, service_from_minute=start, service_to_minute=end) for e in ELDERS),
        pendants=tuple(
            PendantSection(id=p.pendant_id, address=a, elder=ELDERS[i % 2], room="hall")
            for i, (a, p) in enumerate(site.air.pendants.items())
        ),
    )
    if site.cell is not None:
        modem = ModemSection(port="modem", voice_port="modem-voice", platform_numbers=(CENTRE,))
        contacts = (ContactSection(id="daughter", number=DAUGHTER),)
        config = msgspec.structs.replace(config, modem=modem, contacts=contacts)
    secrets = {p.pendant_id: _keys(p, site.name) for p in site.air.pendants.values()}
    sms = SmsKeys(home="ABCD", up_key="00" * 16, down_key="11" * 16)
    return config, Credentials(hub_id=site.name, https_token="", oscore=(), pendants=secrets, sms=sms)


def _keys(pendant: Pendant, hub: str) -> PendantKeys:
    return PendantKeys(
        advert_key=keys.advert_key(pendant.root).hex(), link_key=keys.link_key(pendant.root, hub).hex()
    )
