"""What the state holds, as a value; its bytes for the second copy; and which of two copies is believed."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import Any, Final

import cbor2
import msgspec

from edge.stores.files import write_durably

_MAGIC: Final = b"anban state 1\n"
MAX_COUNTER: Final = 1 << 62  # SQLite's integers end at 2^63
_MAX_BYTES: Final = 16 << 20  # keys, pairings and whole configurations of a home are far below 1 MB


class Item(msgspec.Struct, frozen=True):
    """A value and the write that set it; `value` None: taken away in that write."""

    value: bytes | None
    generation: int


class Content(msgspec.Struct, frozen=True):
    """All of the state after the write `generation`."""

    generation: int = 0
    items: dict[tuple[str, str], Item] = {}
    counters: dict[str, int] = {}


def item_crc(space: str, name: str, value: bytes | None, generation: int) -> int:
    """The checksum of an item's row."""
    head = f"{space}|{name}|{generation}|{-1 if value is None else len(value)}|".encode()
    return zlib.crc32(value or b"", zlib.crc32(head))


def counter_crc(name: str, following: int) -> int:
    """The checksum of a counter's row."""
    return zlib.crc32(f"{name}|{following}".encode())


def newest(first: Content, second: Content) -> Content:
    """The content to go on with when both copies can be read: the later write; of each counter the higher
    number.
    """
    later = first if first.generation >= second.generation else second
    names = first.counters.keys() | second.counters.keys()
    counters = {name: max(first.counters.get(name, 0), second.counters.get(name, 0)) for name in names}
    return Content(later.generation, later.items, counters)


def encode(content: Content) -> bytes:
    """The bytes of the second copy: a magic line, sha256 of the rest, CBOR."""
    items = [[space, name, item.value, item.generation] for (space, name), item in content.items.items()]
    body = cbor2.dumps([content.generation, items, content.counters])
    return _MAGIC + hashlib.sha256(body).digest() + body


def decode(data: bytes) -> Content | None:
    """The content of a second copy; None where any bit of it is not what was written."""
    head = len(_MAGIC) + 32
    body = data[head:]
    if not data.startswith(_MAGIC) or data[len(_MAGIC) : head] != hashlib.sha256(body).digest():
        return None
    generation, items, counters = cbor2.loads(body)  # the digest fits: these are our own bytes
    found: dict[tuple[str, str], Item] = {}
    for space, name, value, number in items:
        found[(str(space), str(name))] = Item(value, int(number))
    return Content(int(generation), found, dict(_counters(counters)))


def _counters(found: dict[Any, Any]) -> list[tuple[str, int]]:
    return [(str(name), int(number)) for name, number in found.items()]


def read_copy(path: Path) -> Content | None:
    """The second copy at a path; None where there is none or it is broken. Raises OSError for a failing
    disk.
    """
    try:
        with path.open("rb") as file:
            return decode(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return None


def write_copy(path: Path, content: Content) -> None:
    """Replace the second copy; durable on return, and never half there. Raises OSError."""
    write_durably(path, encode(content))
