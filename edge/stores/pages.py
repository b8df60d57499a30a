"""Rows out of a damaged SQLite file: every page image of the file and of its WAL is looked at on its own.

No tree is followed, so one broken page costs only the rows on it. What is returned is what looks like a
record; the caller judges it by its checksum. Formats: sqlite.org/fileformat2.html sections 1.6, 2.1 and 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

Value = int | float | str | bytes | None

# Both stores are made with this size: it need not be read from a header that may be gone.
PAGE_BYTES: Final = 4096
_TABLE_LEAF: Final = 0x0D
_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24
MAX_PAYLOAD: Final = 1 << 20  # longer than any row of ours
_FIXED: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class Malformed(ValueError):
    """These bytes are not a record."""


class Images:
    """All page images of a database file and its WAL, by position; pages of the WAL shadow those of the
    file.
    """

    def __init__(self, database: Path, wal: Path | None = None) -> None:
        self._files: list[BinaryIO] = []
        self._where: list[tuple[BinaryIO, int, int]] = []  # file, offset, page number
        self._newest: dict[int, int] = {}  # page number -> index in _where
        self._add_database(database)
        if wal is not None and wal.exists():
            self._add_wal(wal)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def _open(self, path: Path) -> tuple[BinaryIO, int]:
        file = path.open("rb")
        self._files.append(file)
        return file, file.seek(0, 2)

    def _add(self, file: BinaryIO, offset: int, number: int) -> None:
        self._newest[number] = len(self._where)
        self._where.append((file, offset, number))

    def _add_database(self, path: Path) -> None:
        if not path.exists():  # its WAL may still be there
            return
        file, size = self._open(path)
        for number in range(1, (size + PAGE_BYTES - 1) // PAGE_BYTES + 1):
            self._add(file, (number - 1) * PAGE_BYTES, number)

    def _add_wal(self, path: Path) -> None:
        file, size = self._open(path)
        for offset in range(_WAL_HEADER, size, _FRAME_HEADER + PAGE_BYTES):
            file.seek(offset)
            number = int.from_bytes(file.read(4), "big")
            self._add(file, offset + _FRAME_HEADER, number)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Every image as (page number, bytes); a last one that was cut off is filled up with zeros."""
        for file, offset, number in self._where:
            yield number, _read(file, offset)

    def page(self, number: int) -> bytes:
        """The newest image of a page. Raises Malformed where there is none."""
        at = self._newest.get(number)
        if at is None:
            raise Malformed(f"no page {number}")
        file, offset, _ = self._where[at]
        return _read(file, offset)


def _read(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    try:
        data = file.read(PAGE_BYTES)
    except OSError:  # a bad block of the card: the rows of this page are gone, the others are not
        data = b""
    return data.ljust(PAGE_BYTES, b"\0")


def records(images: Images) -> Iterator[tuple[int, list[Value]]]:
    """Every (rowid, columns) that any image holds, stale ones too, in no order worth relying on."""
    for number, page in images:
        yield from records_of(page, 100 if number == 1 else 0, images)


def records_of(page: bytes, start: int, images: Images) -> Iterator[tuple[int, list[Value]]]:
    """The records of one page image, if it is a table leaf; cells that make no sense are passed over."""
    if page[start] != _TABLE_LEAF:
        return
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    for index in range(min(count, PAGE_BYTES // 4)):
        at = start + 8 + 2 * index
        if at + 2 > PAGE_BYTES:
            return
        try:
            yield _cell(page, int.from_bytes(page[at : at + 2], "big"), images)
        except (Malformed, IndexError, UnicodeDecodeError):
            continue


def _cell(page: bytes, at: int, images: Images) -> tuple[int, list[Value]]:
    size, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if size > MAX_PAYLOAD:
        raise Malformed("a payload longer than any of ours")
    local = _local_size(size)
    payload = page[at : at + local]
    if len(payload) < local:
        raise Malformed("a cell beyond its page")
    if local < size:
        payload += _overflow(int.from_bytes(page[at + local : at + local + 4], "big"), size - local, images)
    return rowid - (1 << 64) if rowid >> 63 else rowid, _record(payload)


def _local_size(size: int) -> int:
    """How much of a payload stands on the leaf itself (fileformat2 1.6)."""
    most = PAGE_BYTES - 35
    if size <= most:
        return size
    least = (PAGE_BYTES - 12) * 32 // 255 - 23
    fitting = least + (size - least) % (PAGE_BYTES - 4)
    return fitting if fitting <= most else least


def _overflow(number: int, size: int, images: Images) -> bytes:
    parts = []
    while size > 0:
        page = images.page(number)
        number = int.from_bytes(page[:4], "big")
        parts.append(page[4 : 4 + min(size, PAGE_BYTES - 4)])
        size -= len(parts[-1])
    return b"".join(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9


def _record(payload: bytes) -> list[Value]:
    header, at = _varint(payload, 0)
    if header > len(payload):
        raise Malformed("a record header beyond its record")
    values: list[Value] = []
    body = header
    while at < header:
        kind, at = _varint(payload, at)
        value, body = _value(payload, body, kind)
        values.append(value)
    return values


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    size = _FIXED.get(kind) or (8 if kind == 7 else (kind - 12) // 2)
    data = payload[at : at + size]
    if kind in (10, 11) or len(data) < size:
        raise Malformed("a value beyond its record")
    if kind in _FIXED:
        return int.from_bytes(data, "big", signed=True), at + size
    if kind == 7:
        return 0.0, at + size  # no store of ours holds floats
    return (data.decode() if kind & 1 else data), at + size
