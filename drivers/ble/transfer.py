"""What is done on one link to a meter: its clock is set, what it holds is taken and handed on, it is let go.

Each record is handed on in the moment in which it arrives. BlueZ confirms an indication before anybody here
sees it, so a meter may forget a record as soon as it was sent; what the *hub* says to a meter (that the
transfer is over, by ending the link in order) is said only when all of it is durable. If one record is not,
the link ends at once: the rest stays in the meter.

The transfer is over when the meter ends the link, when its memory says so, or after some quiet. A glucose
record whose context follows waits for it: it stays in the meter's memory, which nobody deletes. A sensor with
a session is listened to after its history for as long as the radio has room.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

from drivers.ble import sessions
from drivers.ble.consent import CONTROL, Register
from drivers.ble.meter_facts import (
    Meter,
    MeterConnection,
    MeterFact,
    MeterSeen,
    OnRecord,
    Record,
    Timing,
    WallClock,
    local_moment,
)
from drivers.ble.pairing import Pairing
from drivers.ble.profiles import BATTERY, CURRENT_TIME, DATE_TIME, PROFILES, RECORD_ACCESS, mended
from protocols.errors import AnbanError, Reason
from protocols.gatt import GattError, Moment, decode, encode, uuid128

log = logging.getLogger(__name__)
T = TypeVar("T")
UpTo = tuple[sessions.Session, int]  # a session, and the minute of its last record that is durable

MAX_SEEN: Final = 4096  # records of one connection; a meter holds some hundreds
GLUCOSE, CONTEXT = 0x2A18, 0x2A34
STREAMS: Final = (0x2A37, 0x2A5F)  # a belt's and an oximeter's, one a second while they are worn


class Transfer:
    """One link's work.

    `due` says whether a figure of a stream is kept; `after` is the session, and the minute of it, up to which
    earlier transfers have all of a sensor. When `run` is over, `trouble` names why it failed or is empty,
    `brought` holds every record's bytes, and `after` is as far as all is durable now.
    """

    def __init__(
        self,
        link: MeterConnection,
        meter: Meter,
        pairing: Pairing,
        *,
        on_record: OnRecord,
        on_fact: Callable[[MeterFact], None],
        wall: WallClock,
        timing: Timing,
        due: Callable[[int], bool],
        after: UpTo | None = None,
    ) -> None:
        self._link, self._meter, self._pairing = link, meter, pairing
        self._on_record, self._on_fact, self._wall, self._timing = on_record, on_fact, wall, timing
        self._due, self.after = due, after
        self._profile = PROFILES[meter.profile]
        self._news = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []
        self.brought: set[bytes] = set()
        self._told = 0
        self._held: Record | None = None  # a glucose record whose context follows
        self._register: Register | None = None
        self._session: sessions.Session | None = None
        self._newest = -1  # minutes into its session
        self._done = False  # the memory says that this was all
        self._lost = False  # the disk did not take a record
        self.trouble = ""

    async def run(self) -> None:
        """Begin, take what comes, wait for the disk."""
        try:
            await self._begin()
            if self._register is None:
                await self._listen()
            else:
                await self._for_each(self._register)
        except AnbanError as error:
            if not self._told:  # a meter that switches off after its last record is in order
                self.trouble = str(error.reason)
                log.info("%s: %s", self._meter.id, error)
        self._release()
        if not await self._kept():
            self.trouble = "storage"
        elif self._session is not None and self._done and self._newest >= 0:
            self.after = (self._session, self._newest)

    async def _for_each(self, register: Register) -> None:
        """What a meter holds of one person after the other; a code that it refuses keeps no other's back."""
        for consent in self._meter.consents:
            try:
                await self._step(register.give(self._meter.id, consent))
            except AnbanError as error:
                if error.reason is not Reason.CONSENT_REFUSED:
                    raise
                self.trouble = str(error.reason)
                log.warning("%s", error)
            else:
                await self._listen()

    # ---- the beginning ----

    async def _begin(self) -> None:
        """Bond, clock, battery, subscriptions, memory: in this order, which real meters want."""
        await asyncio.sleep(self._timing.settle_s)
        if self._meter.bond:
            await self._step(self._pairing.bond(self._link), self._timing.pair_s)
            if self._link.gone.is_set():
                raise AnbanError(Reason.BUSY, f"{self._meter.id} is bonded; the next link asks it.")
        await self._perhaps(self._set_clock())
        battery = await self._perhaps(self._read_battery())
        self._on_fact(MeterSeen(self._meter.id, battery))
        known = [uuid for uuid in self._profile.tells if self._link.has(uuid128(uuid))]
        if not known:
            self.trouble = "not-such-a-meter"
        if self._profile.session:
            await self._step(self._find_session())
        for uuid in known:
            on_value = functools.partial(self._value, uuid)
            await self._step(self._link.subscribe(uuid128(uuid), on_value))
        if self._meter.consents and self._link.has(uuid128(CONTROL)):
            self._register = Register(self._link)
            await self._step(self._register.open())
        if self._profile.memory and self._link.has(uuid128(RECORD_ACCESS)):
            await self._step(self._link.subscribe(uuid128(RECORD_ACCESS), self._answer))
            known_min = self.after[1] if self.after is not None and self.after[0] == self._session else None
            await self._step(self._link.write(uuid128(RECORD_ACCESS), sessions.first_request(known_min)))

    async def _step(self, work: Awaitable[T], limit_s: float = 0) -> T:
        try:
            async with asyncio.timeout(limit_s or self._timing.step_s):
                return await work
        except TimeoutError:
            raise AnbanError(Reason.DEVICE_TIMEOUT, f"{self._meter.id} does not answer.") from None

    async def _perhaps(self, work: Awaitable[int | None]) -> int | None:
        """A step that a reading does not depend on."""
        try:
            return await self._step(work)
        except AnbanError as error:
            if self._link.gone.is_set():
                raise
            log.info("%s: %s", self._meter.id, error)
            return None

    async def _set_clock(self) -> None:
        wall_ms, trusted, offset_minutes = self._wall()
        if not trusted:
            return
        now, weekday = local_moment(wall_ms, offset_minutes)
        if self._link.has(uuid128(CURRENT_TIME)):
            # reason 1: manual update (GATT Specification Supplement, Adjust Reason)
            values = {"time": now, "weekday": weekday, "fraction_256ths_s": 0, "reason": 1}
            await self._link.write(uuid128(CURRENT_TIME), encode(CURRENT_TIME, values))
        elif self._link.has(uuid128(DATE_TIME)):
            await self._link.write(uuid128(DATE_TIME), encode(DATE_TIME, {"time": now}))

    async def _find_session(self) -> None:
        """When the sensor's session began. AnbanError where none runs, or nobody knows when it began."""
        feature = decode(sessions.FEATURE, await self._link.read(uuid128(sessions.FEATURE)))
        status = decode(sessions.STATUS, await self._link.read(uuid128(sessions.STATUS)))
        if status["status"] & sessions.STOPPED:
            raise AnbanError(Reason.NO_SESSION, f"{self._meter.id}: its session was not begun.")
        wall_ms, trusted, offset_minutes = self._wall()
        start = await self._read_start(offset_minutes)
        if start is None and trusted:
            now, _ = local_moment(wall_ms, offset_minutes)
            values = sessions.start_values(now, offset_minutes, status["offset_min"], feature["crc"])
            await self._link.write(uuid128(sessions.START), encode(sessions.START, values))
            start = await self._read_start(offset_minutes)
        if start is None:
            raise AnbanError(Reason.NO_SESSION, f"{self._meter.id}: nobody knows when its session began.")
        self._session = sessions.Session(start, feature["crc"])

    async def _read_start(self, offset_minutes: int) -> Moment | None:
        values = decode(sessions.START, await self._link.read(uuid128(sessions.START)))
        return sessions.start_of(values, offset_minutes)

    async def _read_battery(self) -> int | None:
        if not self._link.has(uuid128(BATTERY)):
            return None
        percent = decode(BATTERY, await self._link.read(uuid128(BATTERY)))["percent"]
        return int(percent)

    # ---- what comes ----

    def _value(self, uuid: int, raw: bytes) -> None:
        """A record: handed on at once, whatever it is."""
        self._news.set()
        if self._told >= MAX_SEEN or self._lost:
            return
        if uuid in STREAMS and not self._due(uuid):
            return
        self._told += 1
        self.brought.add(raw)
        meter = self._meter
        try:
            if self._session is not None:
                self._sensed(self._session, uuid, raw)
                return
            record = Record(meter.id, uuid, raw, decode(uuid, mended(meter.quirk, uuid, raw)))
        except GattError as error:
            log.warning("%s: %s", meter.id, error.sentence)
            record = Record(meter.id, uuid, raw, None, error)
        self._ordered(record)

    def _sensed(self, session: sessions.Session, uuid: int, raw: bytes) -> None:
        """A notification of a sensor: each of its records by itself."""
        for own, values in session.records(raw):
            self._newest = max(self._newest, values["offset_min"])
            self._hand_on(Record(self._meter.id, uuid, own, values))

    def _ordered(self, record: Record) -> None:
        """A glucose record waits for the context that it announces; everything else is handed on."""
        values, held = record.values or {}, self._held
        ours = held.values if held is not None and record.uuid == CONTEXT else None
        if held is not None and ours is not None and ours["sequence"] == values.get("sequence"):
            self._held = replace(held, values={**ours, "meal": values.get("meal")})
            self._release()
            return
        self._release()
        if record.uuid == GLUCOSE and values.get("context") == "follows":
            self._held = record
        else:
            self._hand_on(record)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._hand_on(held)

    def _hand_on(self, record: Record) -> None:
        self._waiting.append(asyncio.ensure_future(self._on_record(record)))

    def _answer(self, raw: bytes) -> None:
        """The memory says that all was sent, or that there is nothing."""
        try:
            values = decode(RECORD_ACCESS, raw)
        except GattError as error:
            log.warning("%s: %s", self._meter.id, error.sentence)
            return
        self._done = values["op"] == "response"
        self._release()
        self._news.set()

    async def _listen(self) -> None:
        """Until the meter goes, its memory is done, it is quiet, or the disk refuses."""
        gone: asyncio.Future[bool] = asyncio.ensure_future(self._link.gone.wait())
        try:
            while not self._over and not self._link.gone.is_set() and not self._lost:
                self._news.clear()
                news: asyncio.Future[bool] = asyncio.ensure_future(self._news.wait())
                waits: set[asyncio.Future[bool]] = {news, gone, *(k for k in self._waiting if not k.done())}
                limit_s = self._timing.quiet_s if self._told else self._timing.first_s
                if self._done:
                    limit_s = self._timing.live_s
                try:
                    done, _ = await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    news.cancel()
                if not done:
                    return
                self._look()
        finally:
            gone.cancel()

    @property
    def _over(self) -> bool:
        return (self._done and self._session is None) or self._told >= MAX_SEEN

    def _look(self) -> None:
        """What the disk has said so far."""
        for kept in [kept for kept in self._waiting if kept.done()]:
            self._waiting.remove(kept)
            self._lost = self._lost or bool(kept.exception()) or not kept.result()

    async def _kept(self) -> bool:
        """Whether all of it is durable."""
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=self._timing.kept_s)
        self._look()
        return not self._lost and not self._waiting
