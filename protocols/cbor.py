"""Hostile CBOR in, plain values out: one item, definite lengths, no tags, no duplicate keys, bounded depth.

Source: RFC 8949. cbor2 does the parsing; its semantic tags (dates, big numbers, regular expressions, shared
references) are refused before they are built, because some cost unbounded time and none is in our grammar.
"""

from __future__ import annotations

import io
from typing import Any, NoReturn

import cbor2

from protocols.errors import AnbanError, Reason

MAX_DEPTH = 12  # a batch, a value, its data, and what check_tree allows within


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a tag")


_NO_TAGS = dict.fromkeys(
    (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799), _refuse
)


def load(raw: bytes, limit: int) -> Any:
    """The one item in `raw`. Raises AnbanError: TOO_BIG beyond `limit` bytes, BAD_VALUE when malformed."""
    if len(raw) > limit:
        raise AnbanError(Reason.TOO_BIG, f"A message of {len(raw)} bytes; {limit} are allowed.")
    stream = io.BytesIO(raw)
    decoder = cbor2.CBORDecoder(
        stream,
        tag_hook=_refuse,
        semantic_decoders=_NO_TAGS,
        max_depth=MAX_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
    )
    try:
        item = decoder.decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        # no cause: cbor2 quotes what it read, and errors end in logs
        raise AnbanError(Reason.BAD_VALUE, "The message is not CBOR as agreed.") from None
    if stream.tell() != len(raw):
        raise AnbanError(Reason.BAD_VALUE, "Bytes stand behind the message.")
    return item


def dump(item: Any) -> bytes:
    """The bytes of a plain value."""
    return cbor2.dumps(item)
