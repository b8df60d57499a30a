"""A characteristic as a table: flags first, then fields that the flags announce; read and written by it.

Reading is strict: fewer bytes than the flags promise, bytes that nothing explains, and values that a field
cannot have are refused (GattError). Flags that are reserved for future use are ignored, as the specification
asks; a field that they would announce is then a trailing byte, and refused. Writing derives the flags from
which values are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocols.gatt.numbers import Cause, Codec, Cursor, GattError, Nibbles
from protocols.gatt.octets import Unused

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that some flags say by themselves: bits from `shift` on, as many as `words` need."""

    name: str
    shift: int
    words: tuple[str, ...]

    @property
    def mask(self) -> int:
        """Of the bits, before the shift."""
        return (1 << (len(self.words) - 1).bit_length()) - 1


@dataclass(frozen=True, slots=True)
class Field:
    """A value that follows the flags. `bit`: there only where this flag is set, else always.

    `alt` takes the place of `codec` where flag `alt_bit` is set. A name of "" is that of a codec with names
    of its own (Nibbles), or with none (Unused).
    """

    name: str
    codec: Codec
    bit: int | None = None
    alt: Codec | None = None
    alt_bit: int = 0

    def there(self, values: Mapping[str, Any]) -> bool:
        """Whether values hold this field."""
        if isinstance(self.codec, Unused):
            return self.bit is None
        if isinstance(self.codec, Nibbles):
            return any(name in values for name in self.codec.names)
        return self.name in values


@dataclass(frozen=True, slots=True)
class Layout:
    """A characteristic of the Bluetooth GATT Specification Supplement. `uuid`: its 16 bits."""

    uuid: int
    name: str
    fields: tuple[Field, ...]
    choices: tuple[Choice, ...] = ()
    flags: int = 0  # bytes of flags in front

    def read(self, raw: bytes) -> Values:
        """The values in these bytes. GattError for anything else."""
        cursor = Cursor(raw)
        flags = int.from_bytes(cursor.take(self.flags, f"{self.name}.flags"), "little")
        values: Values = {
            choice.name: choice.words[flags >> choice.shift & choice.mask] for choice in self.choices
        }
        for field in self.fields:
            if field.bit is not None and not flags >> field.bit & 1:
                continue
            alt = field.alt if field.alt is not None and flags >> field.alt_bit & 1 else None
            value = (alt or field.codec).read(cursor, f"{self.name}.{field.name}")
            if isinstance(field.codec, Nibbles | Unused):
                values.update(value)
            else:
                values[field.name] = value
        if cursor.left:
            raise GattError(Cause.TRAILING, f"{self.name} has {cursor.left} bytes that its flags do not say")
        return values

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of values that `read` could give. GattError for what cannot be said in them."""
        self._check(values)
        flags = self._flags(values)
        body = b""
        for field in self.fields:
            if not field.there(values):
                continue
            what = f"{self.name}.{field.name}"
            value = values if isinstance(field.codec, Nibbles | Unused) else values[field.name]
            if field.alt is not None and flags >> field.alt_bit & 1:
                body += field.alt.write(value, what)
                continue
            try:
                body += field.codec.write(value, what)
            except GattError:
                if field.alt is None or self._chosen(field.alt_bit):
                    raise
                body += field.alt.write(value, what)  # too large for the short form
                flags |= 1 << field.alt_bit
        return flags.to_bytes(self.flags, "little") + body

    def _chosen(self, bit: int) -> bool:
        return any(choice.shift <= bit < choice.shift + choice.mask.bit_length() for choice in self.choices)

    def _check(self, values: Mapping[str, Any]) -> None:
        known = {choice.name for choice in self.choices}
        for field in self.fields:
            known.update(field.codec.names if isinstance(field.codec, Nibbles | Unused) else (field.name,))
        if not known >= values.keys():
            unknown = ", ".join(sorted(map(str, values.keys() - known)))[:80]
            raise GattError(Cause.UNKNOWN, f"{self.name} has no {unknown}")
        together: dict[int | None, list[Field]] = {}
        for field in self.fields:
            together.setdefault(field.bit, []).append(field)
        for bit, fields in together.items():
            there = [field.there(values) for field in fields]
            if any(there) != all(there) or (bit is None and not all(there)):
                raise GattError(Cause.SHORT, f"{self.name} is written with all of a flag's fields, or none")

    def _flags(self, values: Mapping[str, Any]) -> int:
        flags = 0
        for choice in self.choices:
            word = values.get(choice.name, choice.words[0])
            if word not in choice.words:
                raise GattError(Cause.IMPOSSIBLE, f"{self.name}.{choice.name} has no such word")
            flags |= choice.words.index(word) << choice.shift
        for field in self.fields:
            if field.bit is not None and field.there(values):
                flags |= 1 << field.bit
        return flags
