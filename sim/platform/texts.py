"""The platform's SMS gateway: its own modem, frames in to the desk, receipts out as frames.

A frame of a home that is not known, of another key, or one that came before, changes nothing and is counted.
An alarm counts however late it is: what is known of it folds on its id. A hub whose newest word came by text
is told by text what its downlink says of its calls; one that asks by IP again is not. What a seat asks of a
hub that is silent by IP goes by text too, until its answer is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivers.modem.modem import Modem
from drivers.modem.port import serial_opener
from protocols import sms_frame
from protocols.errors import AnbanError, Reason
from protocols.kinds import KINDS, TEST
from protocols.sms_frame import ASKS, OUTCOMES, REASONS, UNKNOWN_BATTERY
from protocols.sms_pdu import Deliver
from protocols.values import Command, Event, EventId, Lane, Receipt
from sim.platform.desk import Arrival
from sim.platform.store import Store, now_ms
from sim.platform.text_rows import SmsRow, TextRows

log = logging.getLogger(__name__)

AGAIN_S = (0.0, 5.0, 30.0, 90.0)  # a receipt that could not be sent; a hub that misses one calls again anyway
RELAYED = ("taken", "arrived", "closed", "cancelled")
SILENT_MS = 90_000  # a hub speaks by IP every 60 s: one that has not is asked by text
ASK_AGAIN_S = (0.0, 60.0, 180.0)  # a command, until its answer is there
LOOK_S = 2.0
ROOM = 65_536  # bytes of a hub's downlink that are looked through at once


@dataclass
class Counts:
    """Texts that changed nothing, by why."""

    forged: int = 0
    replayed: int = 0
    foreign: int = 0


class Texts:
    """`heard_by_ip(hub)`: when a hub last asked by IP, Unix ms. Run it as a task."""

    def __init__(self, store: Store, port: Path, heard_by_ip: Callable[[str], int]) -> None:
        self._store, self._heard_by_ip = store, heard_by_ip
        self.modem = Modem(serial_opener(str(port)), self._message)
        self.rows = TextRows(store)
        self.counts = Counts()
        self._texted_ms: dict[str, int] = {}
        self._cursor: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered: set[str] = set()  # commands

    async def run(self) -> None:
        """Until cancelled."""
        await self.modem.run()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    # --- in ---

    async def _message(self, message: Deliver) -> bool:
        """A text came; whether the modem may forget it."""
        home = sms_frame.home_of(message.text)
        row = self.rows.of_home(home) if home is not None else None
        if row is None:
            self.counts.foreign += 1
            return True
        letter = sms_frame.ANSWER if sms_frame.type_of(message.text) == sms_frame.ANSWER else sms_frame.EVENT
        try:
            frame = sms_frame.read(message.text, letter, row.home, row.up_key)
            if isinstance(frame, sms_frame.AnswerFrame):
                return await self._result(frame, row)
            assert isinstance(frame, sms_frame.EventFrame)
            event = self._event(frame, row, message.sent_s)
        except AnbanError as error:
            forged = error.reason is Reason.NOT_AUTHENTIC
            self.counts.forged += forged
            self.counts.foreign += not forged
            log.warning("a text changes nothing: %s", error.sentence)
            return True
        return await self._alarm(event, frame.counter, row)

    async def _alarm(self, event: Event, counter: int, row: SmsRow) -> bool:
        window = sms_frame.Window(row.top, row.mask)
        new = window.take(counter)
        if not new and self.rows.knows(event.id):
            self.counts.replayed += 1
            return True
        if event.kind != TEST:
            self._begin(row.hub)
        try:
            arrival = await self._store.receive([event], row.hub)
            await self.rows.seen(row.home, window.top, window.mask)
        except AnbanError as error:
            log.warning("a text stays in the modem: %s", error.sentence)
            return False
        for receipt in arrival.receipts:
            self._answer(row.hub, receipt)
        return True

    async def _result(self, frame: sms_frame.AnswerFrame, row: SmsRow) -> bool:
        """How a command ended: the same event that comes by IP when there is IP again."""
        window = sms_frame.Window(row.top, row.mask)
        if not window.take(frame.counter):
            self.counts.replayed += 1
            return True
        hub = self._store.register.hubs.get(row.hub)
        event = Event(
            id=sms_frame.id_of(frame, hub.devices if hub is not None else ()),
            kind="command.result",
            lane=Lane.FAULT,
            device=row.hub,
            wall_ms=now_ms(),
            data={
                "command": f"{frame.command:016x}",
                "outcome": OUTCOMES[frame.outcome],
                "reason": REASONS[frame.reason],
                "detail": _detail(frame),
            },
        )
        try:
            await self._store.receive([event], row.hub)
            await self.rows.seen(row.home, window.top, window.mask)
        except AnbanError as error:
            if error.reason not in (Reason.BUSY, Reason.STORAGE_FAILED):
                raise
            return False
        self._answered.add(event.data["command"])
        return True

    def _begin(self, hub: str) -> None:
        """A hub texts: what its downlink says from now on goes by text too."""
        if self._texted_ms.get(hub, 0) <= self._heard_by_ip(hub):
            self._cursor[hub] = self.rows.downlink_top()
        self._texted_ms[hub] = now_ms()

    def _event(self, frame: sms_frame.EventFrame, row: SmsRow, sent_s: int) -> Event:
        """The event of a frame, as far as a text can say. AnbanError for what is not of this home."""
        hub = self._store.register.hubs.get(row.hub)
        devices = hub.devices if hub is not None else frozenset()
        elders = {"", *hub.elders} if hub is not None else {""}
        event_id = sms_frame.id_of(frame, devices)
        kind, change = sms_frame.kind_of(frame.kind)
        sent_ms = sent_s * 1000 if sent_s > 0 else now_ms()
        return Event(
            id=event_id,
            call_id=None if kind == TEST else sms_frame.call_of(frame, devices) or event_id,
            kind=kind,
            lane=KINDS[kind].lane,
            device=event_id.origin,
            wall_ms=max(0, sent_ms - frame.age_s * 1000),
            durable=frame.durable,
            elder=sms_frame.find_name(frame.elder, elders),
            data={"change": change} if change else {},
        )

    # --- out ---

    def arrived(self, arrival: Arrival) -> None:
        """Something was committed: hubs that text are told of their calls."""
        for hub in arrival.hubs:
            if self._texted_ms.get(hub, 0) > self._heard_by_ip(hub):
                for number, item in self.rows.downlink(hub, self._cursor.get(hub, 0), ROOM):
                    self._cursor[hub] = number
                    if isinstance(item, Receipt) and item.stage in RELAYED:
                        self._answer(hub, item)

    def ask(self, hub: str, command: Command) -> None:
        """A command is on a hub's downlink; by text too, as long as the hub is silent by IP."""
        if command.kind in ASKS:
            task = asyncio.create_task(self._ask(hub, command))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, hub: str, command: Command) -> None:
        asked_ms = now_ms()
        for wait_s in ASK_AGAIN_S:
            await asyncio.sleep(wait_s)
            while self._may_ask_by_ip(hub, asked_ms):  # noqa: ASYNC110 - a look at leisure
                await asyncio.sleep(LOOK_S)
            heard_ms = self._heard_by_ip(hub)
            row = self.rows.of_hub(hub)
            over = command.id in self._answered or now_ms() > command.expires_ms
            if over or row is None or heard_ms >= asked_ms:
                return
            try:
                frame = sms_frame.CommandFrame(
                    counter=await self.rows.counter(row.home),
                    ask=ASKS.index(command.kind),
                    command=int(command.id, 16),
                    expires_s=command.expires_ms // 1000,
                )
                await self.modem.send(
                    row.number, sms_frame.write(row.home, row.down_key, frame, command.kind)
                )
            except AnbanError as error:
                log.warning("a command is not texted: %s", error)

    def _may_ask_by_ip(self, hub: str, since_ms: int) -> bool:
        """Whether a hub was heard by IP of late, has not asked since, and has not texted meanwhile."""
        heard_ms = self._heard_by_ip(hub)
        texts = self._texted_ms.get(hub, 0) > heard_ms
        return heard_ms < since_ms and not texts and now_ms() - heard_ms < SILENT_MS

    def _answer(self, hub: str, receipt: Receipt) -> None:
        task = asyncio.create_task(self._send(hub, receipt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, hub: str, receipt: Receipt) -> None:
        """Text one receipt, again after a failure; each try with a number of its own."""
        for wait_s in AGAIN_S:
            await asyncio.sleep(wait_s)
            row = self.rows.of_hub(hub)
            if row is None:
                return
            try:
                frame = _frame(receipt, await self.rows.counter(row.home))
                await self.modem.send(
                    row.number, sms_frame.write(row.home, row.down_key, frame, receipt.stage)
                )
                return
            except AnbanError as error:
                log.warning("a receipt is not texted: %s", error)
                if error.reason is Reason.OUTCOME_UNKNOWN:
                    return  # it may have gone; a hub that misses it calls again


def _frame(receipt: Receipt, counter: int) -> sms_frame.ReceiptFrame:
    return sms_frame.ReceiptFrame(
        counter=counter,
        stage=sms_frame.STAGES.index(receipt.stage),
        origin=sms_frame.name_bits(receipt.about.origin),
        life=receipt.about.life,
        number=receipt.about.number,
        order=receipt.number,
        wall_s=receipt.wall_ms // 1000,
        call=None if receipt.call_id is None else _ref(receipt.call_id),
    )


def _detail(frame: sms_frame.AnswerFrame) -> str:
    """What a person at the seat reads of the home."""
    known = frame.battery < UNKNOWN_BATTERY
    parts = (f"calls {frame.calls}", f"faults {frame.faults}", f"battery {frame.battery} %" if known else "")
    parts += ("mains" if frame.mains else "no mains", "IP works" if frame.ip else "no IP")
    return ", ".join(part for part in parts if part)


def _ref(event_id: EventId) -> tuple[int, int, int]:
    return sms_frame.name_bits(event_id.origin), event_id.life, event_id.number
