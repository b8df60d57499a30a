"""A disk that has a volatile cache, and a cable that can be pulled: what was flushed stays, the rest is luck.

`platter` is what survives; `seen` is what a reader sees while there is power. A write goes to `seen` and
waits in the cache; a flush carries all that waits to the platter. `cut` ends the power: of every write that
waits, each sector may have reached the platter or not, by the dice, whatever the order of the writes was. A
write of several sectors may so be torn; a sector never is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

SECTOR: Final = 512


@dataclass
class Counts:
    """What a disk has been asked for, and what a cut took."""

    reads: int = 0
    writes: int = 0
    flushes: int = 0
    lost_sectors: int = 0
    kept_sectors: int = 0
    torn_writes: int = 0
    cuts: int = 0


@dataclass
class Disk:
    """See the module. `obeys_flush` False is a disk that lies: it says that it has flushed."""

    platter: bytearray
    obeys_flush: bool = True
    seen: bytearray = field(init=False)
    counts: Counts = field(default_factory=Counts)
    waiting: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.platter) % SECTOR:
            raise ValueError("a disk is made of whole sectors")
        self.seen = bytearray(self.platter)

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.platter)

    def read(self, offset: int, length: int) -> bytes:
        """What was written last, flushed or not."""
        self.counts.reads += 1
        return bytes(self.seen[self._checked(offset, length) : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        """Into the cache."""
        self._checked(offset, len(data))
        self.counts.writes += 1
        self.seen[offset : offset + len(data)] = data
        self.waiting.append((offset, data))

    def flush(self) -> None:
        """Everything that was written before is on the platter."""
        self.counts.flushes += 1
        if not self.obeys_flush:
            return
        for offset, data in self.waiting:
            self.platter[offset : offset + len(data)] = data
        self.waiting.clear()

    def cut(self, dice: random.Random) -> None:
        """The power goes, and comes back: `seen` is the platter again."""
        self.counts.cuts += 1
        share = dice.choice((0.0, 0.5, 0.9, 1.0))  # how much the disk got done before the end
        for offset, data in self.waiting:
            kept = 0
            for at in range(0, len(data), SECTOR):
                if dice.random() < share:
                    self.platter[offset + at : offset + at + SECTOR] = data[at : at + SECTOR]
                    kept += 1
            sectors = len(data) // SECTOR
            self.counts.kept_sectors += kept
            self.counts.lost_sectors += sectors - kept
            self.counts.torn_writes += 0 < kept < sectors
        self.waiting.clear()
        self.seen = bytearray(self.platter)

    def _checked(self, offset: int, length: int) -> int:
        if offset % SECTOR or length % SECTOR or not 0 <= offset <= offset + length <= self.size:
            raise ValueError(f"not on this disk: {offset}+{length}")
        return offset
