"""The initial RAM disk: busybox, the modules that the tests need, an init that enters the host's files.

The guest's root is the host's root file system, read-only by 9p, under an overlay in memory: the same Python,
the same checkout, the same paths. /run/out is a folder of the host, writable.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
from pathlib import Path
from typing import Final

from tests.vm.packages import Kernel, Missing

# Loaded in this order, each after its needs. Bluetooth's SMP wants its ciphers before the adapter comes.
MODULES: Final = (
    *("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console"),  # the way to the host
    *("virtio_blk", "ext4", "crc32c_generic"),  # a disk of its own
    *("hmac", "sha512_generic", "sha256_generic", "ctr", "jitterentropy_rng", "drbg", "ecb", "cmac"),
    *("aes_generic", "algif_hash", "algif_skcipher", "bluetooth", "hci_vhci", "uhid"),
)
OPTIONAL: Final = frozenset({"crc32c_generic", "virtio_console"})  # not in every kernel as a module
APPLETS: Final = ("sh", "mount", "mkdir", "chroot", "poweroff", "insmod", "ifconfig")
INIT: Final = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
since() {{ read up rest < /proc/uptime; echo "init: $1 at $up s"; }}
since start
for m in {modules}; do insmod /modules/$m.ko || echo "init: $m was not loaded"; done
since modules
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose host /lower || poweroff -f
mount -t tmpfs tmp /up; mkdir /up/u /up/w
mount -t overlay -o lowerdir=/lower,upperdir=/up/u,workdir=/up/w ov /new || poweroff -f
for d in proc sys dev; do mount --move /$d /new/$d; done
mount -t tmpfs tmp /new/run; mkdir -p /new/run/out
mount -t 9p -o trans=virtio,version=9p2000.L out /new/run/out || poweroff -f
ifconfig lo 127.0.0.1
chroot /new /bin/sh /run/out/run.sh > /new/run/out/program.log 2>&1
poweroff -f
"""


def build(kernel: Kernel, target: Path) -> Path:
    """Write the RAM disk for a kernel; returns `target`. Missing without busybox-static."""
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    if busybox is None:
        raise Missing("No busybox: apt-get install busybox-static.")
    archive = _Archive()
    for folder in ("bin", "modules", "proc", "sys", "dev", "lower", "up", "new"):
        archive.add(folder, 0o40755)
    archive.add("bin/busybox", 0o100755, Path(busybox).read_bytes())
    for applet in APPLETS:
        archive.add(f"bin/{applet}", 0o120777, b"busybox")
    names = []
    for path in load_order(kernel.modules):
        data = path.read_bytes()
        names.append(_name(path))
        archive.add(
            f"modules/{names[-1]}.ko", 0o100644, lzma.decompress(data) if path.suffix == ".xz" else data
        )
    archive.add("init", 0o100755, INIT.format(modules=" ".join(names)).encode())
    target.write_bytes(gzip.compress(archive.finish(), 1))
    return target


def load_order(modules: Path) -> list[Path]:
    """The files of MODULES and of all they need, each after its needs; what is built in is left out."""
    rows: dict[str, tuple[str, list[str]]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        of, needed = line.split(":")
        rows[_name(Path(of))] = (of, needed.split())
    built_in = {_name(Path(line)) for line in (modules / "modules.builtin").read_text().splitlines()}
    order: list[Path] = []
    for module in MODULES:
        if module not in rows:
            if module not in built_in and module not in OPTIONAL:
                raise Missing(f"The kernel in {modules} has no module {module}.")
            continue
        file, needs = rows[module]
        for part in (*reversed(needs), file):  # depmod lists the nearest first
            path = modules / part
            if path not in order:
                order.append(path)
    return order


def _name(path: Path) -> str:
    return path.name.split(".ko")[0].replace("-", "_")


class _Archive:
    """A cpio archive in the `newc` format (kernel: early-userspace/buffer-format)."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._inode = 0

    def add(self, name: str, mode: int, data: bytes = b"") -> None:
        self._inode += 1
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        self._parts += [_padded(head), _padded(data)]

    def finish(self) -> bytes:
        self.add("TRAILER!!!", 0)
        return b"".join(self._parts)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
