"""What can go wrong with a store, and how SQLite's codes become the product's reasons."""

from __future__ import annotations

import sqlite3
from typing import Final

from protocols.errors import AnbanError, Reason

_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NO_SCHEMA: Final = ("no such table", "no such column", "has no column")  # our statements are fixed
_IOERR_SHORT_READ: Final = 522  # the file ends before the page that its tree points to
_IOERR_SHM_OPEN: Final = 4618  # the wal-index could not be made: a full disk, or a dead one
_IOERR_SHM_SIZE: Final = 4874  # no room for the wal-index: a full disk
_REASONS: Final = {
    sqlite3.SQLITE_FULL: Reason.STORAGE_FULL,
    sqlite3.SQLITE_READONLY: Reason.STORAGE_READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Reason.STORAGE_CORRUPT,
    sqlite3.SQLITE_NOTADB: Reason.STORAGE_CORRUPT,
}
_SENTENCES: Final = {
    Reason.STORAGE_FULL: ("The disk of the store is full.", "Free space on the card, or use a larger one."),
    Reason.STORAGE_READ_ONLY: (
        "The disk of the store is read-only.",
        "Replace the card; it protects itself.",
    ),
    Reason.STORAGE_CORRUPT: ("The file of the store is damaged.", "It is moved aside; replace the card."),
    Reason.STORAGE_FAILED: ("The disk of the store fails.", "Check the card and its contacts; replace it."),
    Reason.STORAGE_STUCK: ("The disk of the store does not answer.", "Restart; then replace the card."),
}


class StoreError(AnbanError):
    """A store could not do what was asked; nothing of the transaction counts as written."""


class CountersLost(AnbanError):
    """A counter is not known any more (or never was): the security context that used it is dead.

    Never answered with a guess: the caller takes a spare context, or makes a new life, and then creates a
    counter.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            Reason.COUNTERS_LOST,
            f"The counter {name} is not known.",
            "Use a spare security context; provision a new one.",
        )
        self.name = name


def store_error(reason: Reason, detail: str = "") -> StoreError:
    """A StoreError with the sentence and remedy of its reason."""
    sentence, remedy = _SENTENCES.get(reason, ("The store refused.", ""))
    return StoreError(reason, f"{sentence} ({detail})" if detail else sentence, remedy)


def code_of(error: sqlite3.Error) -> int:
    """SQLite's extended result code of an exception; 0 where it has none (misuse of the module)."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0)


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file, and not the disk below it, is what is wrong."""
    code = code_of(error)
    if code == sqlite3.SQLITE_ERROR:
        return any(sign in str(error) for sign in _NO_SCHEMA)
    return code == _IOERR_SHORT_READ or code & 0xFF in _CORRUPT


def may_be_full(error: sqlite3.Error) -> bool:
    """Whether freeing space may help: a full disk also shows as a file that cannot be made or grown."""
    code = code_of(error)
    return code in (_IOERR_SHM_SIZE, _IOERR_SHM_OPEN) or code & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    )


def from_sqlite(error: sqlite3.Error) -> StoreError:
    """The StoreError of an exception of the sqlite3 module."""
    if is_corrupt(error):
        reason = Reason.STORAGE_CORRUPT
    elif code_of(error) == _IOERR_SHM_SIZE:
        reason = Reason.STORAGE_FULL
    else:
        reason = _REASONS.get(code_of(error) & 0xFF, Reason.STORAGE_FAILED)
    return store_error(reason, str(error))


def from_os(error: OSError) -> StoreError:
    """The StoreError of an exception of the operating system."""
    import errno

    reasons = {errno.ENOSPC: Reason.STORAGE_FULL, errno.EROFS: Reason.STORAGE_READ_ONLY}
    return store_error(reasons.get(error.errno or 0, Reason.STORAGE_FAILED), str(error.strerror or error))
