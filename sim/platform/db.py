"""Opens the platform's SQLite file: made with mode 0600, WAL, every commit synced, schema of this release."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

NAME = "platform.db"
SCHEMA_VERSION = 2
STEPS = ("schema.sql", "schema-2.sql")  # what leads from each version to the next
BUSY_MS = 5_000  # provisioning and the server write to the same file, each in transactions of milliseconds


def connect(directory: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to DIR/platform.db, in autocommit; makes the file and its tables if they are not there.

    sqlite3.Error or OSError if that cannot be; ValueError if the file is of a later release.
    """
    path = directory / NAME
    directory.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    _migrate(db)
    if read_only:
        db.execute("PRAGMA query_only=ON")
    return db


def _migrate(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise ValueError(f"{NAME} has schema {version}, this release knows {SCHEMA_VERSION}")
        for step, name in enumerate(STEPS, 1):
            if version < step:
                for statement in (Path(__file__).parent / name).read_text("utf-8").split(";\n"):
                    if statement.strip():
                        db.execute(statement)
        if version < SCHEMA_VERSION:
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
