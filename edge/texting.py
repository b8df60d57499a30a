"""The hub's texts: its modem kept running, calls out as frames, the platform's receipts in."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import hmac
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from drivers.modem.modem import Modem
from drivers.modem.network_time import NetworkTime
from drivers.modem.port import Opener
from drivers.modem.standing import PinKeeper, Standing
from edge.book import open_calls
from edge.budget import Budget, calls_cap
from edge.config import Config, ContactSection
from edge.config_phones import ModemSection
from edge.credentials import SmsKeys
from edge.delivery import Delivery
from edge.hub import Hub
from edge.network_clock import network_ms
from edge.paths.base import PathError
from edge.paths.sms import Keeping, SmsPath, cap_of
from edge.plan import IP
from edge.stores.state import State
from edge.text_asks import Asks
from edge.text_clock import is_to_ask, time_of
from protocols.errors import AnbanError, Reason
from protocols.kinds import TEST
from protocols.sms_frame import COMMAND, home_of, type_of
from protocols.sms_pdu import Deliver
from protocols.values import Event, Lane, Receipt

log = logging.getLogger(__name__)

PIN: Final = ("sms", "pin")  # the one that is being entered, or was refused
HOUR_MS: Final = 3_600_000
REPLIES_AN_HOUR: Final = 30  # more is no person
NUMBERS_S: Final = 30.0  # between two looks whether numbers of frames have to be reserved
SPEECH: Final = {
    "zh": {Lane.SOS: "紧急求助", Lane.ASSIST: "求助", "call": "请回电", "test": "线路测试"},
    "en": {Lane.SOS: "SOS", Lane.ASSIST: "Help", "call": "call", "test": "test of the line"},
}


class Texting:
    """Made once where the seed has a modem. `path` takes part in the plan; `last_word_ms` is when the
    platform's last receipt came by text, or -1."""

    def __init__(
        self,
        hub: Hub,
        state: State,
        config: Config,
        section: ModemSection,
        keys: SmsKeys,
        open_port: Opener,
    ) -> None:
        self._hub, self._config, self._section = hub, config, section
        self.on_time: Callable[[int], object] = lambda wall_ms: None
        self.on_network_time: Callable[[int], object] = lambda wall_ms: None
        self.modem = Modem(
            open_port,
            self._message,
            on_standing=self._standing,
            alarm=self._alarm,
            pin=pin_keeper(state, keys),
            now_ms=hub.mint.clock.monotonic_ms,
        )
        self.modem.wants_time = lambda: not hub.mint.clock.trusted()
        self.modem.on_time = self._network_time
        now, cap = hub.mint.stamp, cap_of(len(section.platform_numbers))
        self.budget = Budget(state, "texts", section.texts_a_day, now, cap)
        self.calls = Budget(state, "calls", section.calls_a_day, now, calls_cap(section.calls_a_day))
        self._replies: deque[int] = deque()  # when the last ones came
        self.path = SmsPath(
            self.modem,
            section.platform_numbers,
            keys,
            state,
            names=self._names,
            words=self.words,
            now_ms=hub.mint.clock.monotonic_ms,
            boot=hub.mint.clock.boot,
            budget=self.budget,
        )
        self.path.load_window()
        self.asks = Asks(hub, self.path, self._on_disk, self._by_ip)
        self._began_ms = hub.mint.clock.monotonic_ms()
        self._time_asked_ms: int | None = None
        self.delivery: Delivery | None = None
        self.on_receipt: Callable[[Receipt], object] = lambda receipt: None
        self.last_word_ms = -1

    async def run(self) -> None:
        """Keep the modem running, and numbers ahead, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.modem.run(), name="modem")
            group.create_task(self._numbers(), name="text numbers")

    async def _numbers(self) -> None:
        while True:
            await self.path.counters.fill()
            await self._ask_time()
            await asyncio.sleep(NUMBERS_S)

    async def _ask_time(self) -> None:
        """A hub that starts without IP does not know the time: any receipt by text bears it."""
        clock, now_ms = self._hub.mint.clock, self._hub.mint.clock.monotonic_ms()
        asked_ms = self._time_asked_ms
        asked_ago_ms = None if asked_ms is None else now_ms - asked_ms
        up_ms, by_ip = now_ms - self._began_ms, self._by_ip()
        if not self.modem.standing.good or not is_to_ask(
            up_ms, asked_ago_ms, trusted=clock.trusted(), by_ip=by_ip
        ):
            return
        self._time_asked_ms = now_ms
        event = self._hub.mint.event(TEST, self._hub.mint.next_id())
        with contextlib.suppress(AnbanError):
            await self.path.prove(event, self.path.numbers[0])

    def _by_ip(self) -> bool:
        health = {} if self.delivery is None else self.delivery.health
        return any(health[name].good for name in IP if name in health)

    def words(self, event: Event) -> str:
        """What a person reads behind the machine's part: the place before the name."""
        speech = SPEECH[self._config.home.language]
        names = {elder.id: elder.name for elder in self._config.elders}
        at = datetime.datetime.fromtimestamp(
            event.wall_ms / 1000 + self._config.home.utc_offset_minutes * 60, datetime.UTC
        )
        when = f"{at:%H:%M}" if event.clock_trusted else ""
        back = f"{speech['call']} {self._section.number}" if self._section.number else ""
        if event.kind == TEST:
            return f"{self._section.place} {speech['test']}"
        what = speech[Lane.SOS if event.lane is Lane.SOS else Lane.ASSIST]
        parts = (self._section.place, names.get(event.elder, ""), what, when, back)
        return " ".join(part for part in parts if part)

    def _names(self) -> set[str]:
        """Every device whose events this hub may have sent, or be told of."""
        own = {self._hub.mint.origin, *(pendant.id for pendant in self._config.pendants)}
        return own | {event_id.origin for event_id in self._hub.book.index}

    def _alarm(self) -> bool:
        return any(event.lane is Lane.SOS for event in self._hub.events.values())

    def _standing(self, standing: Standing) -> None:
        """The modem was looked at: the plan knows of its way, and what lasts becomes a fault."""
        self._hub.see("modem", self._hub.mint.origin, not standing.good, standing.trouble)
        if self.delivery is not None:
            error = None if standing.good else PathError(Reason.PATH_DOWN, f"the modem: {standing.trouble}")
            self.delivery.polled(self.path, error)

    async def _message(self, message: Deliver) -> bool:
        """A text came; whether the modem may forget it: receipts and replies only when on the disk."""
        writer = self._contact(message.number)
        if writer is not None and home_of(message.text) is None:
            return await self._reply(writer, message.text)
        if type_of(message.text) == COMMAND:
            return await self.asks.take(message.text)
        found = self.path.read(message.text)
        if found is None:
            return True
        receipt, counter = found
        self.on_receipt(receipt)
        if self.delivery is not None:
            self.delivery.acknowledged(receipt)
        if not await self._kept(receipt):
            return False
        await self.path.keep(counter)
        self.last_word_ms = self._hub.mint.clock.monotonic_ms()
        self._take_time(receipt)
        return True

    def _take_time(self, receipt: Receipt) -> None:
        clock = self._hub.mint.clock
        if clock.trusted():
            return
        asked_ms = self.path.first_sent_ms(receipt.about)
        now_ms = time_of(receipt.wall_ms, asked_ms, clock.monotonic_ms(), self._known_ms())
        if now_ms is not None:
            self.on_time(now_ms)

    def _network_time(self, told: NetworkTime) -> None:
        """What the cell network says of the time: for as long as the platform has not told it."""
        now_ms = network_ms(told, self._config.home.utc_offset_minutes * 60, self._known_ms())
        if now_ms is not None:
            self.on_network_time(now_ms)

    def _known_ms(self) -> int:
        """The newest wall time of a call that was confirmed then, or 0."""
        calls = self._hub.book.calls.values()
        return max((call.at.wall_ms for call in calls if call.at.trusted), default=0)

    def _contact(self, number: str) -> ContactSection | None:
        return next((contact for contact in self._config.contacts if contact.number == number), None)

    async def _reply(self, writer: ContactSection, words: str) -> bool:
        """What a relative has texted back: an event and nothing more, for anybody can send in their name."""
        now_ms = self._hub.mint.clock.monotonic_ms()
        while self._replies and now_ms - self._replies[0] >= HOUR_MS:
            self._replies.popleft()
        if len(self._replies) >= REPLIES_AN_HOUR:
            self.path.heard.foreign += 1
            return True
        calls = [
            call for call in open_calls(self._hub.book) if not writer.elders or call.elder in writer.elders
        ]
        data = {"contact": writer.id, "words": "".join(c for c in words if c.isprintable())[:200]}
        if calls:
            data["call"] = str(calls[-1].id)
        kept = await self._on_disk(self._hub.report("contact.replied", data))
        if kept:
            self._replies.append(now_ms)
        return kept

    async def _kept(self, receipt: Receipt) -> bool:
        return await self._on_disk(self._hub.receipt(receipt, self.path.name))

    @staticmethod
    async def _on_disk(commit: asyncio.Future[list[int]] | None) -> bool:
        if commit is None:
            return False
        await asyncio.wait({commit})
        return not commit.cancelled() and commit.exception() is None


def pin_keeper(state: Keeping, keys: SmsKeys) -> PinKeeper:
    """The SIM's PIN and what the state knows of it; that it was refused is known of this PIN alone."""
    if keys.card_pin is None:
        return PinKeeper()
    mark = hmac.new(bytes.fromhex(keys.up_key), keys.card_pin.encode(), hashlib.sha256).digest()
    return PinKeeper(
        keys.card_pin,
        may_try=lambda: state.get(*PIN) != mark,
        tried=lambda: state.put(*PIN, mark),
        worked=lambda: state.put(*PIN, None),
    )


def texting_of(
    hub: Hub, state: State, config: Config, keys: SmsKeys | None, opener: Callable[[str], Opener]
) -> Texting | None:
    """The texts, where the seed has a modem and the credentials what proves texts."""
    if config.modem is None or keys is None:
        return None
    return Texting(hub, state, config, config.modem, keys, opener(config.modem.port))
