"""The loop of the pendant: key, clock and hub go into the core, its effects go out, then the chip sleeps.

One loop and no other task, so that the watchdog is fed by progress: a pass that came to its end, with the
radio carrying what it should. The order at a press is advert, then flash and RTC memory, then the buzz. The
application is the same bytes on the chip and on the unix port; everything of the board comes from `board`.
"""

import asyncio
import gc

from drivers.pendant import battery
from drivers.pendant.buzz import Buzzer
from drivers.pendant.clock import Clock
from drivers.pendant.key import Key
from drivers.pendant.led import Light
from firmware.pendant import presses, schedule, surface
from firmware.pendant.core import AIR, FEEL, STORE, Core
from firmware.pendant.falls import Falls
from firmware.pendant.radio import CONFIRMED, CONNECTED, DISCONNECTED, WROTE, Radio
from firmware.pendant.store import Store
from protocols.link import keys
from protocols.link.advert import AdvertBuilder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.pendant.hublink import HubLink

MIN_SLEEP_MS = 2000  # a boot costs about 24 mC, idling 25 mA: below a second or two sleeping gains nothing
BOOT_MS = 500  # wake this much before something is due (0.3-0.6 s from wake to first advert)
LONGEST_WAIT_MS = 2000  # a pass at least this often, well below the watchdog
# Longer than a slow boot with radio start and a formatted flash; shorter than anyone waits.
WATCHDOG_MS = 10000
SILENT_MS = 5000  # a press not carried by the radio for this long is no progress
NAP_MS = 20  # to light sleep and back takes a millisecond
RADIO_RETRY_MS = 1000
STORE_RETRY_MS = 5000
UNREAD_RETRY_MS = 300000  # asleep, with presses perhaps waiting in a flash that could not be read: 7 C a day
BATTERY_EVERY_MS = 600000
INFO = b"anban pendant 1"


class App:
    """One pendant from wake to sleep."""

    def __init__(self, board, clock=None) -> None:
        self.board = board
        self._flag = asyncio.ThreadSafeFlag()
        self.clock = clock or Clock(board.power_on_ms())
        self.key = Key(board.key_pin, board.key_down_level, self.clock.now_ms, self._flag.set)
        self._watchdog = board.watchdog(WATCHDOG_MS)  # flash and radio may hang from here on
        self.pendant_id, self._root, preset = board.identity()
        self.store = Store(board.directory, board.rtc, board.random_u32, board.mount, preset)
        self.store.open()
        self.core = Core(self.store.preset, self.store.take_number)
        self.core.wall_offset_ms = self.store.wall_offset_ms
        self.light = Light(board.red_pin, board.green_pin)
        self.buzzer = Buzzer(board.buzzer)
        self.falls = Falls(board)
        self.radio = Radio(self._flag.set, INFO)
        self._builder = None  # type: AdvertBuilder
        self._radio_on = False
        self._radio_due_ms = 0  # when to try the radio again
        self._rests = False  # a blow ended the sleep and the radio was never on since: there may be naps
        self.link: HubLink = None  # made for the first who connects
        self._turn = 0
        self._payload_due_ms = None  # type: int
        self._aired_ms = 0
        self._on_air = False
        self._burst_ms = None  # type: int  # a heartbeat burst began then
        self._burst = schedule.HEARTBEAT
        self._stored = self.store.flash_ok and not self.store.unread  # else flash is tried at once, and again
        self._store_due_ms = 0
        self._unfelt = []  # buzzes that wait until the press is on the air or in flash
        self._battery_pct = 100
        self._battery_due_ms = 0

    # -- start

    def start(self) -> None:
        """From wake to the first advert; nothing that can wait happens before it."""
        now = self.clock.now_ms()
        cause = self.board.wake_cause()
        if self.store.book:
            try:
                self.core.restore(self.store.book, now, self.store.same_clock)
            except ValueError:
                self.store.counters_lost = True
        if self.store.unfelt:  # a reset came while the press was being stored: felt on the air, then stored
            self._unfelt.append(surface.PRESSED)
            self._stored = False
            self._store_due_ms = now + STORE_RETRY_MS
        effects = self._first_effects(cause, now)
        wanted = effects or self.core.book.presses or self._busy()
        if cause == "motion" and self.board.naps and not wanted:
            self._rests = True
            gc.collect()
        else:
            self._start_radio(now)
        self.perform(effects)
        self.falls.start(now, cause == "motion")
        if cause == "watchdog":
            self.store.watchdog = True
            self.beat_now()
        gc.collect()

    def _first_effects(self, cause: str, now: int) -> list:
        down = self.key.is_down()
        if self.store.stuck:
            self.store.stuck = False
            if cause == "key" and down:  # its release woke the chip: who holds it now has pressed meanwhile
                self.store.owe_wake(True)
                return self.core.pressed_anew(now - self.board.since_wake_ms(), now)
            return self.core.resume_stuck(down, now)
        if cause not in ("key", "timer", "motion") and now < self.store.slept_until_ms - BOOT_MS:
            # it woke before its time and died before it could say that it was the key
            self.store.wake_owed = True
        if cause == "key" or self.store.wake_owed:
            self.store.owe_wake(True)
            edge_ms = now - (self.board.since_wake_ms() if cause == "key" else 0)
            return self.core.wake(edge_ms, down, now)
        if down:
            return self.core.key(True, now)
        return []

    def _start_radio(self, now: int) -> None:
        if self._rests:
            self._rests = False
            gc.collect()  # what the looks have left lies between what is to stay
        try:
            self.radio.start()
        except OSError:
            self._radio_on = False
            self._radio_due_ms = now + RADIO_RETRY_MS
            return
        self._builder = AdvertBuilder(keys.advert_key(self._root), self.radio.address)
        self._radio_on = True
        self._payload_due_ms = now

    # -- effects

    def perform(self, effects: list) -> None:
        """Carries effects out in their order."""
        for effect in effects:
            what = effect[0]
            if what == AIR:
                self._turn = 0
                self._payload_due_ms = self.clock.now_ms()
                self._air(self._payload_due_ms)
            elif what == STORE:
                self._commit((FEEL, surface.PRESSED) in effects)
            elif what == FEEL:
                self._feel(effect[1])

    def _commit(self, pressed: bool = False) -> None:
        now = self.clock.now_ms()
        self._stored = self.store.commit(self.core.book.pack(now), pressed)
        self._store_due_ms = now + STORE_RETRY_MS

    def _feel(self, buzz: int) -> None:
        if buzz == surface.PRESSED and not self._stored and not self._on_air:
            self._unfelt.append(buzz)
        else:
            self.buzzer.play(surface.BUZZES[buzz], surface.OVERTAKEN[buzz])

    # -- the air

    def _air(self, now: int) -> None:
        """Puts the right payload on the air, or nothing."""
        if not (self._radio_on or self._rests):
            return
        press, interval, change = self.core.book.on_air(now, self._turn)
        if press is None or not interval:
            burst = self._heartbeat_interval(now)
            if burst:
                press, interval, change = None, burst, None
        if not interval:
            if self._on_air:
                self.radio.silence()
                self._on_air = False
            self._payload_due_ms = None if change is None else now + change
            return
        if self._rests:
            self._start_radio(now)
            if not self._radio_on:
                return
        meaning, number, age = (0, 0, 0)
        if press is not None:
            meaning, number, age = self._meaning(press), press.number, now - press.pressed_ms
            self.store.heartbeat_ms = now  # heard or not, this says as much as a heartbeat
        store = self.store
        payload = self._builder.build(
            store.take_counter(), store.take_packet_id(), self._battery_pct, meaning, number, age
        )
        self._on_air = self.radio.advertise(payload, interval)
        if self._on_air:
            self._aired_ms = now
        else:
            self._radio_on = False
            self._radio_due_ms = now + RADIO_RETRY_MS
        self._turn += 1
        wait = schedule.PAYLOAD_MS if change is None else min(schedule.PAYLOAD_MS, change)
        self._payload_due_ms = now + wait

    def _meaning(self, press) -> int:
        """What the advert says of a press: of the newest fall, too, that its wearer has walked since."""
        if press.meaning != presses.FALL or not self.falls.walks:
            return press.meaning
        newest = [p.number for p in self.core.book.presses if p.meaning == presses.FALL][-1]
        return presses.FALL_WALKS if press.number == newest else presses.FALL

    def _heartbeat_interval(self, now: int) -> int:
        if self._burst_ms is None:
            return 0
        interval, _ = schedule.pace(self._burst, now - self._burst_ms)
        if not interval:
            self._burst_ms = None
        return interval

    def _heartbeat(self, now: int) -> int:
        """Begins a burst when one is due; when the next is due."""
        store = self.store
        if self._burst_ms is None and now >= store.heartbeat_ms + schedule.HEARTBEAT_PERIOD_MS:
            store.heartbeat_ms = now
            self._burst_ms = now
            proof = now >= store.proof_ms + schedule.PROOF_PERIOD_MS
            self._burst = schedule.PROOF if proof else schedule.HEARTBEAT
            self._payload_due_ms = now
        return store.heartbeat_ms + schedule.HEARTBEAT_PERIOD_MS

    def proved(self, now: int) -> None:
        """A hub has proved itself over a connection: the way of the acks works, no burst need go on."""
        self.store.proof_ms = now
        self.store.heartbeat_ms = now
        self._burst_ms = None

    def beat_now(self) -> None:
        """A heartbeat at once: something has changed that the hub should know."""
        self.store.heartbeat_ms = -schedule.HEARTBEAT_PERIOD_MS

    # -- the hub

    def _hub(self, now: int) -> None:
        notes = self.radio.notes()
        if not notes and not self.link:
            return
        if self.link is None:
            for part in ("protocols.link.messages", "protocols.link.session", "firmware.pendant.peers"):
                gc.collect()  # what is left of loading lies between what is to stay: the largest first
                __import__(part)
            from firmware.pendant.hublink import HubLink  # not before somebody connects: boot stays short

            self.link = HubLink(self, self._root)
        for event, conn, value in notes:
            if event == CONNECTED:
                self.link.connected(conn, now)
            elif event == DISCONNECTED:
                self.link.disconnected(conn)
            elif event == WROTE:
                self.link.wrote(conn, value, now)
            elif event == CONFIRMED:
                self.link.confirmed(conn, value)
        self.link.step(now)

    def faults(self) -> int:
        """FAULT_ bits of protocols/link/const.py."""
        store = self.store
        return (
            (0 if store.flash_ok else 1)
            | (2 if self._battery_pct <= battery.LOW_PCT else 0)
            | (4 if self.core.gesture.stuck else 0)
            | (8 if store.counters_lost else 0)
            | (16 if store.watchdog else 0)
            | (32 if store.never_heard else 0)
            | (64 if self.falls.broken else 0)
        )

    def configure(self, preset: int, language: str) -> bool:
        """The hub sets preset and language; False when flash does not hold it."""
        self.core.gesture.preset = preset
        return self.store.configure(preset, language)

    def battery_pct(self) -> int:
        """As last measured."""
        return self._battery_pct

    # -- the loop

    def turn(self) -> int:
        """One pass; milliseconds until the next one is due."""
        now = self.clock.now_ms()
        faults = self.faults()
        for down, at_ms in self.key.drain():
            self.perform(self.core.key(down, at_ms))
        walked = self.falls.walks
        if self.falls.step(now):
            self.perform(self.core.fall(now))
            self.falls.watch(now)
        elif self.falls.walks and not walked:
            self._payload_due_ms = now
        self._hub(now)
        self.perform(self.core.tick(now))
        if self._rests and self.core.gesture.down:  # whatever it comes to mean, it will be sent
            self._start_radio(now)
        if self._battery_due_ms <= now:
            self._battery_pct = battery.percent(self.board.battery_mv())
            self._battery_due_ms = now + BATTERY_EVERY_MS
        if self.core.book.low_buzzes:
            self.store.never_heard = True
        if self.faults() & ~faults & 0x5F or (faults & ~self.faults() & 4):
            self.beat_now()
        heartbeat = self._heartbeat(now)
        if not (self._radio_on or self._rests) and now >= self._radio_due_ms:
            self._restart_radio(now)
        if self._payload_due_ms is not None and now >= self._payload_due_ms:
            self._air(now)
        self._settle(now)
        self.light.show(surface.LIGHTS[self.core.light(now)], now)
        return self._rest(now, heartbeat)

    def _restart_radio(self, now: int) -> None:
        try:
            self.radio.stop()
        except OSError:
            pass
        self._start_radio(now)

    def _settle(self, now: int) -> None:
        """What waited: buzzes for a press that is safe by now, a flash that failed, the next blocks."""
        if not self._stored and now >= self._store_due_ms:
            self._commit()
        if self._unfelt and (self._stored or self._on_air):
            for buzz in self._unfelt:
                self.buzzer.play(surface.BUZZES[buzz], surface.OVERTAKEN[buzz])
            self._unfelt = []
        if not self._unfelt:  # what is to be felt begins in this pass
            self.store.felt()
        if self.store.wake_owed and not (self._rests or self._busy()):
            self.store.owe_wake(False)
        if self.store.found_book:
            self._join_found(now)
        self.store.reserve_ahead()

    def _join_found(self, now: int) -> None:
        found, self.store.found_book = self.store.found_book, b""
        try:
            if self.core.book.merge(found, now):
                self.core.gesture.open = True
                self.perform([(AIR,), (STORE,)])
        except ValueError:
            pass

    def _rest(self, now: int, heartbeat: int) -> int:
        """Feeds the watchdog if there was progress; sleeps deeply if it may; else says how long to wait."""
        dues = [self.core.next_ms(now), self._payload_due_ms, heartbeat]
        if self._progress(now):
            self._watchdog.feed()
        if self.store.unread:
            dues.append(now + UNREAD_RETRY_MS)
        gap = min(due for due in dues if due is not None) - now
        if gap >= MIN_SLEEP_MS and self._idle() and self.falls.quiet(now):
            self._sleep(now, gap)
        link_ms = self.link.next_ms() if self.link else None
        for due in (self.light.step(now), self.buzzer.step(now), self.falls.next_ms(), link_ms):
            if due is not None:
                gap = min(gap, due - now)
        if not (self._radio_on or self._rests):
            gap = min(gap, self._radio_due_ms - now)
        return max(0, min(gap, LONGEST_WAIT_MS))

    def _progress(self, now: int) -> bool:
        press, interval, _ = self.core.book.on_air(now, 0)
        return press is None or not interval or now - self._aired_ms < SILENT_MS

    def _idle(self) -> bool:
        gesture = self.core.gesture
        return (
            not (self.link and len(self.link))
            and (not gesture.down or gesture.stuck)
            and gesture.next_ms() is None
            and not self.key.waiting()
            and not self.buzzer.busy()
            and not self._on_air
            and not self._unfelt
            and (self._radio_on or self._rests)
        )

    def _busy(self) -> bool:
        """The key is down, or what it means is not decided yet."""
        return self.key.is_down() or self.key.waiting() or self.core.gesture.next_ms() is not None

    def doze(self, wait_ms: int) -> int:
        """Light sleep until something is due, if only the accelerometer is waited for; what is left to wait.

        A reset in it is taken for the key's: nothing else can tell of a press that was on its way.
        """
        if wait_ms < NAP_MS or not self._rests or self._busy():
            return wait_ms
        if not (self._idle() and self._stored):
            return wait_ms
        self.store.owe_wake(True)
        before = self.clock.now_ms()
        self.board.light_sleep(wait_ms)
        self.key.woke()
        return max(0, wait_ms - (self.clock.now_ms() - before))

    def _sleep(self, now: int, gap: int) -> None:
        """Deep sleep: the program ends here and begins anew at the key or the timer."""
        store = self.store
        store.stuck = self.core.gesture.stuck
        store.wake_owed = False
        store.book = self.core.book.pack(now)
        store.keep(now + gap - BOOT_MS)
        self.light.off()
        self.board.deep_sleep(gap - BOOT_MS, not store.stuck, self.falls.wakes())

    async def run(self) -> None:
        """For ever, or until the chip sleeps."""
        while True:
            wait_ms = self.doze(self.turn())
            try:
                await asyncio.wait_for_ms(self._flag.wait(), wait_ms)
            except asyncio.TimeoutError:
                pass
