"""The whole application on parts that only take notes, with a clock that is turned by hand.

`micropython probe_app.py heap PRESSES`: presses, acknowledged over an authenticated connection; heap in use
after a collection at the start and at the end, and its highest. `... edge`: bytes allocated between the key's
edge and the first advert. `... stuck`: a key that stays down. `... unread`: a press in a flash that cannot be
read at the next start. Each prints one line of `name value` pairs.
"""

import gc
import os
import sys

import micropython
import vfs

from firmware.pendant import hublink
from firmware.pendant.app import App
from protocols.link import keys, messages, session

ROOT = bytes(range(16))


class Pin:
    def __init__(self):
        self.level = 1
        self.handler = None

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level

    def irq(self, handler):
        self.handler = handler


class Buzzer:
    sounded = 0

    def freq(self, hertz):
        pass

    def duty_u16(self, duty):
        Buzzer.sounded += bool(duty)


class Rtc:
    data = b""

    def read(self):
        return self.data

    def write(self, data):
        self.data = bytes(data)


class Watchdog:
    fed = 0

    def feed(self):
        Watchdog.fed += 1


class Slept(Exception):
    pass


class Board:
    key_down_level = 0
    directory = "/ram"
    naps = False

    def __init__(self):
        self.key_pin, self.red_pin, self.green_pin, self.buzzer, self.rtc = (
            Pin(),
            Pin(),
            Pin(),
            Buzzer(),
            Rtc(),
        )
        self.slept = None

    def power_on_ms(self):
        return 0

    def accelerometer(self):
        return None

    def identity(self):
        return "pd-01", ROOT, 0

    def mount(self, again):
        pass

    def random_u32(self):
        return int.from_bytes(os.urandom(4), "little")

    def wake_cause(self):
        return "power"

    def watchdog(self, timeout_ms):
        return Watchdog()

    def battery_mv(self):
        return 4000

    def deep_sleep(self, ms, when_down, motion):
        self.slept = (ms, when_down)
        raise Slept


class Clock:
    now = 1000

    def now_ms(self):
        return Clock.now


class World:
    def __init__(self, flash=True, board=None):
        if flash:
            mount_flash()
        self.board = board or Board()
        self.app = App(self.board, Clock())
        self.app.start()
        self.ble = self.app.radio._ble

    def turn(self, ms):
        """Time passes, the loop turning whenever it wants to."""
        end = Clock.now + ms
        while True:
            try:
                wait = self.app.turn()
            except Slept:
                return False
            if Clock.now + wait >= end:
                Clock.now = end
                return True
            Clock.now += max(1, wait)

    def key(self, down):
        self.board.key_pin.level = 0 if down else 1
        self.board.key_pin.handler(self.board.key_pin)

    def press(self, ms=80):
        self.key(True)
        self.turn(ms)
        self.key(False)
        self.turn(50)


class Chip:
    """Flash in a file: the heap is the program's alone."""

    dead = False

    def __init__(self):
        self.file = open("probe.flash", "w+b")  # noqa: SIM115
        for _ in range(12):
            self.file.write(bytes(4096))

    def readblocks(self, block, buf, off=0):
        if Chip.dead:
            raise OSError(5)
        self.file.seek(block * 4096 + off)
        self.file.readinto(buf)

    def writeblocks(self, block, buf, off=0):
        if Chip.dead:
            raise OSError(5)
        self.file.seek(block * 4096 + off)
        self.file.write(buf)

    def ioctl(self, op, arg):
        return {4: 12, 5: 4096}.get(op, 0)


def mount_flash():
    chip = Chip()
    vfs.VfsLfs2.mkfs(chip)
    vfs.mount(vfs.VfsLfs2(chip), "/ram")


class Hub:
    """Connects, proves itself, acknowledges; frames by the stub radio."""

    def __init__(self, world, conn):
        self.world, self.ble, self.conn = world, world.ble, conn
        initiator = session.Initiator(keys.link_key(ROOT, "hub-01"), "hub-01", "pd-01", os.urandom(16))
        self.ble.event(1, (conn, 1, b"\x00" * 6))
        self.write(initiator.hello())
        self.write(initiator.on_challenge(self.ble.sent.pop(0)))
        self.session = initiator.session
        self.status = messages.decode(self.session.open(self.ble.sent.pop(0)))

    def write(self, frame):
        self.ble.values[self.world.app.radio._in] = frame
        self.ble.event(3, (self.conn, self.world.app.radio._in))
        self.world.turn(1)

    def tell(self, message):
        self.write(self.session.seal(message.encode()))
        return messages.decode(self.session.open(self.ble.sent.pop(0)))

    def leave(self):
        self.ble.event(2, (self.conn, 1, b"\x00" * 6))
        self.world.turn(1)


def heap(presses):
    world = World()
    world.turn(1000)
    first = highest = 0
    wrong = 0
    for n in range(presses):
        world.press()
        if n % 4 == 3:
            hub = Hub(world, n % 4)
            for press in hub.status.presses:
                hub.tell(messages.Ack(hub.status.life, press.number, 1))
                hub.tell(messages.Ack(hub.status.life, press.number, 2))
            hub.tell(messages.CallState(3))
            hub.tell(messages.CallState(5))
            hub.leave()
            wrong += bool(world.app.core.book.presses)
        if n % 50 == 49:
            gc.collect()
            used = gc.mem_alloc()
            highest = max(highest, used)
            if n == 99:
                first = used
    gc.collect()
    last = gc.mem_alloc()
    print("presses", presses, "first", first, "last", last, "highest", highest, "left_open", wrong,
          "sounded", Buzzer.sounded, "fed", Watchdog.fed)  # fmt: skip


def edge():
    world = World()
    world.turn(1000)
    first = most = 0
    for _ in range(20):
        before_count = world.ble.advertised
        before = micropython.mem_total()
        world.key(True)
        while world.ble.advertised == before_count:
            Clock.now += max(1, world.app.turn())
        most = max(most, world.ble.at_advert - before)
        first = first or most
        world.key(False)
        world.turn(100)
    print("first", first, "most", most)


def unread():
    world = World()
    world.turn(1000)
    world.press()
    number = world.app.core.book.presses[0].number
    Chip.dead = True  # and the battery is out: the next board has no RTC memory
    world = World(flash=False)
    world.turn(1000)
    blind = len(world.app.core.book.presses)
    world.turn(20000)
    retry_ms = world.board.slept[0]
    Chip.dead = False
    Clock.now += retry_ms
    world.board.wake_cause = lambda: "timer"
    world.app = App(world.board, Clock())
    world.app.start()
    world.turn(6000)
    found = [p.number for p in world.app.core.book.unheard()].count(number)
    print("blind", blind, "retry_s", retry_ms // 1000, "found", found)


def stuck():
    world = World()
    hub = Hub(world, 1)
    hub.leave()
    world.key(True)
    world.turn(200)
    hub = Hub(world, 1)
    hub.tell(messages.Ack(0, hub.status.presses[0].number, 2))
    hub.tell(messages.CallState(5))
    hub.leave()
    slept_early = not world.turn(29500)
    awake = world.turn(1000)
    hub = Hub(world, 1)
    faults = hub.status.faults
    hub.leave()
    slept = not world.turn(10000)
    slept_armed_for_down = int(world.board.slept[1])
    # it is let go, which wakes the chip, and pressed again before the program looks
    Clock.now += 60000
    world.board.wake_cause = lambda: "key"
    world.board.since_wake_ms = lambda: 450
    world.app = App(world.board, Clock())
    world.app.start()
    pressed = [Clock.now - p.pressed_ms for p in world.app.core.book.unheard()]
    print("slept_early", int(slept_early), "awake", int(awake), "faults", faults, "slept", int(slept),
          "armed_for_down", slept_armed_for_down, "pressed", len(pressed), "age", sum(pressed))  # fmt: skip


hublink.HubLink  # noqa: B018 - in the heap from the start, as after the first connection
if __name__ == "__main__":
    probes = {"heap": heap, "edge": edge, "stuck": stuck, "unread": unread}
    probes[sys.argv[1]](*[int(a) for a in sys.argv[2:]])
