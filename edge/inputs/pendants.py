"""The home's pendants as the hub knows them: what is heard becomes calls, what calls become is told."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.ble.facts import (
    FallAnswered,
    FallNoted,
    FallWalks,
    FloorRaised,
    HeartbeatHeard,
    LinkRefused,
    PendantFact,
    PressHeard,
    ReplaySuspected,
    StageConfirmed,
    StatusLearned,
)
from drivers.ble.pendant import Paired, PendantLink
from drivers.ble.ports import AdapterDown, Advert, RadioFact
from drivers.ble.radio import Radio
from edge.book import Life, find
from edge.config import Config, PendantSection
from edge.credentials import Credentials
from edge.false_falls import WALKS, often, walks
from edge.faults import Sign, silent, silent_cause
from edge.hub import Hub
from edge.inputs.elsewhere import Elsewhere
from edge.ports import Ports
from edge.stores.errors import StoreError
from edge.stores.state import State
from edge.surfaces import PendantStage, Question
from edge.threads import in_thread
from edge.weighing import Weighing, charging
from protocols.errors import AnbanError, Reason
from protocols.kinds import KINDS as EVENT_KINDS
from protocols.link.const import FAULT_ACCELEROMETER, MEANING_ASSIST, MEANING_CALL_BACK, MEANING_FALL
from protocols.values import EventId

log = logging.getLogger(__name__)

KINDS: Final = {  # what is not here, a later pendant's meaning too, is an SOS
    MEANING_ASSIST: "call.assistance",
    MEANING_CALL_BACK: "call.consultation",
    MEANING_FALL: "call.fall",
}
KEPT_SIGNS: Final = 48  # two days of hourly heartbeats: a trend of the battery
LOOK_S: Final = 60.0
LOW_PCT: Final = 20  # about a month of heartbeats: time to charge it before it matters
SUSPICION_MS: Final = 3_600_000  # a replay that was not tried again for an hour is over


@dataclass(slots=True)
class _Pendant:
    section: PendantSection
    link: PendantLink
    heard_ms: int | None = None
    battery_pct: int | None = None
    rssi: int | None = None
    signs: deque[Sign] = field(default_factory=lambda: deque(maxlen=KEPT_SIGNS))
    suspected_ms: int | None = None


class Pendants:
    """All pendants and the radio. `run()` is a task for the supervisor."""

    def __init__(
        self, hub: Hub, ports: Ports, config: Config, credentials: Credentials, state: State
    ) -> None:
        self._hub, self._ports, self._state = hub, ports, state
        self._hub_id = config.hub.id
        self._radio: Radio | None = None
        self.listeners: list[Callable[[Advert], None]] = []  # others who hear the radio's adverts
        self.in_bed: Callable[[str], bool] = lambda elder: False  # what the bed's sensor says of an elder
        self._weighing = Weighing(hub)
        self._elsewhere = Elsewhere(hub)
        self._changed: dict[tuple[str, str], bytes] = {}  # for state.db, the newest only
        self._keeping = asyncio.Event()
        self._pendants: dict[str, _Pendant] = {}
        for section in config.pendants:
            keys = credentials.pendants.get(section.id)
            if keys is None:
                hub.see("pendant_keys", section.id, True, "no keys in the credentials")
                continue
            paired = Paired(
                id=section.id,
                address=section.address,
                advert_key=bytes.fromhex(keys.advert_key),
                link_key=bytes.fromhex(keys.link_key),
                floor=self._number("pendant.floor", section.id, -1),
                life=self._number("pendant.life", section.id, 0),
            )
            link = PendantLink(paired, config.hub.id, self, ports.clock, self._fact, self._wall)
            self._pendants[section.id] = _Pendant(section, link)
        self._by_address = {p.section.address: p for p in self._pendants.values()}

    def recall(self) -> None:
        """The state's disk answers late: what it knew of each pendant counts from now on."""
        for name, pendant in self._pendants.items():
            floor = self._number("pendant.floor", name, -1)
            pendant.link.recall(floor, self._number("pendant.life", name, 0))

    @property
    def checked_at_ms(self) -> int | None:
        """The last turn of the radio's loop, for the watchdog."""
        return self._radio.checked_at_ms if self._radio else None

    async def run(self) -> None:
        """Open the adapters and listen until cancelled."""
        adapters = await self._ports.adapters()
        self._hub.see("radio", self._hub_id, not adapters, "no adapter")
        if not adapters:
            raise AnbanError(
                Reason.RADIO_DOWN, "This hub has no Bluetooth adapter.", "Plug one in; see `rfkill list`."
            )
        self._radio = Radio(adapters, self._ports.clock, self._advert, self._radio_fact)
        self._radio.listeners += self.listeners
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._radio.run())
            tasks.create_task(self._keep())
            tasks.create_task(self._look())

    # --- the radio, as the links see it: it may be restarted below them ---

    def request(self, *args: Any) -> None:
        """See Radio.request; without a radio the link asks again with the next advert."""
        if self._radio is not None:
            self._radio.request(*args)

    def withdraw(self, address: str) -> None:
        """See Radio.withdraw."""
        if self._radio is not None:
            self._radio.withdraw(address)

    # --- to the pendants ---

    def tell(self, stage: PendantStage) -> None:
        """Bring a stage to the pendant that pressed."""
        pendant = self._pendants.get(stage.device)
        if pendant is not None:
            pendant.link.tell(stage.event_id.life, stage.event_id.number, stage.stage, stage.answered)

    def ask(self, question: Question) -> None:
        """Let a pendant buzz the question."""
        pendant = self._pendants.get(question.device)
        if pendant is not None:
            pendant.link.ask(question.times)

    # --- from the pendants ---

    def _advert(self, advert: Advert) -> None:
        pendant = self._by_address.get(advert.address)
        if pendant is not None:
            pendant.link.on_advert(advert)

    def _radio_fact(self, fact: RadioFact) -> None:
        down = isinstance(fact, AdapterDown)
        self._hub.see("radio", fact.adapter, down, fact.reason if isinstance(fact, AdapterDown) else "")

    def _fact(self, fact: PendantFact) -> None:
        pendant = self._pendants[fact.device]
        if isinstance(fact, PressHeard):
            self._press(pendant, fact)
        elif isinstance(fact, HeartbeatHeard):
            self._sign(pendant, fact.rssi, fact.battery_pct)
        elif isinstance(fact, StatusLearned):
            self._store("pendant.life", fact.device, fact.life)
            self._sign(pendant, fact.rssi, fact.battery_pct)
            self._hub.see("pendant_falls", fact.device, bool(fact.faults & FAULT_ACCELEROMETER))
            self._hub.see("pendant_flash", fact.device, bool(fact.faults & ~FAULT_ACCELEROMETER))
        elif isinstance(fact, FallNoted):
            self._weigh(pendant, fact)
        elif isinstance(fact, FallWalks):
            self._walks(fact)
        elif isinstance(fact, FallAnswered):
            self._elsewhere.answered(EventId(fact.device, fact.life, fact.number), fact.hub)
        elif isinstance(fact, FloorRaised):
            self._store("pendant.floor", fact.device, fact.counter)
        elif isinstance(fact, ReplaySuspected):
            pendant.suspected_ms = self._ports.clock.monotonic_ms()
            self._hub.see("replay", fact.device, True, fact.reason)
        elif isinstance(fact, StageConfirmed):
            log.info("%s shows stage %d of press %d", fact.device, fact.stage, fact.number)
        elif isinstance(fact, LinkRefused):
            log.warning("%s: refused %s, %d times so far", fact.device, fact.reason, fact.count)

    def _press(self, pendant: _Pendant, press: PressHeard) -> None:
        """A press is a call at once; who pressed is who wears the pendant, wherever it is heard."""
        age_ms = press.age_ms + max(0, self._ports.clock.monotonic_ms() - press.heard_ms)
        self._sign(pendant, press.rssi, None)
        kind = KINDS.get(press.meaning, "call.sos")
        event_id = self._hub.call(
            kind,
            "pendant",
            elder=pendant.section.elder,
            device=press.device,
            room=pendant.section.room,
            event_id=self._id_of(press, kind),
            data={"source": "pendant", "press": press.number},
            stages={"heard": age_ms},
            age_ms=age_ms,
        )
        self._elsewhere.heard(event_id)

    def _weigh(self, pendant: _Pendant, fact: FallNoted) -> None:
        """What the fall was like comes after it: how sure it is goes with the call."""
        weighed = self._weighing.take(
            self._told_as(fact),
            fact.note,
            lambda: self.in_bed(pendant.section.elder),
            lambda: charging(pendant.signs, self._ports.clock.monotonic_ms()),
            lambda: often(self._hub.book, fact.device, self._hub.mint.stamp()),
        )
        log.info("%s: fall %d weighed: %s", fact.device, fact.number, weighed)

    def _walks(self, fact: FallWalks) -> None:
        """Whoever fell walks again: a reason to ask once more, told once of each fall and to the seat too."""
        call = find(self._hub.book, self._told_as(fact))
        if call is None or call.life not in (Life.ASKING, Life.OPEN) or walks(call) is not None:
            return
        log.info("%s: whoever fell (%d) walks again", fact.device, fact.number)
        self._hub.update(call.id, WALKS, "rule")

    def _told_as(self, fact: FallNoted | FallWalks) -> EventId:
        """The id under which a fall went out: without a life if it was told before that was known."""
        without = EventId(fact.device, 0, fact.number)
        return without if without in self._hub.book.index else EventId(fact.device, fact.life, fact.number)

    def _id_of(self, press: PressHeard, kind: str) -> EventId:
        """Its id; that without a life if it went out under that, by an earlier run of this hub too."""
        without = EventId(press.device, 0, press.number)
        call = find(self._hub.book, without)
        known = call.presses.get(without) if call else None
        if known is not None and known.lane <= EVENT_KINDS[kind].lane:
            return without
        return EventId(press.device, press.life, press.number)

    def _sign(self, pendant: _Pendant, rssi: int | None, battery_pct: int | None) -> None:
        now_ms = self._ports.clock.monotonic_ms()
        pendant.heard_ms = now_ms
        pendant.rssi = rssi if rssi is not None else pendant.rssi
        self._hub.see("pendant_silent", pendant.section.id, False)
        if battery_pct is None:
            return
        pendant.battery_pct = battery_pct
        pendant.signs.append(Sign(now_ms, pendant.rssi or 0, battery_pct))
        self._hub.see("pendant_battery", pendant.section.id, battery_pct <= LOW_PCT)

    def _wall(self) -> tuple[int, bool]:
        return self._ports.clock.wall_ms(), self._ports.clock.trusted()

    # --- once a minute ---

    async def _look(self) -> None:
        """Notice silent pendants, and forget suspicions that were not repeated."""
        began_ms = self._ports.clock.monotonic_ms()
        while True:
            await asyncio.sleep(LOOK_S)
            now_ms = self._ports.clock.monotonic_ms()
            heard = [p.heard_ms for p in self._pendants.values() if p.heard_ms is not None]
            for name, pendant in self._pendants.items():
                self._count_falls(name)
                if silent(pendant.heard_ms or began_ms, now_ms):
                    cause = silent_cause(tuple(pendant.signs), now_ms, max(heard, default=None))
                    self._hub.see("pendant_silent", name, True, cause)
                if pendant.suspected_ms is not None and now_ms - pendant.suspected_ms > SUSPICION_MS:
                    pendant.suspected_ms = None
                    self._hub.see("replay", name, False)

    def _count_falls(self, name: str) -> None:
        """Falls that nobody answered or had to go to: too many a day are a fault, and asked about twice."""
        many = often(self._hub.book, name, self._hub.mint.stamp())
        self._hub.see("falls_often", name, many, "asked twice before a call" if many else "")

    # --- state.db ---

    def _number(self, space: str, name: str, default: int) -> int:
        raw = self._state.get(space, name)
        return default if raw is None else int.from_bytes(raw, "big")

    def _store(self, space: str, name: str, number: int) -> None:
        self._changed[space, name] = number.to_bytes(4, "big")
        self._keeping.set()

    async def _keep(self) -> None:
        """Write what was learned, off the loop; what a dead disk refuses is written with the next."""
        while True:
            await self._keeping.wait()
            self._keeping.clear()
            changed, self._changed = self._changed, {}
            try:
                await in_thread("pendants", self._state.put_all, changed)
            except (StoreError, RuntimeError) as error:
                log.warning("pendants' counters are not kept: %s", error)
                self._changed = {**changed, **self._changed}

    def devices(self) -> list[dict[str, Any]]:
        """Rows for people: when last heard, with which signal and battery. Nothing stale is current."""
        now_ms = self._ports.clock.monotonic_ms()
        return [
            {
                "id": name,
                "elder": pendant.section.elder,
                "room": pendant.section.room,
                "heard_age_s": None if pendant.heard_ms is None else (now_ms - pendant.heard_ms) / 1000,
                "rssi_dbm": pendant.rssi,
                "battery_pct": pendant.battery_pct,
                "life": f"{pendant.link.life:08x}" if pendant.link.life else "",
                "kind": "pendant",
            }
            for name, pendant in self._pendants.items()
        ]
