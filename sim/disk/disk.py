"""The fault disk: builds the shim once, gives the environment of a child process, and switches faults while
it runs.

    disk = FaultDisk(home / "data", home / "disk.ctl")
    child = subprocess.Popen([...], env=disk.environment(os.environ))
    disk.hang()          # every fsync below home/data now waits
    disk.heal()

Only files below the folder are touched, and only in processes that were started with the environment.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("faultdisk.c")
# The order of `struct control` in faultdisk.c, eight bytes each.
_FIELDS: Final = (
    "sync_delay_ms",
    "read_only",
    "write_eio",
    "read_eio",
    "space_left",
    "lying_sync",
    "write_delay_ms",
    "syncs",
    "syncing",
    "writes",
    "refused",
)
_FAULTS: Final = _FIELDS[:7]
_HEALTHY: Final = dict.fromkeys(_FAULTS, 0) | {"space_left": -1}
FOREVER: Final = -1


def build(cache: Path | None = None) -> Path:
    """The compiled shim; compiled once for each source into the cache folder. Raises CalledProcessError."""
    root = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anban"
    name = f"faultdisk-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    target = root / name
    if not target.exists():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            made = Path(scratch) / name
            command = ["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-o", str(made), str(SOURCE), "-ldl"]
            subprocess.run(command, check=True, capture_output=True, text=True)
            made.replace(target)
    return target


def available() -> bool:
    """Whether a shim can be built here."""
    return shutil.which("gcc") is not None


class FaultDisk:
    """One folder whose disk can be made to fail. `control` is a file outside of it; both sides map it."""

    def __init__(self, below: Path, control: Path, *, cache: Path | None = None) -> None:
        self._library = build(cache)
        self._below = below
        self._control = control
        below.mkdir(parents=True, exist_ok=True)
        control.write_bytes(bytes(8 * len(_FIELDS)))
        with control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 * len(_FIELDS))
        self.heal()

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process that shall see this disk."""
        before = base.get("LD_PRELOAD")
        preload = f"{self._library}:{before}" if before else str(self._library)
        ours = {"FAULTDISK_CONTROL": str(self._control), "FAULTDISK_BELOW": str(self._below.resolve())}
        return dict(base) | ours | {"LD_PRELOAD": preload}

    def _set(self, name: str, value: int) -> None:
        struct.pack_into("=q", self._map, 8 * _FIELDS.index(name), value)

    def get(self, name: str) -> int:
        """A field as it is now; `syncs`, `syncing`, `writes` and `refused` are counted by the process."""
        return int(struct.unpack_from("=q", self._map, 8 * _FIELDS.index(name))[0])

    def heal(self) -> None:
        """No fault any more; what hangs goes on."""
        for name, value in _HEALTHY.items():
            self._set(name, value)

    def hang(self, delay_ms: int = FOREVER) -> None:
        """Every sync takes this much longer, or until `heal`."""
        self._set("sync_delay_ms", delay_ms)

    def hang_writes(self, delay_ms: int = FOREVER) -> None:
        """Every write takes this much longer, or until `heal`: a card that blocks before the sync."""
        self._set("write_delay_ms", delay_ms)

    def fill(self, space_left: int = 0) -> None:
        """Files may grow by this many bytes in all; what is truncated or removed comes back."""
        self._set("space_left", space_left)

    def turn_read_only(self) -> None:
        """As a card that protects itself, or a file system that was remounted after errors."""
        self._set("read_only", 1)

    def fail(self, *, reads: bool = False) -> None:
        """Every write and sync, and with `reads` every read, is an I/O error."""
        self._set("write_eio", 1)
        self._set("read_eio", int(reads))

    def lie(self) -> None:
        """A sync returns at once and does nothing; only a power cut shows the difference."""
        self._set("lying_sync", 1)
