"""Puts the hub together and runs it: the composition root. Keys come first, whatever else is broken."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from drivers.pi.audio import AudioError, Said, Speaker
from drivers.pi.keys import Keys
from drivers.pi.lamp import Lamp
from drivers.pi.power import MainsPin
from edge.api import Api
from edge.book import open_calls
from edge.commands import Effects, report_result
from edge.config import Config, Settings
from edge.configuration import Configuration, Version
from edge.credentials import Credentials
from edge.deadlines import care_of, timing_of
from edge.entries import Entry
from edge.heartbeat import Heartbeat
from edge.hub import Hub
from edge.identity import adopt_contexts, begin_life
from edge.inputs.keys import KeyGate, KeyInput
from edge.inputs.senses import Senses
from edge.mint import Mint
from edge.phrases import Phrase
from edge.ports import LazyPins, Ports
from edge.presenter import Presenter, check_voice
from edge.prompter import Prompter
from edge.stores.journal import Journal
from edge.stores.state import State
from edge.stores.writer import Writer
from edge.supervisor import Supervisor
from edge.tables import Tables
from edge.telephony import Telephony
from edge.threads import in_thread
from edge.upkeep import Upkeep
from edge.uplink import Uplink
from edge.watch import Watch
from protocols.values import Command, EventId, Lane

if TYPE_CHECKING:
    from edge.texting import Texting

log = logging.getLogger(__name__)
T = TypeVar("T")

REPORT: Final = "report settings"
OPEN_S: Final = 3.0  # a disk that does not open its stores in this time hangs: the hub starts without it
REPLAY_S: Final = 3.0  # of a journal on a slow card: keys that were pressed wait for it
FRESH_MS: Final = 10_000  # keys are read ten times a second, the radio's loop turns every second
STUCK_MS: Final = 30_000  # a commit that takes longer does not come back


async def run(
    config: Config,
    credentials: Credentials,
    ports: Ports,
    ready: Callable[[], None] = lambda: None,
    *,
    damage: str = "",
) -> None:
    """Run a hub until cancelled; `ready` is called when all of it is up; `damage`: what is wrong with the
    seed in whose place an older one is used.

    Never raises for a broken disk, radio, pin, card or path.
    """
    service = Service(config, credentials, ports)
    try:
        await service.start()
        service.hub.see("config", "seed", bool(damage), "seed-damaged")
        ready()
        await asyncio.Event().wait()
    finally:
        await service.stop()


def _calls_and_faults(journal: Journal) -> list[Entry]:
    return [entry for _, entry in journal.replay(calls_only=True)]


class Service:
    """One hub, put together. `start()` has everything running; `stop()` ends it in order."""

    def __init__(self, config: Config, credentials: Credentials, ports: Ports) -> None:
        self.config, self.credentials, self.ports = config, credentials, ports
        self.mint = Mint(config.hub.id, ports.clock)
        self.supervisor = Supervisor(self._task_fault)
        self.data = Path(config.hub.data_dir)
        self._saying: set[asyncio.Task[Said]] = set()
        self.pins = LazyPins(ports.pin_factory)

    async def start(self) -> None:
        """Stores, then keys, then everything that talks."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        wall_ms = self.ports.clock.wall_ms
        path = self.data / "journal.db"
        self.state = State(self.data / "state.db", wall_ms=wall_ms)
        self._loading = loading = asyncio.create_task(in_thread("load state", self._load_state))
        journal, _ = await asyncio.gather(
            self._opened(lambda: Journal.open(path, wall_ms=wall_ms)),
            asyncio.wait({loading}, timeout=OPEN_S),
        )
        self.journal = journal or Journal.in_memory(stands_in_for=path, wall_ms=wall_ms)
        self.writer = Writer(
            self.journal,
            monotonic_ms=self.ports.clock.monotonic_ms,
            on_saved=lambda entries, seqs: self.hub.saved(entries, seqs),
            on_attached=lambda: self.supervisor.add("late journal", self._learn),
        )
        self.hub = Hub(self.mint, self.writer, elder=self.config.hub.elder, room=self.config.hub.room)
        self.configuration = Configuration(
            self.state, self.ports.clock, self.use, lambda: self.uplink.ask(), self._in_call, self._tried
        )
        self.config = self.config.having(self.configuration.begin(self.config.settings))
        if loading.done():
            self._begin_life(loading.result())
        else:
            log.error("state.db does not answer within %.0f s: a life in memory until it does", OPEN_S)
        self._begin_keys()
        await self._resume()
        self.key_gate.open()
        self._connect()
        self._begin_watch()
        if not loading.done():
            self.supervisor.add("late state", functools.partial(self._late_state, loading))

    async def stop(self) -> None:
        """Stop the tasks, bring to the disk what waits, let go of the platform."""
        await self.supervisor.stop()
        if hasattr(self, "uplink"):
            await self.uplink.close()
        if hasattr(self, "speaker"):
            await self.speaker.close()
        if hasattr(self, "writer"):
            await self.writer.close()

    async def _opened(self, open_store: Callable[[], T]) -> T | None:
        """A store opened in a thread; None if its disk hangs, for a call must not wait for it."""
        try:
            return await asyncio.wait_for(in_thread("open store", open_store), OPEN_S)
        except TimeoutError:
            log.error("a store does not open within %.0f s", OPEN_S)
            return None

    def _begin_keys(self) -> None:
        pins = self.config.pins
        key_input = KeyInput(
            self.hub,
            self._cancel_offered,
            lambda key, stuck: self.hub.see("key_stuck", key, stuck),
            lambda: hasattr(self, "telephony") and self.telephony.takes_key(),
            lambda: self.prompter.question() if hasattr(self, "prompter") else "",
            lambda question, answer: self.prompter.answer(question, answer),
        )
        self.key_gate = KeyGate(key_input.on_event)
        numbers = {"red": pins.red, "green": pins.green}
        self.keys = Keys(self.pins, numbers, self.ports.clock, self.key_gate.on_event)
        self.supervisor.add("keys", self.keys.run)

    def _cancel_offered(self) -> EventId | None:
        return self.presenter.offered() if hasattr(self, "presenter") else None

    def _load_state(self) -> tuple[int, int, int] | None:
        """Read the state and reserve from it what a hub begins with; in a thread, for the disk may hang."""
        self.state.load()
        used = Path(self.config.hub.credentials_file).with_suffix(".used")
        adopt_contexts(self.state, self.credentials.oscore, used)
        return begin_life(self.state)

    def _begin_life(self, block: tuple[int, int, int] | None) -> None:
        if block is not None:
            self.mint.numbers.begin(*block)

    async def _late_state(self, loading: asyncio.Task[tuple[int, int, int] | None]) -> None:
        """The state's disk answers after all: its life, its settings and its pendants count from now on."""
        self._begin_life(await loading)
        await self.use(self.configuration.begin(self.config.settings))
        self.senses.pendants.recall()
        await self.configuration.settle()

    async def _resume(self) -> None:
        """Know the calls that stand before anything is pressed; on a disk that hangs, learn of them later."""
        reading = self.writer.read(_calls_and_faults)
        await asyncio.wait({reading}, timeout=REPLAY_S)
        if reading.done() and reading.exception() is None:
            self.hub.resume(reading.result())
            return
        log.error("the journal could not be read back within %.0f s", REPLAY_S)
        self.hub.resume([])
        late = None if reading.done() else reading
        self.supervisor.add("late replay", functools.partial(self._learn, late))

    async def _learn(self, reading: asyncio.Future[list[Entry]] | None = None) -> None:
        """The journal's disk answers after all: what it holds of earlier runs counts from now on."""
        self.hub.learn(await (reading or self.writer.read(_calls_and_faults)))
        if hasattr(self, "effects"):
            await self.effects.resume(self._loading.done)

    def _connect(self) -> None:
        """Everything that talks: the platform, lamp and voice, pendants, phones."""
        config = self.config
        texting = self._link_platform()
        self.speaker = Speaker(config.audio.player, Path(config.audio.phrases_dir), self._audio_health)
        self.senses = Senses(*(self.hub, self.ports, config, self.credentials, self.state, self.writer.read))
        self.heartbeat = Heartbeat(
            self.hub,
            self.journal,
            timing=config.timing,
            last_word_ms=lambda: self.uplink.last_word_ms,
            config_digest=lambda: self.configuration.active.hash[:16],
        )
        self.telephony = Telephony(
            self.hub,
            self.state,
            self.delivery,
            texting,
            lambda: self.config,
            self.credentials,
            self.ports,
            self.speak_aside,
        )
        self.telephony.quiet(self.speaker)
        self.prompter = Prompter(
            *(self.hub, config, self.speaker, self.state, self.writer.read), self.telephony.talking
        )
        self.prompter.asides = self.senses.whose.question
        self._present()
        self.effects = Effects(
            self.hub,
            self.heartbeat.beat,
            self.speak_aside,
            self._propose,
            self.configuration.settles,
            self.prompter.command,
        )
        self.uplink.start()
        self.senses.begin(self.supervisor)
        self.supervisor.add("heartbeat", self.heartbeat.run)
        self.telephony.begin(self.supervisor)
        self.effects.runs = self.telephony.runs(self.heartbeat)

    def _link_platform(self) -> Texting | None:
        """The ways to the platform; that by SMS, where there is a modem, is the family's too."""
        config, texting = self.config, None
        if config.modem is not None:
            from edge.texting import texting_of  # not in the memory of a hub without a modem

            texting = texting_of(self.hub, self.state, config, self.credentials.sms, self.ports.modem_port)
        self.uplink = Uplink(
            self.hub,
            self.writer,
            self.state,
            config.settings,
            self.credentials,
            self.ports.clock,
            self.supervisor,
            texting,
        )
        self.delivery = self.uplink.delivery
        return texting

    def _present(self) -> None:
        config = self.config
        pins = config.pins
        numbers = {"red": pins.lamp_red, "green": pins.lamp_green, "amber": pins.lamp_amber}
        self.lamp = Lamp(self.pins, numbers)
        self.presenter = Presenter(
            self.hub,
            self.lamp,
            self.speaker,
            self.senses.pendants,
            language=config.home.language,
            timing=timing_of(config),
            care=care_of(config),
            no_path=lambda: self.delivery.no_path,
            silent=lambda: self.heartbeat.silent,
            asking=lambda: bool(self.prompter.question()),
            talking=self.telephony.talking,
        )
        self.supervisor.add("lamp", self.lamp.run)
        self.supervisor.add("presenter", self.presenter.run)
        self.supervisor.add("voice", lambda: check_voice(self.speaker))

    # --- the settings in force ---

    async def use(self, settings: Settings) -> None:
        """Put other settings in force, whole and while everything runs: no key is deaf meanwhile."""
        self.config = config = self.config.having(settings)
        await self.uplink.use(settings)
        self.presenter.use(config.home.language, timing_of(config), care_of(config))
        self.senses.use(config)
        self.prompter.use(config)
        self.heartbeat.timing = config.timing
        self.watch.utc_offset_minutes = config.home.utc_offset_minutes

    def _in_call(self) -> bool:
        return bool(open_calls(self.hub.book))

    async def _propose(self, command: Command) -> None:
        """The platform has settings for this hub: fetch them, try them. AnbanError."""
        document, author = await self.uplink.wanted()
        await self.configuration.propose(document, author or command.authority, command.id)

    def _tried(self, outcome: str, version: Version, reason: str) -> None:
        """A trial has ended: whoever proposed it is told; what was reverted is a fault."""
        self.hub.see("config", self.config.hub.id, outcome != "done", reason)
        if version.command:
            report_result(self.hub, version.command, outcome, reason)
        self._report_settings()

    def _report_settings(self) -> None:
        if REPORT not in self.supervisor.running():
            self.supervisor.add(REPORT, lambda: self.uplink.report(lambda: self.configuration.active))

    # --- ports of the rooms to each other ---

    def _audio_health(self, error: AudioError | None) -> None:
        self.hub.see("audio", self.config.hub.id, error is not None)

    def _task_fault(self, name: str, failing: bool, why: str) -> None:
        if hasattr(self, "hub"):
            self.hub.see("task", name.replace(" ", "-"), failing, why.lower())

    def _begin_watch(self) -> None:
        """Faults of stores and power, reserved numbers, retention, the watchdog of the system."""
        upkeep = Upkeep(
            *(self.hub, self.journal, self.writer, self.state, self.data / "journal.db"),
            self._loading.done,
            self._learn,
        )
        self.watch = Watch(
            self.hub,
            self.heartbeat,
            self.speak_aside,
            utc_offset_minutes=self.config.home.utc_offset_minutes,
            power_supplies=self.ports.power_supplies,
            healthy=self.healthy,
            feed=self.ports.feed_watchdog,
            stores=upkeep.look,
            mains_pin=None if (mains := self.config.pins.mains) is None else MainsPin(self.pins, mains),
        )
        self.supervisor.add("watch", self.watch.run)
        self._open_door()
        self.supervisor.add("configuration", self.configuration.settle)
        self.supervisor.add("prompts", self._prompt)
        self.supervisor.add("old commands", lambda: self.effects.resume(self._loading.done))
        self._report_settings()
        self.supervisor.add("keep", upkeep.run)
        self.supervisor.add("examine", upkeep.examine)

    def _open_door(self) -> None:
        """The hub's own door: what commands and pages ask it."""
        tables = Tables(
            self.hub,
            self.journal,
            self.writer,
            self.delivery,
            self.presenter,
            self.supervisor,
            self.senses.devices,
            self.senses.carer.blind,
            lambda: self.config.home.utc_offset_minutes,
        )
        door = Api(
            Path(self.config.hub.runtime_dir) / "hub.sock",
            {
                **tables.operations(),
                **self.senses.operations(),
                **self.prompter.operations(),
                **self.configuration.operations(),
                **self.telephony.operations(),
            },
        )
        self.supervisor.add("door", door.serve)

    async def _prompt(self) -> None:
        await asyncio.wait({self._loading})  # the platform's prompts stand in the state
        await self.prompter.run()

    def speak_aside(self, phrase: Phrase, lane: Lane = Lane.FAULT) -> asyncio.Task[Said]:
        """Say what no surface shows; without a lane behind whatever a call has to say. Gives its end."""
        saying = asyncio.create_task(self.speaker.say(phrase.value, self.config.home.language, lane))
        self._saying.add(saying)
        saying.add_done_callback(self._saying.discard)
        return saying

    def healthy(self) -> bool:
        """Whether store, loop, key reader and radio live: only then is the system's watchdog fed."""
        now_ms = self.ports.clock.monotonic_ms()
        checked = (self.keys.checked_at_ms, self.senses.pendants.checked_at_ms)
        fresh = all(at is not None and now_ms - at < FRESH_MS for at in checked)
        return fresh and self.writer.stuck_ms(now_ms) < STUCK_MS
