"""A file that keeps space back on a full disk: it is given up so that calls can still be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from edge.stores.files import sync_directory

# A call leaves about 20 rows; each commit may add 5 pages of 4 KiB to the WAL, once more to the database at
# the checkpoint: 0.8 MB a call. 8 MiB carries ten calls beyond the last free byte.
RESERVE_BYTES: Final = 8 << 20
FULL_BYTES: Final = 1 << 20  # less is full: logs and the next checkpoint take it in minutes
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """The preallocated file. `held`: the space is kept; `wanted`: it should be, and the disk has no room for
    it.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size
        self.held = False
        self.wanted = False

    def hold(self) -> bool:
        """Keep the space back; False where the disk has no room, or cannot be written at all."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            self.held, self.wanted = False, error.errno in _NO_ROOM
            return False
        try:
            if os.fstat(handle).st_size < self._size:
                os.posix_fallocate(handle, 0, self._size)
                os.fsync(handle)
            self.held, self.wanted = True, False
        except OSError as error:
            self.held, self.wanted = False, error.errno in _NO_ROOM
        finally:
            os.close(handle)
        if not self.held:
            self._drop()
        return self.held

    def release(self, *, of_earlier_run: bool = False) -> bool:
        """Give the space to whoever needs it now; False if there was none to give."""
        if not (self.held or of_earlier_run) or not self._drop():
            return False
        self.held, self.wanted = False, True
        return True

    def _drop(self) -> bool:
        try:
            os.truncate(self._path, 0)  # frees at once, also where the name cannot be removed
            self._path.unlink()
            sync_directory(self._path.parent)
        except FileNotFoundError:
            return False
        except OSError:
            return False
        return True


def is_full(path: Path) -> bool:
    """Whether the disk of this file has hardly any room left: told before a write is refused. False where
    that cannot be asked.
    """
    try:
        room = os.statvfs(path)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < FULL_BYTES
