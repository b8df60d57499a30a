# A NOR flash chip over a file, and LittleFS on it. Erase gives 0xff, a program can only clear bits. Every
# erase and every program is one operation, reported to the bench. The power can be cut in the middle of
# operation n: half of a program lands (or half of the block is erased) and the process is gone. A dead chip
# answers EIO to everything, one that hangs never ends its next read or write.
import os
import time

import powered
import vfs

BLOCK = 4096
BLOCKS = 64
BLANK = b"\xff" * 256
EIO = 5


class Chip:
    def __init__(self, path):
        self.operations = 0
        self.cut_at = powered.param("cut_at")
        self.dead = powered.param("flash_dead")
        self._size = BLOCKS * BLOCK
        try:
            self._file = open(path, "r+b")  # noqa: SIM115
        except OSError:
            self._file = open(path, "w+b")  # noqa: SIM115
            for _ in range(BLOCKS):
                self._file.write(b"\xff" * BLOCK)
        powered.on_command["cut"] = self._arm
        powered.on_command["dead"] = self._die

    def _arm(self, after):
        self.cut_at = self.operations + after

    def _die(self, dead):
        self.dead = dead
        powered.emit("flash", ["dead", dead])

    def readblocks(self, block, buf, off=0):
        if self.dead:
            raise OSError(EIO)
        self._hang("read")
        self._file.seek(block * BLOCK + off)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, off=None):
        if off is None:
            for i in range(len(buf) // BLOCK):
                self._erase(block + i)
            off = 0
        at = block * BLOCK + off
        if self._begin("program"):
            self._program(at, memoryview(buf)[: len(buf) // 2])
            self._gone()
        self._program(at, buf)

    def _program(self, at, data):
        old = bytearray(len(data))
        self._file.seek(at)
        self._file.readinto(old)
        for i in range(len(data)):
            old[i] &= data[i]
        self._file.seek(at)
        self._file.write(old)
        self._file.flush()

    def _begin(self, what):
        # True when the power goes in the middle of this operation
        if self.dead:
            raise OSError(EIO)
        self._hang("write")
        self.operations += 1
        if self.cut_at is not None and self.operations >= self.cut_at:
            return True
        powered.emit("flash", [what, self.operations])
        return False

    def _hang(self, what):
        if powered.param("flash_hangs") == what:
            powered.emit("flash", ["hangs", self.operations + 1])
            while True:
                time.sleep(1)

    def _gone(self):
        powered.emit("flash", ["cut", self.operations])
        powered.end()

    def _erase(self, block):
        cut = self._begin("erase")
        self._file.seek(block * BLOCK)
        for _ in range(BLOCK // len(BLANK) // (2 if cut else 1)):
            self._file.write(BLANK)  # in pieces: a chip's erase takes nothing of the program's heap
        self._file.flush()
        if cut:
            self._gone()

    def ioctl(self, op, arg):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            self._erase(arg)
            return 0
        return 0


_chip = None


def mount(path, again):
    global _chip
    if _chip is None:
        _chip = Chip(powered.param("flash"))
    if again:
        try:
            vfs.umount(path)
        except OSError:
            pass
    else:
        try:
            os.stat(path)
            return
        except OSError:
            pass
    try:
        vfs.mount(vfs.VfsLfs2(_chip), path)
    except OSError:
        if _chip.dead or again:
            raise
        vfs.VfsLfs2.mkfs(_chip)  # what the chip's boot script does with a partition that cannot be mounted
        vfs.mount(vfs.VfsLfs2(_chip), path)
