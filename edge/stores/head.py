"""A few bytes beside the journal that say how far it certainly went, so that an end that is gone is noticed.

Written after each commit without a sync, so it is never ahead of what was durable; after a power cut it may
be some seconds behind. SQLite alone takes a WAL that lost its end, or was lost whole, for all there ever was.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path


class Head:
    """The file. No method raises: a disk that does not take it fails the next commit, which says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def read(self) -> int:
        """The seq that was noted last; 0 where there is none that can be believed."""
        try:
            data = self._path.read_bytes()[:12]
        except OSError:
            return 0
        return int.from_bytes(data[:8], "big") if _crc(data[:8]) == data[8:] else 0

    def write(self, seq: int) -> None:
        """Note how far the journal has gone."""
        with contextlib.suppress(OSError):
            if self._handle < 0:
                self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            data = seq.to_bytes(8, "big")
            os.pwrite(self._handle, data + _crc(data), 0)

    def close(self) -> None:
        """Make it durable and close it."""
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._handle)
            os.close(self._handle)
            self._handle = -1


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")
