"""Thousands of random resets of the stores on LittleFS over a NOR model, in one MicroPython process.

Power cuts tear the operation they fall on; RTC memory is kept or lost; the chip is dead for spells. After
each reset: no counter and no number of a life is ever used again, and the press book is the last one that
was committed (or the one that was being committed). `micropython probe_store.py RESETS SEED`; prints what
it met.
"""

import random
import sys

import vfs

from firmware.pendant.store import Store

BLOCK = 4096
BLOCKS = 32


class Chip:
    """NOR flash in memory; `cut_at` operations from now the power goes, in the middle of one."""

    def __init__(self):
        self.data = bytearray(b"\xff" * (BLOCK * BLOCKS))
        self.cut_in = None
        self.dead = False
        self.operations = 0

    def _operation(self):
        if self.dead:
            raise OSError(5)
        self.operations += 1
        if self.cut_in is not None:
            self.cut_in -= 1
            if self.cut_in == 0:
                self.dead = True
                return True
        return False

    def readblocks(self, block, buf, off=0):
        if self.dead:
            raise OSError(5)
        at = block * BLOCK + off
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, off=0):
        torn = self._operation()
        at = block * BLOCK + off
        for i in range(len(buf) // 2 if torn else len(buf)):
            self.data[at + i] &= buf[i]
        if torn:
            raise OSError(5)

    def ioctl(self, op, arg):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            torn = self._operation()
            size = BLOCK // 2 if torn else BLOCK
            self.data[arg * BLOCK : arg * BLOCK + size] = b"\xff" * size
            if torn:
                raise OSError(5)
        return 0


class Rtc:
    """RTC memory."""

    def __init__(self):
        self.data = b""

    def read(self):
        return self.data

    def write(self, data):
        self.data = bytes(data)


class World:
    """One pendant's stores through many lives, and what must be true of them."""

    def __init__(self, seed):
        random.seed(seed)
        self.chip = Chip()
        vfs.VfsLfs2.mkfs(self.chip)
        self.rtc = Rtc()
        self.used = {}  # life -> [highest counter, highest number]
        self.in_rtc = b""  # the book that RTC memory must give
        self.in_flash = [b""]  # the books of which flash must give one (more than one after a cut)
        self.met = {"cuts": 0, "rtc lost": 0, "dead": 0, "lives": 0, "raised": 0, "found": 0}
        self.serial = 0
        self.graveyard = []  # what a reset makes vanish must not be collected either: finalisers would write

    def mount(self, again):
        try:  # noqa: SIM105 - MicroPython has no contextlib
            vfs.umount("/f")
        except OSError:
            pass
        vfs.mount(vfs.VfsLfs2(self.chip), "/f")

    def boot(self):
        store = Store("/f", self.rtc, lambda: random.getrandbits(32), self.mount)
        rtc_lost = not self.rtc.data
        store.open()
        if not rtc_lost:
            assert store.book == self.in_rtc, (store.book, self.in_rtc)
        elif self.chip.dead:
            assert store.book == b""
            assert not store.flash_ok
        else:
            assert store.book in self.in_flash, (store.book, self.in_flash)
        if store.life not in self.used:
            assert not self.used or (rtc_lost and self.chip.dead), "a life was lost that some store knew"
            self.met["lives"] += 1
            self.used[store.life] = [-1, -1]
        self.in_rtc = store.book
        return store

    def commit(self, store):
        self.serial += 1
        book = b"book %d " % self.serial + b"x" * random.randrange(200)
        before = self.chip.operations
        done = store.commit(book)
        self.in_rtc = book
        if store.found_book:
            assert store.found_book in self.in_flash
            store.found_book = b""
            self.met["found"] += 1
        if done:
            self.in_flash = [book]
        elif self.chip.operations > before:
            self.in_flash.append(book)

    def use(self, store):
        used = self.used[store.life]
        for _ in range(random.randrange(1, 40)):
            if self.chip.cut_in == 0:
                return  # the power is gone
            what = random.random()
            if what < 0.6:
                counter = store.take_counter()
                assert counter > used[0], "a counter went back"
                used[0] = counter
            elif what < 0.8:
                number = store.take_number()
                assert number > used[1], "a number was used twice"
                used[1] = number
            elif what < 0.9:
                self.commit(store)
            elif what < 0.97:
                store.reserve_ahead()
            elif store.raise_counter(used[0] + random.randrange(1, 1000)):
                self.met["raised"] += 1


def main(resets, seed):
    world = World(seed)
    chip = world.chip
    for _ in range(resets):
        store = world.boot()
        if not chip.dead and random.random() < 0.6:
            chip.cut_in = random.randrange(1, 25)
        world.use(store)
        world.graveyard += store._stale
        cut = chip.cut_in == 0
        chip.cut_in = None
        world.met["cuts"] += cut
        if not cut and random.random() < 0.4:
            store.keep(0)
        elif random.random() < 0.5:
            world.rtc.data = b""
            world.met["rtc lost"] += 1
        chip.dead = random.random() < 0.05
        world.met["dead"] += chip.dead
    print(world.met, "operations", chip.operations)


main(int(sys.argv[1]), int(sys.argv[2]))
