"""Closes baresip's control port to everybody once the hub has its connection, by the kernel.

ctrl_tcp asks nobody who they are, takes one connection at a time, and the next one in its place; Debian's
baresip has no control by a unix socket. So its listening socket, duplicated from the child (pidfd_getfd(2),
which may be done to one's own child), gets a packet filter that takes nothing (socket(7), SO_ATTACH_FILTER),
locked: no connection comes about any more, and the one that stands is not touched. To close the socket
instead would leave baresip spinning on it. Before the filter is on, a moment after the port is, whoever
connects after the hub is noticed: the hub's connection ends, and so does that baresip.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
from pathlib import Path
from typing import Final

from protocols.errors import AnbanError, Reason

PIDFD_GETFD: Final = 438  # of every architecture: the table of asm-generic, Linux 5.6
SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h
SO_LOCK_FILTER: Final = 44
TAKE_NOTHING: Final = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K, 0 bytes of the packet
LISTENS: Final = "0A"  # in /proc/PID/net/tcp: TCP_LISTEN
LOOPBACK: Final = int.from_bytes(socket.inet_aton("127.0.0.1"), "little")


def seal(pid: int, port: int) -> None:
    """No new connection to 127.0.0.1:`port`, where the child `pid` listens. AnbanError(NOT_READY) where the
    kernel does not let us, or it does not listen."""
    try:
        with contextlib.closing(_listening(pid, port)) as listening:
            program = ctypes.create_string_buffer(TAKE_NOTHING)
            filtering = struct.pack("HP", 1, ctypes.addressof(program))
            listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filtering)
            listening.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)
    except (OSError, ValueError, IndexError) as error:
        raise AnbanError(
            Reason.NOT_READY,
            f"baresip's control port stays open to programs of this machine: {error}",
            "Linux 5.6 or later lets a hub close its own child's port.",
        ) from error


def _listening(pid: int, port: int) -> socket.socket:
    """The child's listening socket, as one of ours. OSError."""
    here, inode = f"{LOOPBACK:08X}:{port:04X}", ""
    for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1] == here and fields[3] == LISTENS:
            inode = fields[9]
    folder = Path(f"/proc/{pid}/fd")
    found = [name for name in os.listdir(folder) if _is(folder / name, f"socket:[{inode}]")]
    if not inode or not found:
        raise OSError(f"process {pid} does not listen on port {port}")
    child = os.pidfd_open(pid)
    try:
        duplicate = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, child, int(found[0]), 0)
        if duplicate < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(child)
    return socket.socket(fileno=duplicate)


def _is(link: Path, target: str) -> bool:
    try:
        return os.readlink(link) == target
    except OSError:  # closed meanwhile
        return False
