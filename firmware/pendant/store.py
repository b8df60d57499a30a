"""What the pendant must not forget: life, counters, numbers, the press book; in flash and in RTC memory.

Flash: small files, each written whole to `tmp` and renamed, so a power cut leaves the old or the new one;
the press book rotates over four names, and the newest that is whole counts. Counters and numbers are
reserved in blocks before they are used: after a reset of any kind they resume at the end of what was
reserved, and never go back. RTC memory holds all of it exactly through deep sleep and resets (not through a
power loss), so that a wake needs no flash at all.

A flash that fails never stops anything: `commit` says False, RTC memory goes on carrying, and `flash_ok` is
a fault. When every store of the counters is lost, a new life begins at random numbers: ids are never used
twice, and the hub challenges the odd counter over GATT. Runs under MicroPython and CPython.
"""

import binascii
import os
import struct

COUNTER_BLOCK = 256  # about a minute of fast advertising at four payloads a second
NUMBER_BLOCK = 64  # presses
LOW_COUNTERS = 64  # reserve the next block in a calm moment when fewer are left
LOW_NUMBERS = 8
# Files that the press book rotates over: wear is spread, and three older ones stand behind the newest.
BOOKS = 4
# A flash that was dead for a while before the power went may know less than was used: leave room for that.
LOST_COUNTERS = 65536  # 4.5 hours of fast advertising; 65,000 power losses before a u32 is used up
LOST_NUMBERS = 4096
MAX_U32 = 0xFFFFFFFF
MAX_STALE = 4  # then flash is left alone until the next reset: each holds some hundred bytes

_COUNTERS = "<4sIII"  # magic, life, counters reserved up to, numbers reserved up to
_RTC = "<4sBHB2sIIIIIBHqqqqH"
_RTC_MAGIC = b"ABR2"
_COUNTERS_MAGIC = b"ABC1"
_BOOK_MAGIC = b"ABJ1"


class Reserve:
    """A number that only rises: the next to be used, and the end of what is reserved."""

    def __init__(self, block: int) -> None:
        self.block = block
        self.next = 0
        self.limit = 0

    def left(self) -> int:
        """How many may be used without reserving more."""
        return self.limit - self.next


class Store:
    """Flash directory and RTC memory of one pendant.

    `rtc` has read() -> bytes and write(bytes); `random_u32()` gives 32 random bits; `mount()` makes the
    directory usable or raises OSError.
    """

    def __init__(self, directory: str, rtc, random_u32, mount=None, preset: int = 0) -> None:
        self._dir = directory
        self._mount = mount
        # False: not yet, a wake from deep sleep needs no flash; None: it failed
        self._mounted = mount is None
        self._rtc = rtc
        self._random_u32 = random_u32
        self.life = 0
        self.counter = Reserve(COUNTER_BLOCK)
        self.number = Reserve(NUMBER_BLOCK)
        self.packet_id = 0
        self.flash_ok = True
        self.counters_lost = False
        self.same_clock = False  # RTC memory was whole: the power-on clock has run on
        self.book = b""  # the press book as last kept
        self.preset = preset  # as provisioned, until a hub or flash says otherwise
        self.language = b"zh"
        # small state that RTC memory alone carries
        self.stuck = False  # the key was stuck down when the chip went to sleep
        self.wake_owed = False  # the key woke the chip, and its press is not in the book yet
        self.unfelt = False  # a press is in the book, and its buzz has not begun
        self.watchdog = False  # a watchdog reset that no hub knows of
        self.never_heard = False  # a press waited 20 s without a hub, and no hub knows of it
        self.heartbeat_ms = -3600000  # the first one at once
        self.proof_ms = -12 * 3600000
        self.wall_offset_ms = 0
        self._book_seq = 0
        self.slept_until_ms = 0  # when the sleep that ended just now was to end by itself; 0: there was none
        # files that could not be closed: collected, they would write to the file system of now
        self._stale = []
        # flash could not be read when RTC memory was lost: what is in it is still unknown
        self.unread = False
        self.found_book = b""  # a book that turned up in flash later
        self._reserved_in_flash = True

    # -- start

    def open(self) -> None:
        """Reads RTC memory and flash, and resumes where no counter can have been used yet."""
        clean = self._open_rtc()
        if not self.same_clock:
            self._open_flash()
        if not self.life:
            self._new_life()
        elif not clean:
            self.counter.next = self.counter.limit
            self.number.next = self.number.limit
        self._extend(self.counter, False)
        self._extend(self.number, False)
        if not self.same_clock and not self._reserved_in_flash:
            self._write_counters()
        self._keep(False)

    def _open_flash(self) -> None:
        """RTC memory is lost: what flash says. RTC memory is always written first, so only then is it
        asked.
        """
        limits = self._read_counters()
        if limits:
            self.life = limits[0]
            self.counter.limit = min(limits[1] + LOST_COUNTERS, MAX_U32)
            self.number.limit = min(limits[2] + LOST_NUMBERS, MAX_U32)
        self._open_config()
        self.book = self._newest_book()
        self.unread = not self.flash_ok

    def _open_rtc(self) -> bool:
        """True when RTC memory is whole and was kept on purpose, so that its values are exact."""
        data = self._rtc.read()
        size = struct.calcsize(_RTC)
        if len(data) < size + 4 or data[:4] != _RTC_MAGIC:
            return False
        length = struct.unpack("<H", data[size - 2 : size])[0]
        if len(data) < size + length + 4:
            return False
        crc = struct.unpack("<I", data[size + length : size + length + 4])[0]
        if binascii.crc32(data[: size + length]) != crc:
            return False
        (
            _, clean, flags, self.preset, self.language, self.life, self.counter.next, self.counter.limit,
            self.number.next, self.number.limit, self.packet_id, self._book_seq, self.heartbeat_ms,
            self.proof_ms, self.wall_offset_ms, slept_until_ms, length,
        ) = struct.unpack(_RTC, data[:size])  # fmt: skip
        self.stuck = bool(flags & 1)
        self.wake_owed = bool(flags & 2)
        self.flash_ok = not flags & 4
        self.counters_lost = bool(flags & 8)
        self._reserved_in_flash = not flags & 16
        self.unread = bool(flags & 128)
        self.unfelt = bool(flags & 256)
        self.watchdog = bool(flags & 32)
        self.never_heard = bool(flags & 64)
        self.book = bytes(data[size : size + length])
        self.same_clock = True
        if clean:
            self.slept_until_ms = slept_until_ms
        return bool(clean)

    def _new_life(self) -> None:
        self.life = (self._random_u32() & MAX_U32) or 1
        self.counter.next = self.counter.limit = self._random_u32() >> 1
        self.number.next = self.number.limit = 1 + (self._random_u32() >> 8)

    def _read_counters(self) -> tuple | None:
        try:
            data = self._read("counters")
        except OSError as error:
            if error.args and error.args[0] == 2:  # ENOENT: a store that was never made
                return None
            self._failed()
            self.counters_lost = not self.life
            return None
        size = struct.calcsize(_COUNTERS)
        if len(data) == size + 4 and struct.unpack("<I", data[size:])[0] == binascii.crc32(data[:size]):
            magic, life, counters, numbers = struct.unpack(_COUNTERS, data[:size])
            if magic == _COUNTERS_MAGIC and life:
                return life, counters, numbers
        self.counters_lost = not self.life
        return None

    # -- counters and numbers

    def take_counter(self) -> int:
        """The next advert counter; reserves in RTC memory, then in flash, when none is left."""
        return self._take(self.counter)

    def take_number(self) -> int:
        """The next press number."""
        return self._take(self.number)

    def take_packet_id(self) -> int:
        """BTHome's packet id, one byte that changes with every payload."""
        self.packet_id = (self.packet_id + 1) & 0xFF
        return self.packet_id

    def raise_counter(self, floor: int) -> bool:
        """The hub has seen `floor`: the next counter is above it. True when it had to move."""
        if floor < self.counter.next or floor >= MAX_U32 - COUNTER_BLOCK:
            return False
        self.counter.next = floor + 1
        self._extend(self.counter, True)
        return True

    def reserve_ahead(self) -> None:
        """In a calm moment: the next block before the present one is used up, and what only RTC memory
        knows.
        """
        low = self.counter.left() < LOW_COUNTERS or self.number.left() < LOW_NUMBERS
        if low or not self._reserved_in_flash:
            if self.counter.left() < LOW_COUNTERS:
                self.counter.limit = self.counter.next + COUNTER_BLOCK
            if self.number.left() < LOW_NUMBERS:
                self.number.limit = self.number.next + NUMBER_BLOCK
            self._keep(False)
            self._write_counters()

    def _take(self, reserve: Reserve) -> int:
        self._extend(reserve, True)
        value = reserve.next
        reserve.next = value + 1
        return value

    def _extend(self, reserve: Reserve, now: bool) -> None:
        if reserve.next < reserve.limit:
            return
        reserve.limit = min(reserve.next + reserve.block, MAX_U32)
        self._reserved_in_flash = False
        if now:
            self._keep(False)
            self._write_counters()

    def _write_counters(self) -> bool:
        data = struct.pack(_COUNTERS, _COUNTERS_MAGIC, self.life, self.counter.limit, self.number.limit)
        ok = self._write("counters", data + struct.pack("<I", binascii.crc32(data)))
        self._reserved_in_flash = ok
        return ok

    # -- the press book

    def commit(self, book: bytes, pressed: bool = False) -> bool:
        """The book goes to RTC memory and to flash; False when the flash failed (and the book goes on
        without it). `pressed`: a press is new in it. From here on RTC memory has that press and its number,
        and a reset while flash is written owes its buzz, not the press.
        """
        self.book = book
        if pressed:
            self.wake_owed = False
            self.unfelt = True
        self._keep(False)
        if self.unread and not self._catch_up():
            self.flash_ok = False
            return False
        self._book_seq = (self._book_seq + 1) & 0xFFFF
        data = _BOOK_MAGIC + struct.pack("<H", self._book_seq) + book
        data += struct.pack("<I", binascii.crc32(data))
        ok = self._write("book%d" % (self._book_seq % BOOKS), data)
        if ok and not self._reserved_in_flash:
            ok = self._write_counters()
        return ok

    def _catch_up(self) -> bool:
        """Flash can be read at last: the book in it stands beside ours, and ours goes on with its
        numbering.
        """
        self.flash_ok = True
        found = self._newest_book()
        if not self.flash_ok:
            return False
        self.unread = False
        self.found_book = found
        return True

    def _newest_book(self) -> bytes:
        newest = b""
        newest_seq = None
        for i in range(BOOKS):
            try:
                data = self._read("book%d" % i)
            except OSError as error:
                if not (error.args and error.args[0] == 2):
                    self._failed()
                continue
            if len(data) < 10 or data[:4] != _BOOK_MAGIC:
                continue
            if binascii.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
                continue
            seq = struct.unpack("<H", data[4:6])[0]
            if newest_seq is None or ((seq - newest_seq) & 0xFFFF) < 0x8000:
                newest, newest_seq = data[6:-4], seq
        if newest_seq is not None:
            self._book_seq = newest_seq
        return newest

    # -- configuration

    def configure(self, preset: int, language: str) -> bool:
        """Preset and language (two letters) as a hub set them; False when flash does not hold them."""
        self.preset = preset
        self.language = language.encode()
        data = b"ABS1" + bytes((preset,)) + self.language
        self._keep(False)
        return self._write("config", data + struct.pack("<I", binascii.crc32(data)))

    def _open_config(self) -> None:
        try:
            data = self._read("config")
        except OSError:
            return
        if (
            len(data) == 11
            and data[:4] == b"ABS1"
            and struct.unpack("<I", data[7:])[0] == binascii.crc32(data[:7])
        ):
            self.preset, self.language = data[4], data[5:7]

    # -- RTC memory

    def keep(self, until_ms: int) -> None:
        """RTC memory holds everything exactly; the chip sleeps next, until the key or this moment."""
        self._keep(True, until_ms)

    def owe_wake(self, owed: bool) -> None:
        """The key woke the chip; until its press is in the book a crash must not lose it."""
        if self.wake_owed != owed:
            self.wake_owed = owed
            self._keep(False)

    def felt(self) -> None:
        """The buzz of every press in the book has begun: no reset repeats it."""
        if self.unfelt:
            self.unfelt = False
            self._keep(False)

    def _keep(self, clean: bool, until_ms: int = 0) -> None:
        flags = (
            (1 if self.stuck else 0)
            | (2 if self.wake_owed else 0)
            | (0 if self.flash_ok else 4)
            | (8 if self.counters_lost else 0)
            | (0 if self._reserved_in_flash else 16)
            | (32 if self.watchdog else 0)
            | (64 if self.never_heard else 0)
            | (128 if self.unread else 0)
            | (256 if self.unfelt else 0)
        )
        head = struct.pack(
            _RTC, _RTC_MAGIC, 1 if clean else 0, flags, self.preset, self.language, self.life,
            self.counter.next, self.counter.limit, self.number.next, self.number.limit, self.packet_id,
            self._book_seq, self.heartbeat_ms, self.proof_ms, self.wall_offset_ms, until_ms, len(self.book),
        )  # fmt: skip
        data = head + self.book
        self._rtc.write(data + struct.pack("<I", binascii.crc32(data)))

    # -- files

    def _path(self, name: str) -> str:
        if self._mounted is not True:
            self._mount(self._mounted is None)
            self._mounted = True
        return self._dir + "/" + name

    def _failed(self) -> None:
        self.flash_ok = False
        if self._mount is not None:
            self._mounted = None

    def _read(self, name: str) -> bytes:
        with open(self._path(name), "rb") as file:
            return file.read()

    def _write(self, name: str, data: bytes) -> bool:
        if len(self._stale) >= MAX_STALE:
            return False
        try:
            tmp = self._path("tmp")
            file = open(tmp, "wb")  # noqa: SIM115 - closed below, and its failure counts
            try:
                file.write(data)
            finally:
                self._stale.append(file)
                file.close()
                self._stale.pop()
            os.rename(tmp, self._path(name))
        except OSError:
            self._failed()
            return False
        self.flash_ok = True
        return True
