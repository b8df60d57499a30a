"""The hub's side of one pendant: judges its adverts, connects when there is a reason, tells what it learns.

Fresh adverts are facts at once; an authentic one with an old counter is challenged over GATT and accepted on
proof of life; everything else is refused and counted (judge.py). Reasons to connect: a press whose STATUS has
not been read, something owed (owed.py), a challenge, twice a day the proof that the acks' way works, and
heartbeats while it asks about a fall: the pendant has let go of it, and may know why (FallAnswered).
Nothing is stored here: what must survive is told as facts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from drivers.ble.exchange import Exchange
from drivers.ble.facts import (
    AskConfirmed,
    CallStateConfirmed,
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
from drivers.ble.heard import UNTOLD, Heard, lane_of
from drivers.ble.judge import AdvertJudge, Challenge, Fresh, Reading, Refused
from drivers.ble.link import Link, RadioPort
from drivers.ble.owed import Message, Owed, WallClock
from drivers.ble.ports import Advert, Clock
from drivers.waiting import any_came
from protocols.errors import AnbanError, Reason
from protocols.link import messages
from protocols.link.const import (
    BTHOME_UUID,
    MEANING_FALL,
    MEANING_FALL_WALKS,
    MEANING_NONE,
    SERVICE_UUID,
    STAGE_ARRIVED,
    STAGE_CLOSED,
    STAGE_DELIVERED,
    STAGE_HEARD,
    STAGE_TAKEN,
)
from protocols.values import Lane

PROOF_EVERY_MS: Final = 11 * 3_600_000  # the pendant offers itself every 12 h
HEARTBEAT_MS: Final = 30_000  # a burst of 3 s is one heartbeat
FLOOR_MS: Final = 10_000
SUSPECT_MS: Final = 60_000  # the same suspicion is told at most so often
LOOK_AGAIN_MS: Final = 2_000  # after a STATUS, while the hub asks about a fall and heartbeats come
RETRY_MS: Final = (250, 500, 1_000, 2_000, 5_000)  # after conversations that failed


@dataclass(frozen=True, slots=True)
class Paired:
    """A pendant of this hub. The keys are secret, 16 bytes each, made of its root key, which no hub has
    (protocols/link/keys.py). `floor` -1 and `life` 0: nothing is known yet."""

    id: str
    address: str
    advert_key: bytes = field(repr=False)
    link_key: bytes = field(repr=False)
    floor: int = -1
    life: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """What a test may shorten, in seconds."""

    life_wait_s: float = 1.5  # a press whose life is unknown waits so long for STATUS
    stay_s: float = 6.0  # on the link, for `delivered`
    linger_s: float = 0.3  # when nothing more is expected
    proof_s: float = 30.0  # a challenge that nobody answers is a suspicion then


class PendantLink:
    """One pendant. Lives on the loop; `on_fact` is called at once and must not block."""

    def __init__(
        self,
        paired: Paired,
        hub_id: str,
        radio: RadioPort,
        clock: Clock,
        on_fact: Callable[[PendantFact], None],
        wall: WallClock | None = None,
        timing: Timing = Timing(),
    ) -> None:
        self.id, self.address = paired.id, paired.address
        self.owed, self._heard = Owed(), Heard(paired.id, paired.life, self._new)
        self._hub_id, self._radio, self._clock, self._on_fact = hub_id, radio, clock, on_fact
        self._wall, self._timing = wall, timing
        self._key = paired.link_key
        mac = bytes.fromhex(paired.address.replace(":", ""))
        self._judge = AdvertJudge(paired.advert_key, mac, paired.floor)
        self._unread: dict[int, int] = {}  # number -> lane: heard, and not yet read in a STATUS
        self._walks = -1  # of the last fall whose wearer walks again
        self._asking = self._let_go = False  # the hub asks; the pendant is heard to hold no press any more
        self._open: set[int] = set()  # numbers that the pendant holds open, as far as is known
        self._refused: dict[str, int] = {}
        self._suspected: dict[str, int] = {}
        self._heartbeat_ms = self._floor_ms = self._proof_ms = -(10**12)
        self._rssi: int | None = None
        self._asked = False
        self._talking = False
        self._failures = 0
        self._not_before_ms = 0
        self._wake = asyncio.Event()

    @property
    def life(self) -> int:
        """The life of the pendant's counters, 32 bits; 0 while it is not known."""
        return self._heard.life

    # ---- what the hub wants told ----

    def recall(self, floor: int, life: int) -> None:
        """What a disk that answers late knew of this pendant: `floor` as in `Paired`; `life` unless known."""
        self._judge.recall(floor)
        self._heard.life = self.life or life

    def tell(self, life: int, number: int, stage: int, answered: bool = False) -> None:
        """A press has come so far; HEARD only when it is on disk. Repeating is harmless. `answered`: it is
        CANCELLED because this hub's question was.

        An ACK carries a press up to DELIVERED and ends it (CLOSED, CANCELLED); that a person has taken the
        call, or is there, is the state of the call: the pendant shows it once for all its presses.
        """
        lane = self._heard.lane(number)
        of_call = STAGE_TAKEN <= stage <= STAGE_ARRIVED
        self.owed.stage(life, number, STAGE_DELIVERED if of_call else stage, lane, answered)
        if of_call:
            self.owed.call_state(stage, lane)
        elif stage < STAGE_CLOSED:
            self.owed.call_falls(lane)
        self._stir()

    def call_state(self, stage: int, lane: int) -> None:
        """How far the elder's calls, taken together, have come."""
        self.owed.call_state(stage, lane)
        self._stir()

    def ask(self, round_number: int, lane: int = Lane.ASSIST) -> None:
        """Buzz "are you all right?" (0: ask no more)."""
        self._asking = bool(round_number)
        self._let_go = self._let_go and self._asking
        if round_number:
            self.owed.ask(round_number, lane)
        else:
            self.owed.ask_no_more()
        self._stir()

    def configure(self, preset: int, language: str) -> None:
        """Told on the next occasion."""
        self.owed.config(preset, language)

    def _stir(self) -> None:
        self._wake.set()
        self._consider()

    # ---- adverts ----

    def on_advert(self, advert: Advert) -> None:
        """One advert under this pendant's address; anything may be in it."""
        data = advert.service_data.get(BTHOME_UUID)
        if data is None:
            return
        verdict = self._judge.judge(data, advert.heard_ms, self._heard.numbers())
        if isinstance(verdict, Refused):
            self._refuse(verdict.reason)
            return
        self._rssi = advert.rssi
        if isinstance(verdict, Fresh):
            self._fresh(verdict.reading)
        elif isinstance(verdict, Challenge):
            loop = asyncio.get_running_loop()
            loop.call_later(self._timing.proof_s, self._unanswered, verdict.reading)
        self._consider()

    def _fresh(self, reading: Reading) -> None:
        now, rssi = reading.heard_ms, self._rssi
        news, walks = False, reading.meaning == MEANING_FALL_WALKS
        if reading.meaning == MEANING_NONE and self._asking and now - self._proof_ms >= LOOK_AGAIN_MS:
            self._let_go = True
        if reading.meaning != MEANING_NONE:
            meaning = MEANING_FALL if walks else reading.meaning
            press = PressHeard(
                self.id, self.life, reading.number, meaning, reading.age_ms, now, rssi, "advert"
            )
            news = self._press(press)
            if walks and self._walks != reading.number and self._heard.meaning(reading.number) != UNTOLD:
                self._walks = reading.number
                self._on_fact(FallWalks(self.id, self.life, reading.number))
        elif now - self._heartbeat_ms >= HEARTBEAT_MS:
            self._heartbeat_ms, news = now, True
            self._on_fact(HeartbeatHeard(self.id, reading.battery_pct, rssi, now))
        if news or now - self._floor_ms >= FLOOR_MS:
            self._floor_ms = now
            self._on_fact(FloorRaised(self.id, reading.counter))

    def _new(self, press: PressHeard) -> None:
        """A press that is news here. It may have come far by another hub; what this one has still to say of
        help was not said of it."""
        if self.owed.told(press.number) < STAGE_HEARD:
            self.owed.call_falls(lane_of(press.meaning))
        self._on_fact(press)

    def _press(self, press: PressHeard) -> bool:
        """A press heard by advert; False when it is known."""
        if not self._heard.is_news(press):
            return False
        self._open.add(press.number)
        if self.owed.told(press.number) < STAGE_HEARD and not (self._talking and self.life):
            self._unread[press.number] = lane_of(press.meaning)
            self._wake.set()
        if self._heard.advert(press):
            loop = asyncio.get_running_loop()
            loop.call_later(self._timing.life_wait_s, self._heard.overdue, press.number)
        return True

    # ---- refusals and challenges ----

    def _refuse(self, reason: str) -> None:
        count = self._refused[reason] = self._refused.get(reason, 0) + 1
        if count & (count - 1) == 0:
            self._on_fact(LinkRefused(self.id, reason, count))

    def _suspect(self, reason: str, now_ms: int) -> None:
        if now_ms - self._suspected.get(reason, -SUSPECT_MS) >= SUSPECT_MS:
            self._suspected[reason] = now_ms
            self._on_fact(ReplaySuspected(self.id, reason))

    def _unanswered(self, reading: Reading) -> None:
        if self._judge.challenge is reading:
            now = self._clock.monotonic_ms()
            self._suspect("no-proof", now)
            self._judge.close(stood_by=False, now_ms=now)
            self._consider()

    # ---- when to connect ----

    def _need(self, now_ms: int) -> int | None:
        """The lane of the best reason to connect; None without one."""
        lanes = list(self._unread.values())
        if (owed := self.owed.lane()) is not None:
            lanes.append(owed)
        if self._judge.challenge:
            lanes.append(lane_of(self._judge.challenge.meaning))
        if self._let_go:
            lanes.append(Lane.ASSIST)
        if now_ms - self._proof_ms >= PROOF_EVERY_MS:
            lanes.append(Lane.TELEMETRY)
        return min(lanes, default=None)

    def _consider(self) -> None:
        if self._talking:
            return
        now = self._clock.monotonic_ms()
        lane = self._need(now)
        if lane is None:
            if self._asked:
                self._asked = False
                self._radio.withdraw(self.address)
        elif now >= self._not_before_ms:  # with every advert: the radio may have been started anew below us
            self._asked = True
            self._radio.request(self.address, lane, [SERVICE_UUID], self.exchange)

    # ---- the conversation ----

    async def exchange(self, link: Link) -> None:
        """Work for a link that the radio has made: prove, read STATUS, tell what is owed, stay for more."""
        self._talking, self._asked = True, False
        talk = Exchange(link, self._key, self._hub_id, self.id)
        try:
            self._learn(await talk.open())
            self._failures = 0
            await self._converse(talk)
        except AnbanError as e:
            self._failed(e)
        finally:
            for name, count in talk.refused.report().items():
                for _ in range(min(count, 64)):
                    self._refuse(name)
            self._talking = False
            self._consider()

    def _failed(self, error: AnbanError) -> None:
        now = self._clock.monotonic_ms()
        self._not_before_ms = now + RETRY_MS[min(self._failures, len(RETRY_MS) - 1)]
        self._failures += 1
        if error.reason is Reason.LINK_REFUSED and self._judge.challenge:
            self._suspect("bad-proof", now)

    def _learn(self, status: messages.Status) -> None:
        now = self._clock.monotonic_ms()
        self._proof_ms, self._let_go = now, False
        self._on_fact(StatusLearned.of(self.id, status, self._rssi))
        late = self._judge.challenge.number if self._judge.challenge else None
        for press in status.presses:
            self._unread.pop(press.number, None)
        self._heard.status(status, now, self._rssi, late)
        self._open = {p.number for p in status.presses if p.stage < STAGE_CLOSED}
        if status.open_count <= len(status.presses):
            self._unread.clear()
            self.owed.held(status.life, {p.number for p in status.presses})
        if self._judge.decide(status, now) is False:
            self._suspect("not-open", now)
        if self._judge.behind(status):
            self.owed.floor(self._judge.floor)

    async def _converse(self, talk: Exchange) -> None:
        told_time = False
        while True:
            self._noted(talk)
            message: Message | None = self.owed.next()
            if message is None and not told_time and self._wall:
                told_time = True
                wall_ms, trusted = self._wall()
                message = messages.Time(wall_ms, trusted) if trusted else None
            if message is not None:
                self._answered(message, await talk.say(message))
            elif self._unread or self._judge.challenge:
                self._unread.clear()
                self._learn(await talk.status())
                self._give_up()
            elif not await self._more(talk):
                return

    def _noted(self, talk: Exchange) -> None:
        for fall in talk.falls:
            self._on_fact(FallNoted(self.id, self.life, fall.number, fall.note))
        talk.falls.clear()
        for word in talk.answered:
            if word.hub != self._hub_id:
                self._on_fact(FallAnswered(self.id, word.life, word.number, word.hub))
        talk.answered.clear()

    def _give_up(self) -> None:
        """Read twice, and the challenged press is still not among what fits: not stood by."""
        if self._judge.challenge:
            now = self._clock.monotonic_ms()
            self._suspect("not-open", now)
            self._judge.close(stood_by=False, now_ms=now)

    async def _more(self, talk: Exchange) -> bool:
        """Wait for something to say or to hear; False when the time is over or the link is gone."""
        expected = any(self.owed.told(number) < STAGE_DELIVERED for number in self._open)
        self._wake.clear()
        stays_s = self._timing.stay_s if expected else self._timing.linger_s
        news = await any_came(self._wake, talk.news, talk.link.gone, within_s=stays_s)
        for status in talk.unasked():
            self._learn(status)
        return news and not talk.link.gone.is_set()

    def _answered(self, message: Message, ok: messages.Ok) -> None:
        self.owed.answered(message)
        kept = ok.result == messages.RESULT_DONE
        if ok.result == messages.RESULT_NOT_UNDERSTOOD:
            self._refuse("not-understood")
        elif isinstance(message, messages.Ack):
            self._unread.pop(message.number, None)
            self._on_fact(StageConfirmed(self.id, message.life, message.number, message.stage, kept))
        elif isinstance(message, messages.CallState):
            self._on_fact(CallStateConfirmed(self.id, message.stage, kept))
        elif isinstance(message, messages.Ask):
            self._on_fact(AskConfirmed(self.id, message.round_number))
