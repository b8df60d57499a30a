"""Keeps a process in memory: what it has used once is not given back to a card that may hang."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import resource
from typing import Final

# <asm-generic/mman.h>, as on ARM and x86; ONFAULT since Linux 4.4
CURRENT: Final = 1
FUTURE: Final = 2
ONFAULT: Final = 4


def lock_memory() -> str:
    """Lock what this process has in memory, and whatever it will use, from then on; empty, or why it may not.

    Only pages that were used: without ONFAULT each thread's whole stack counts, and a hub of 60 MB is one of
    132 (measured on x86-64). Programs that it starts are not locked. Under a limit (RLIMIT_MEMLOCK) later
    memory would be refused where now there is some, so then nothing is locked.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(CURRENT | FUTURE | ONFAULT):
        return os.strerror(ctypes.get_errno())
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY:
        return ""
    with contextlib.suppress(OSError, ValueError, OverflowError):
        mmap.mmap(-1, limit + mmap.PAGESIZE).close()  # only whoever has CAP_IPC_LOCK is not held to it
        return ""
    libc.munlockall()
    return f"RLIMIT_MEMLOCK is {limit} bytes"
