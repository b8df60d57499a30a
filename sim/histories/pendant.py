"""One pendant: the firmware's own core, store and hub link in a shell without chip, on made-up flash and air.

The shell does what `firmware/pendant/app.py` does in the same order (advert, flash, buzz), without its
loop: the world turns it. Payloads change less often than on the chip, which only makes the air quieter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.pendant import schedule, surface
from firmware.pendant.core import AIR, FEEL, STORE, Core
from firmware.pendant.falls import Falls
from firmware.pendant.hublink import HubLink
from firmware.pendant.presses import ARRIVED, DELIVERED, HEARD, NONE, TAKEN
from firmware.pendant.store import Store
from protocols.link import keys
from protocols.link.advert import AdvertBuilder
from protocols.values import EventId
from sim.histories.clockwork import World

STORE_RETRY_MS = 5_000  # as in app.py
FAST_MS, CALM_MS, HEARD_MS = 300, 1_500, 4_000  # between two payloads: unheard and young; unheard; heard


class Flash(Store):
    """The firmware's store on files in memory. `dead`: every operation fails."""

    def __init__(self, files: dict[str, bytes], rtc: Rtc, random_u32: Callable[[], int], preset: int) -> None:
        super().__init__("", rtc, random_u32, None, preset)
        self._files = files
        self.dead = False

    def _read(self, name: str) -> bytes:
        if self.dead:
            raise OSError(5, "flash")
        if name not in self._files:
            raise OSError(2, name)
        return self._files[name]

    def _write(self, name: str, data: bytes) -> bool:
        self.flash_ok = not self.dead
        if not self.dead:
            self._files[name] = data
        return not self.dead


class Rtc:
    """RTC memory: survives deep sleep and resets, not a power cut."""

    def __init__(self) -> None:
        self.data = b""

    def read(self) -> bytes:
        return self.data

    def write(self, data: bytes) -> None:
        self.data = data


class Pendant:
    """A pendant of an elder. The air asks for its payload; whoever connects talks to its hub link."""

    def __init__(self, world: World, name: str, address: str, root: bytes, preset: int) -> None:
        self.world, self.pendant_id, self.address, self.root, self.preset = world, name, address, root, preset
        self.mac6 = bytes.fromhex(address.replace(":", ""))
        self.files: dict[str, bytes] = {}
        self.rtc = Rtc()
        self.flash_dead = False
        self.on = False
        self.made: dict[EventId, int] = {}  # every press that was ever made -> meaning
        self.kept: set[EventId] = set()  # those that flash or a hub has had: they must arrive
        self._held: list[int] = []  # numbers in the book when it was last looked at
        self.counters: dict[int, int] = {}  # life -> last counter on the air, seen from outside
        self.on_air: Callable[[Pendant, bytes], None] = lambda pendant, payload: None
        self.on_send: Callable[[int, bytes], None] = lambda conn, frame: None
        self.on_drop: Callable[[int], None] = lambda conn: None
        self.on_stage: Callable[[Pendant, EventId, int], None] = lambda pendant, event_id, stage: None
        self.generation = 0
        self.power_on()

    # -- power

    def power_on(self) -> None:
        """The battery is in: boot. RTC memory is as it was left (empty after a power cut)."""
        if self.on:
            return
        self.on, self.booted_ms = True, self.world.now_ms
        self.generation += 1
        self.store = Flash(self.files, self.rtc, lambda: self.world.random.getrandbits(32), self.preset)
        self.store.dead = self.flash_dead
        self.store.open()
        self.core = Core(self.store.preset, self.store.take_number)
        if self.store.book:
            self.core.restore(self.store.book, self.now(), self.store.same_clock)
        self.radio = self
        self.falls = Falls(self)  # never started: this pendant has no accelerometer
        self.link = HubLink(self, self.root)
        self._builder = AdvertBuilder(keys.advert_key(self.root), self.mac6)
        self._turn_no = 0
        self._burst_until = 0
        self._stored, self._store_due_ms = self.store.flash_ok and not self.store.unread, 0
        self._schedule(50)

    def power_cut(self) -> None:
        """The battery is out: RTC memory is lost, flash stays."""
        self.on = False
        self.rtc = Rtc()
        self.generation += 1

    def reset(self) -> None:
        """A watchdog reset, or a wake from deep sleep: RTC memory stays."""
        self.on = False
        self.generation += 1
        self.power_on()

    def now(self) -> int:
        """The power-on clock: goes on through resets only as long as RTC memory lives."""
        return self.world.now_ms + 1 if self.rtc.data else self.world.now_ms - self.booted_ms + 1

    # -- what people and hubs do

    def key(self, down: bool) -> None:
        """A raw edge."""
        if self.on:
            self.perform(self.core.key(down, self.now()))
            self._soon()

    def beat(self) -> None:
        """The hourly heartbeat is due."""
        if self.on:
            self._burst_until = self.world.now_ms + 3_000
            self._soon()

    def connected(self, conn: int) -> None:
        if self.on:
            self.link.connected(conn, self.now())

    def wrote(self, conn: int, frame: bytes) -> None:
        if self.on:
            self.link.wrote(conn, frame, self.now())
            self._look()
            self._soon()

    def disconnected(self, conn: int) -> None:
        if self.on:
            self.link.disconnected(conn)

    # -- what HubLink expects of the App

    def perform(self, effects: list[Any]) -> None:
        """Carries effects out in their order."""
        held, now = self._held, self._look()
        gone = [number for number in held if number not in now]
        for effect in effects:
            if effect[0] == AIR:
                self._turn_no = 0
            elif effect[0] == STORE:
                self._commit()
            elif effect[0] == FEEL:
                self._feel(effect[1], gone)

    def _commit(self) -> None:
        self._stored = self.store.commit(self.core.book.pack(self.now()))
        self._store_due_ms = self.now() + STORE_RETRY_MS
        if self._stored:
            self.kept |= {self._id(press.number) for press in self.core.book.presses}

    def _settle(self, now: int) -> None:
        """A flash that failed is tried again; a book that turns up in it joins ours."""
        if not self._stored and now >= self._store_due_ms:
            self._commit()
        found, self.store.found_book = self.store.found_book, b""
        if found and self.core.book.merge(found, now):
            self.core.gesture.open = True
            self.perform([(AIR,), (STORE,)])
        self.store.reserve_ahead()

    def _feel(self, buzz: int, gone: list[int]) -> None:
        """A stage that is felt is believed of every press that is delivered; the end, of those gone too."""
        self.world.note(f"{self.pendant_id} buzzes: {surface.BUZZ_NAMES[buzz]}")
        delivered = [p.number for p in self.core.book.presses if p.stage >= DELIVERED]
        stage = {surface.DELIVERED: DELIVERED, surface.TAKEN: TAKEN, surface.ENDED: ARRIVED}.get(buzz, NONE)
        for number in [*delivered, *gone] if buzz == surface.ENDED else delivered if stage else ():
            self.on_stage(self, self._id(number), stage)

    def _look(self) -> list[int]:
        """Every press in the book is one that was made; every stage is one that was told."""
        self._held = [press.number for press in self.core.book.presses]
        for press in self.core.book.presses:
            event_id = self._id(press.number)
            if self.made.get(event_id, -1) < press.meaning:
                self.made[event_id] = press.meaning
            if press.stage >= HEARD:
                self.kept.add(event_id)
                self.on_stage(self, event_id, press.stage)
        return self._held

    def _id(self, number: int) -> EventId:
        return EventId(self.pendant_id, self.store.life, number)

    def send(self, conn: int, frame: bytes) -> bool:
        """Indicate; confirmed at once by the made-up air."""
        self.on_send(conn, bytes(frame))
        self.world.after(15, self._confirm, conn, self.generation)
        return True

    def _confirm(self, conn: int, generation: int) -> None:
        if self.on and generation == self.generation:
            self.link.confirmed(conn, 0)

    def drop(self, conn: int) -> None:
        self.on_drop(conn)

    def proved(self, now: int) -> None:
        self.store.proof_ms = self.store.heartbeat_ms = now

    def configure(self, preset: int, language: str) -> bool:
        self.core.gesture.preset = preset
        return bool(self.store.configure(preset, language))

    def battery_pct(self) -> int:
        return 80

    def faults(self) -> int:
        return 0 if self.store.flash_ok else 1

    # -- its loop

    def _soon(self) -> None:
        self._schedule(1)

    def _schedule(self, delay_ms: float) -> None:
        self._round = getattr(self, "_round", 0) + 1
        self.world.after(delay_ms, self._turn, self._round)

    def _turn(self, round_: int) -> None:
        """One pass: time, the air, the hub link's patience; and when the next one is due."""
        if round_ != self._round or not self.on:
            return
        now = self.now()
        self.store.dead = self.flash_dead
        self.perform(self.core.tick(now))
        self.link.step(now)
        wait = self._air(now)
        self._settle(now)
        if not self._stored:
            wait = min(wait, STORE_RETRY_MS)
        for due in (self.core.next_ms(now), self.link.next_ms()):
            if due is not None:
                wait = min(wait, due - now)
        self._schedule(max(1, wait))

    def _air(self, now: int) -> float:
        """Puts the present payload on the air; milliseconds until that changes."""
        press, interval, change = self.core.book.on_air(now, self._turn_no)
        if interval and press is not None:
            self._emit(press.meaning, press.number, now - press.pressed_ms)
            if press.stage != NONE:
                return HEARD_MS
            return FAST_MS if now - press.pressed_ms < 30_000 else CALM_MS
        if self.world.now_ms < self._burst_until:
            self._emit(0, 0, 0)
            return CALM_MS
        return 60_000 if change is None else min(change, 60_000)

    def _emit(self, meaning: int, number: int, age: int) -> None:
        self._turn_no += 1
        counter = self.store.take_counter()
        life = self.store.life
        if counter <= self.counters.get(life, -1):
            self.world.note(f"{self.pendant_id} repeats counter {counter}")
            raise AssertionError("I5 counters: an advert counter went back")
        self.counters[life] = counter
        payload = self._builder.build(counter, self.store.take_packet_id(), 80, meaning, number, age)
        self.on_air(self, bytes(payload))


HEARTBEAT_MS = schedule.HEARTBEAT_PERIOD_MS
