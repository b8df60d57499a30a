"""SQLite files as both stores open them: durable pragmas, and one schema file a version."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from edge.stores.errors import store_error
from edge.stores.pages import PAGE_BYTES
from protocols.errors import Reason

SCHEMAS: Final = Path(__file__).parent / "schema"
CACHE_KIB: Final = 1_024  # of pages a connection: two stores have four, and a hub has 60 MB in all
BUSY_MS: Final = 1_000  # only our own reader and checkpoint share the file, for moments
# A WAL that a long read kept growing is cut back to this when it restarts.
JOURNAL_LIMIT_BYTES: Final = 8 << 20


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection in autocommit mode; None is a store in memory. Raises sqlite3.Error.

    WAL with synchronous=FULL: a commit returns after its frames were synced, and a crash loses none that
    returned.
    """
    target = ":memory:" if path is None else str(path)
    if path is not None:
        # SQLite then says what is wrong; its side files take the mode of this one
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(
        target, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000, cached_statements=64
    )
    try:
        connection.text_factory = _text
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if path is not None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA journal_size_limit={JOURNAL_LIMIT_BYTES}")
        connection.execute("PRAGMA foreign_keys=ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _text(data: bytes) -> str:
    """Text of a row; what is damaged in it stays text, and the row's checksum tells."""
    return data.decode(errors="replace")


def versions(folder: Path) -> list[tuple[int, Path]]:
    """The schema files of a store in order: `001.sql` makes version 1, `002.sql` leads from 1 to 2."""
    found = sorted((int(file.stem), file) for file in folder.glob("[0-9][0-9][0-9].sql"))
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise store_error(Reason.STORAGE_VERSION, f"schema files of {folder.name} have a gap")
    return found


def migrate(connection: sqlite3.Connection, folder: Path) -> int:
    """Bring a store to the newest schema, a transaction a step; returns the version it is now at.

    A version beyond ours stays: schemas expand in one release and contract in the next, so that the release
    before can go on with the file. Raises sqlite3.Error.
    """
    at = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number, file in versions(folder):
        if number <= at:
            continue
        script = f"BEGIN IMMEDIATE;\n{file.read_text()}\nPRAGMA user_version={number};\nCOMMIT;"
        try:
            connection.executescript(script)
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        at = number
    return at


def sync_directory(folder: Path) -> None:
    """Make names in a folder durable (a new or renamed file is not, before this). Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file of mode 0600; durable on return, and never half there. Raises OSError."""
    temporary = path.with_name(path.name + ".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
