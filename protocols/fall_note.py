"""The note of a fall: what the pendant's accelerometer felt, in bytes; read leniently, never trusted.

    version 1 | placement | score int16 | features, a byte each (firmware/pendant/fall.py FEATURES)
    hanging angle x y z | 3 rows before: x y z movement | up to 9 rows of 0.32 s after the decision: the same

x, y and z are int8 in 1/64 g, movements the root of milli-g of path. A note without rows after it is one
that was cut short. `read` says None to what is no note; a note is weight beside a call and never a reason for
none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
FEATURES: Final = 39
DIP, LOW_N = 1, 3  # places among the features: the root of the least magnitude, blocks below 0.7 g
ROW: Final = 4
BEFORE: Final = 3
AFTER: Final = 9
HEAD: Final = 4 + FEATURES + 3 + BEFORE * ROW
MAX_NOTE: Final = HEAD + AFTER * ROW
FREE_FALL_DIP: Final = 12  # root of milli-g: below 150 mg nobody is held by anything
STILL: Final = 4  # root of milli-g of path: a worn pendant moves more, with the breath alone


@dataclass(frozen=True, slots=True)
class Row:
    """A third of a second: gravity's direction in 1/64 g, and the root of the movement."""

    x: int
    y: int
    z: int
    move: int


@dataclass(frozen=True, slots=True)
class Note:
    """What is in it."""

    placement: int
    score: int
    features: bytes
    hang: Row
    before: tuple[Row, ...]
    after: tuple[Row, ...]


def read(note: bytes) -> Note | None:
    """The note, or None for what is none: another version, a length that does not fit."""
    if not HEAD <= len(note) <= MAX_NOTE or (len(note) - HEAD) % ROW or note[0] != VERSION:
        return None
    at = 4 + FEATURES
    hang = Row(_signed(note[at]), _signed(note[at + 1]), _signed(note[at + 2]), 0)
    score = int.from_bytes(note[2:4], "little", signed=True)
    rows = tuple(_row(note, n) for n in range(at + 3, len(note), ROW))
    return Note(note[1], score, note[4:at], hang, rows[:BEFORE], rows[BEFORE:])


def weights(note: Note) -> bytes:
    """All that a model weighs, a byte each: the pendant's features, and what the seconds after add."""
    after = note.after or (note.before[-1],)
    moves = [row.move for row in after]
    angles = [_cosine(note.hang, row) for row in after]
    earlier = [_cosine(note.before[-1], row) for row in after]
    more = (
        max(moves),
        min(moves),
        sum(moves) // len(moves),
        moves[-1],
        sum(move < 2 * STILL for move in moves),
        min(angles),
        max(angles),
        angles[-1],
        min(earlier),
        max(earlier),
        earlier[-1],
        _cosine(after[0], after[-1]),
        min(_cosine(note.hang, row) for row in note.before),
        max(row.move for row in note.before),
        len(note.after),
    )
    return note.features + bytes(min(value, 255) for value in more)


def put_down(note: Note) -> bool:
    """Nothing breathes where it lies: on a table, in a drawer."""
    return len(note.after) == AFTER and max(row.move for row in note.after) <= STILL


def dropped(note: Note) -> bool:
    """Free fall without a body, and then nothing that breathes."""
    return note.features[DIP] <= FREE_FALL_DIP and note.features[LOW_N] >= 3 and put_down(note)


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _row(note: bytes, at: int) -> Row:
    return Row(_signed(note[at]), _signed(note[at + 1]), _signed(note[at + 2]), note[at + 3])


def _cosine(a: Row, b: Row) -> int:
    """Of the angle between them, times 100, plus 100; 200 where there is none."""
    size = math.isqrt((a.x**2 + a.y**2 + a.z**2) * (b.x**2 + b.y**2 + b.z**2))
    if not size:
        return 200
    return 100 + max(-100, min((a.x * b.x + a.y * b.y + a.z * b.z) * 100 // size, 100))
