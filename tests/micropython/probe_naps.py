"""A pendant that a blow has woken, with its accelerometer's FIFO, on a clock that is turned by hand.

`micropython probe_naps.py NAPS [DOWN_MS UP_MS]`: naps or none, and a key that goes down and up so long after
the wake; samples at 25 Hz from standard input, `x y z` a line. Prints what was decided and sent, and when.
"""

import sys

import bluetooth

from drivers.pendant.lis2dw12 import WAKE_MG, Lis2dw12
from firmware.pendant import fall
from firmware.pendant.falls import HZ
from tests.micropython import probe_app
from tests.micropython.probe_app import Clock, Slept, Watchdog, World

LOOK_MS = 7  # what a pass takes
DEPTH = 32
TAIL = 50
RADIO_MS = 200


class Fifo:
    """The registers that the driver reads, by the data sheet; samples come as the clock turns."""

    def __init__(self, samples, held):
        self.samples = samples
        self.began_ms = Clock.now - held * 1000 // HZ
        self.taken = self.lost = 0
        self.overrun = False
        self.fifo = []
        self.registers = bytearray(64)
        self.registers[0x0F] = 0x44
        self.registers[0x20], self.registers[0x2E], self.registers[0x3F] = 0x30, 0xC0, 0x20

    def live(self):
        due = (Clock.now - self.began_ms) * HZ // 1000
        while self.taken < due:
            last = len(self.samples) - 1
            sample, before = (
                self.samples[min(self.taken, last)],
                self.samples[max(0, min(self.taken, last) - 1)],
            )
            if max(abs(a - b) for a, b in zip(sample, before)) > 2 * WAKE_MG:  # noqa: B905 - MicroPython
                self.registers[0x3B] = 2
            self.fifo.append(sample)
            self.taken += 1
            if len(self.fifo) > DEPTH:
                self.fifo.pop(0)
                self.overrun = True
                self.lost += 1

    def readfrom_mem_into(self, address, register, into):
        self.live()
        if register == 0x28:
            for at in range(0, len(into), 6):
                self.overrun = False
                for axis, mg in enumerate(self.fifo.pop(0)):
                    raw = (mg * 32768 // 8000) & 0xFFFF
                    into[at + 2 * axis], into[at + 2 * axis + 1] = raw & 0xFF, raw >> 8
        elif register == 0x2F:
            into[0] = len(self.fifo) | (0x40 if self.overrun else 0)
        else:
            into[0] = self.registers[register]
            if register == 0x3B:  # reading it lets go of the line
                self.registers[register] = 0

    def writeto_mem(self, address, register, data):
        self.registers[register] = data[0]


class Board(probe_app.Board):
    def __init__(self):
        probe_app.Board.__init__(self)
        self.naps = NAPS
        self.slept_ms = self.napped = 0
        self.longest = 0

    def wake_cause(self):
        return "motion"

    def since_wake_ms(self):
        return 0

    def accelerometer(self):
        return Lis2dw12(fifo)

    def placement(self):
        return 0

    def motion_line_free(self):
        return True

    def light_sleep(self, ms):
        assert not bluetooth.BLE().on, "the radio is on"
        until = Clock.now + ms
        if moves and moves[0][0] < until:  # nobody is told of the edge
            until, self.key_pin.level = moves.pop(0)
        self.napped += 1
        self.longest = max(self.longest, until - Clock.now)
        self.slept_ms += until - Clock.now
        Clock.now = max(Clock.now, until)


def radio_takes_time(ble):
    active = ble.active

    def slowly(on=None):
        if on and not ble.on:
            Clock.now += RADIO_MS
            while moves and moves[0][0] <= Clock.now:  # the handlers of interrupts come to their turn
                world.key(moves.pop(0)[1] == 0)
        return active(on)

    ble.active = slowly


def watched(detector):
    decide, update = detector.decide, detector.update

    def decided():
        fell = decide()
        print("decided", detector.count, detector.score, int(fell), *detector.f)
        return fell

    def updated(x, y, z):
        global felt, count
        count += 1
        if count <= len(samples) - TAIL:  # the last look may come a little sooner or later
            felt = (felt * 31 + x * 7 + y * 3 + z) & 0xFFFFFFF
        return update(x, y, z)

    detector.decide, detector.update = decided, updated
    return detector


def advert():
    book = world.app.core.book
    if world.ble.on and world.ble.advertised and book.presses:
        for press in book.presses:
            if press.number not in sent:
                sent.append(press.number)
                print("sent", press.meaning, press.pressed_ms - woke_ms, Clock.now - woke_ms)


def run():
    """Until it sleeps or the samples are over."""
    app = world.app
    while fifo.taken < len(fifo.samples):
        try:
            wait = app.turn()
        except Slept:
            return Clock.now
        advert()
        Clock.now += LOOK_MS
        wait = app.doze(max(0, wait - LOOK_MS))
        until = Clock.now + wait
        if moves and moves[0][0] <= until and not app.key.waiting():
            until, level = moves.pop(0)
            Clock.now = max(Clock.now, until)
            world.key(level == 0)
        elif not app.key.waiting():
            Clock.now = until
    return 0


NAPS = sys.argv[1] == "1"
woke_ms = Clock.now = 5_000_000  # long after the last heartbeat but for what RTC memory would hold
samples = [[int(word) for word in line.split()] for line in sys.stdin]
moves = [(woke_ms + int(ms), n % 2) for n, ms in enumerate(sys.argv[2:])]
fifo = Fifo(samples, 15)
sent = []
felt = count = 0
make = fall.make
fall.make = lambda hz: watched(make(hz))
radio_takes_time(bluetooth.BLE())
world = World(board=Board())
world.app.store.heartbeat_ms = world.app.store.proof_ms = woke_ms
slept_at = run()
print("felt", felt)
board = world.board
print("asleep", slept_at - woke_ms if slept_at else 0, "naps", board.napped, "light", board.slept_ms,
      "longest", board.longest, "lost", fifo.lost, "fed", Watchdog.fed)  # fmt: skip
