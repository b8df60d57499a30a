"""Codecs for what is no number by itself: octets without meaning, raw octets, numbers out of a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from protocols.gatt.numbers import Absence, Codec, Cursor, impossible


class Unused:
    """Octets that mean nothing here: read past, and written as `octets`."""

    names: tuple[str, ...] = ()

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def read(self, cursor: Cursor, what: str) -> dict[str, str]:
        """Nothing, whatever they are."""
        cursor.take(len(self._octets), what)
        return {}

    def write(self, value: Any, what: str) -> bytes:
        """The same octets always."""
        return self._octets


class Listed:
    """Another codec whose numbers are among `values`, or absent."""

    def __init__(self, codec: Codec, values: Iterable[int]) -> None:
        self._codec, self._values = codec, frozenset(values)

    def read(self, cursor: Cursor, what: str) -> Any:
        """The value, one of the list."""
        value = self._codec.read(cursor, what)
        if not isinstance(value, Absence) and value not in self._values:
            raise impossible(what)
        return value

    def write(self, value: Any, what: str) -> bytes:
        """The bytes of one of the list."""
        if not isinstance(value, Absence) and (not isinstance(value, int) or value not in self._values):
            raise impossible(what)
        return self._codec.write(value, what)


class Octets:
    """All that is left, as hexadecimal text."""

    def read(self, cursor: Cursor, what: str) -> str:
        """Two digits an octet."""
        return cursor.take(cursor.left, what).hex()

    def write(self, value: Any, what: str) -> bytes:
        """The octets again."""
        try:
            return bytes.fromhex(value)
        except (TypeError, ValueError):
            raise impossible(what) from None
