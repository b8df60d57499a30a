"""The journal's marks: where the chain is anchored, and how often the file was opened."""

from __future__ import annotations

import sqlite3
import zlib

from edge.stores.rows import GENESIS


def crc(name: str, value: bytes) -> int:
    """The checksum that stands beside a mark."""
    return zlib.crc32(value, zlib.crc32(name.encode()))


def write(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    """Set a mark; joins the open transaction, if there is one. Raises sqlite3.Error."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (name, value, crc(name, value)))


def read(connection: sqlite3.Connection, name: str) -> bytes:
    """A mark; empty where it is not set or damaged. Raises sqlite3.Error."""
    row = connection.execute("SELECT value, crc FROM meta WHERE name = ?", (name,)).fetchone()
    if row is None or not isinstance(row[0], bytes) or crc(name, row[0]) != row[1]:
        return b""
    return bytes(row[0])


def anchor(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Seq and digest of the last row that was dropped whole; the chain is checked from there."""
    value = read(connection, "anchor")
    return (int.from_bytes(value[:8], "big"), value[8:]) if len(value) == 8 + len(GENESIS) else (0, GENESIS)


def set_anchor(connection: sqlite3.Connection, seq: int, digest: bytes) -> None:
    """Let the chain begin after this row."""
    write(connection, "anchor", seq.to_bytes(8, "big") + digest)


def count_opening(connection: sqlite3.Connection) -> int:
    """One more opening; returns how many. A write, so it also proves that the disk takes one."""
    count = int.from_bytes(read(connection, "opened"), "big") + 1
    write(connection, "opened", count.to_bytes(8, "big"))
    return count
