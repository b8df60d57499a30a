"""The small values inside characteristics: integers, medical floats, moments; each read, checked and written.

SFLOAT and FLOAT are those of IEEE 11073-20601 (a decimal exponent and a mantissa); DateTime is that of the
Bluetooth GATT Specification Supplement. All little-endian. What is no number in them is an `Absence`, never a
figure that could be taken for one.
"""

from __future__ import annotations

import calendar
import enum
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, Protocol

from protocols.errors import AnbanError, Reason


class Cause(enum.StrEnum):
    """Why bytes were refused, for programs."""

    SHORT = "short"  # fewer bytes than the flags promise
    TRAILING = "trailing"  # bytes that nothing in the flags explains
    IMPOSSIBLE = "impossible"  # a value that the field cannot have
    CHECKSUM = "checksum"
    UNKNOWN = "unknown"  # no such characteristic, or nothing that can be written in it


class GattError(AnbanError):
    """These bytes are not what their characteristic says. `cause` for programs, `sentence` for technicians.

    The sentence never holds a measured value.
    """

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(Reason.BAD_VALUE, sentence)
        self.cause = cause


class Absence(enum.StrEnum):
    """Why there is no number where one could stand."""

    NAN = "nan"  # not a number: an invalid result, or a sensor without contact
    NRES = "nres"  # not at this resolution
    PLUS_INFINITY = "+inf"
    MINUS_INFINITY = "-inf"
    RESERVED = "reserved"


class Moment(NamedTuple):
    """A date and time by the meter's own clock; a year, month or day of 0 is not known."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int

    @property
    def known(self) -> bool:
        """Whether this names one second of the calendar."""
        return bool(self.year and self.month and self.day)

    def __str__(self) -> str:
        return "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format(*self)


class Cursor:
    """Bytes that are read from the front."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    @property
    def left(self) -> int:
        """How many bytes nobody has read."""
        return len(self._raw) - self._at

    def take(self, count: int, what: str) -> bytes:
        """The next bytes. GattError(SHORT) where there are not so many."""
        if self.left < count:
            raise GattError(Cause.SHORT, f"{what} has {self.left} bytes where {count} are promised")
        self._at += count
        return self._raw[self._at - count : self._at]


class Codec(Protocol):
    """One value, read and written. `write` raises GattError(IMPOSSIBLE) for what the field cannot hold."""

    def read(self, cursor: Cursor, what: str) -> Any: ...

    def write(self, value: Any, what: str) -> bytes: ...


def impossible(what: str) -> GattError:
    """The refusal of a value that a field cannot have."""
    return GattError(Cause.IMPOSSIBLE, f"{what} has a value that it cannot have")


class Whole:
    """An integer of `size` bytes, times `scale`, from `low` to `high` as it stands on the wire.

    `missing` is the raw number that says: no value (Absence.NAN).
    """

    def __init__(
        self,
        size: int,
        *,
        signed: bool = False,
        scale: Fraction | int = 1,
        low: int | None = None,
        high: int | None = None,
        missing: int | None = None,
    ) -> None:
        self.size, self.signed, self.scale, self.missing = size, signed, Fraction(scale), missing
        bits = 8 * size
        self.low = low if low is not None else (-(1 << (bits - 1)) if signed else 0)
        self.high = high if high is not None else (1 << (bits - 1 if signed else bits)) - 1

    def read(self, cursor: Cursor, what: str) -> int | float | Absence:
        """The number, an int where the scale is whole."""
        raw = int.from_bytes(cursor.take(self.size, what), "little", signed=self.signed)
        if raw == self.missing:
            return Absence.NAN
        if not self.low <= raw <= self.high:
            raise impossible(what)
        scaled = raw * self.scale
        return int(scaled) if self.scale.denominator == 1 else float(scaled)

    def write(self, value: Any, what: str) -> bytes:
        """The bytes of a number that `read` could give."""
        if isinstance(value, Absence) and value is Absence.NAN and self.missing is not None:
            raw = self.missing
        elif isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise impossible(what)
        else:
            raw = _rounded(value, self.scale, what)
            if not self.low <= raw <= self.high or raw == self.missing:
                raise impossible(what)
        return raw.to_bytes(self.size, "little", signed=self.signed)


def _rounded(value: int | float, scale: Fraction, what: str) -> int:
    try:
        return round(Fraction(value) / scale)
    except (OverflowError, ValueError):
        raise impossible(what) from None


class Medical:
    """A medical float: a decimal exponent of `exponent_bits` above a signed mantissa of `mantissa_bits`."""

    def __init__(self, mantissa_bits: int, exponent_bits: int) -> None:
        self._bits, self._exponent_bits = mantissa_bits, exponent_bits
        top = 1 << (mantissa_bits - 1)  # 800 of an SFLOAT
        self.special = {  # IEEE 11073-20601 F.7: with an exponent of 0
            top - 1: Absence.NAN,
            top: Absence.NRES,
            top - 2: Absence.PLUS_INFINITY,
            top + 2: Absence.MINUS_INFINITY,
            top + 1: Absence.RESERVED,
        }
        self._top = top

    def read(self, cursor: Cursor, what: str) -> float | Absence:
        """The number, or why there is none."""
        size = (self._bits + self._exponent_bits) // 8
        raw = int.from_bytes(cursor.take(size, what), "little")
        mantissa, exponent = raw & ((1 << self._bits) - 1), raw >> self._bits
        if exponent == 0 and mantissa in self.special:
            return self.special[mantissa]
        mantissa -= (mantissa >> (self._bits - 1)) << self._bits
        exponent -= (exponent >> (self._exponent_bits - 1)) << self._exponent_bits
        return float(Fraction(mantissa) * Fraction(10) ** exponent)

    def write(self, value: Any, what: str) -> bytes:
        """The bytes of a number, with as many digits as the mantissa takes."""
        if isinstance(value, Absence):
            raw = next(pattern for pattern, absence in self.special.items() if absence is value)
        elif isinstance(value, bool) or not isinstance(value, int | float) or value in _NO_NUMBERS:
            raise impossible(what)
        else:
            raw = self._packed(float(value), what)
        return raw.to_bytes((self._bits + self._exponent_bits) // 8, "little")

    def _packed(self, value: float, what: str) -> int:
        if value != value:
            raise impossible(what)
        sign, digits, exponent = Decimal(repr(value)).as_tuple()
        assert isinstance(exponent, int)  # a float that is a number
        mantissa = int("".join(map(str, digits)))
        span = 1 << (self._exponent_bits - 1)
        while exponent < 0 and mantissa % 10 == 0 and mantissa:
            mantissa, exponent = mantissa // 10, exponent + 1
        while mantissa > self._most(exponent, sign) or (exponent < -span and mantissa):
            mantissa, exponent = (mantissa + 5) // 10, exponent + 1
        while exponent >= span and 0 < mantissa * 10 <= self._most(exponent - 1, sign):
            mantissa, exponent = mantissa * 10, exponent - 1
        if mantissa == 0:
            exponent = 0
        if exponent >= span:
            raise impossible(what)
        mantissa = -mantissa if sign else mantissa
        fields = (exponent & ((1 << self._exponent_bits) - 1)) << self._bits
        return fields | (mantissa & ((1 << self._bits) - 1))

    def _most(self, exponent: int, negative: int) -> int:
        """The largest mantissa that is a number: some are special, with an exponent of 0 alone."""
        return self._top - 3 if exponent == 0 else self._top - 1 + negative


class Bounded:
    """Another codec whose numbers must lie between `low` and `high`; absences pass."""

    def __init__(self, codec: Codec, low: float, high: float) -> None:
        self._codec, self._low, self._high = codec, low, high

    def read(self, cursor: Cursor, what: str) -> Any:
        """The value, within its bounds."""
        value = self._codec.read(cursor, what)
        if not isinstance(value, Absence) and not self._low <= value <= self._high:
            raise impossible(what)
        return value

    def write(self, value: Any, what: str) -> bytes:
        """The bytes of a value within the bounds."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not self._low <= value <= self._high:
            raise impossible(what)
        return self._codec.write(value, what)


_NO_NUMBERS: Final = (float("inf"), float("-inf"))
SFLOAT: Final = Medical(12, 4)
FLOAT: Final = Medical(24, 8)


class DateTime:
    """Seven octets: year, month, day, hour, minute, second; 0 of the first three is "not known"."""

    def read(self, cursor: Cursor, what: str) -> Moment:
        """The moment, which the calendar must know."""
        raw = cursor.take(7, what)
        moment = Moment(int.from_bytes(raw[:2], "little"), *raw[2:])
        self._check(moment, what)
        return moment

    def write(self, value: Any, what: str) -> bytes:
        """The bytes of a moment."""
        if not isinstance(value, Moment):
            raise impossible(what)
        self._check(value, what)
        return value.year.to_bytes(2, "little") + bytes(value[1:])

    @staticmethod
    def _check(moment: Moment, what: str) -> None:
        year, month, day, hour, minute, second = moment
        good = year == 0 or 1582 <= year <= 9999  # the Gregorian calendar begins in 1582
        good = good and 0 <= month <= 12 and hour in range(24) and minute in range(60) and second in range(60)
        if good and day:
            days = calendar.monthrange(year or 2000, month)[1] if month else 31
            good = 0 < day <= days
        if not good or min(moment) < 0:
            raise impossible(what)


class Word:
    """One octet, or `size` of them, that stands for a word; a number without a word stays one, as text."""

    def __init__(self, words: Mapping[int, str], size: int = 1) -> None:
        self._words, self._size = dict(words), size
        self._numbers = {word: number for number, word in self._words.items()}

    def name(self, number: int) -> str:
        """The word of a number."""
        return self._words.get(number, str(number))

    def number(self, word: Any, what: str) -> int:
        """The number of a word."""
        found = self._numbers.get(word) if isinstance(word, str) else None
        if found is not None:
            return found
        plain = isinstance(word, str) and word.isascii() and word.isdigit() and len(word) <= 5
        number = int(word) if plain else -1
        if 0 <= number < 1 << (8 * self._size) and number not in self._words:
            return number
        raise impossible(what)

    def read(self, cursor: Cursor, what: str) -> str:
        """The word."""
        return self.name(int.from_bytes(cursor.take(self._size, what), "little"))

    def write(self, value: Any, what: str) -> bytes:
        """Its number."""
        return self.number(value, what).to_bytes(self._size, "little")


class Text:
    """UTF-8 to the end, without the zeros that some meters put behind it."""

    def read(self, cursor: Cursor, what: str) -> str:
        """The text, without control characters."""
        try:
            text = cursor.take(cursor.left, what).decode().rstrip("\0")
        except UnicodeDecodeError:
            raise impossible(what) from None
        if any(ord(c) < 32 or ord(c) == 127 for c in text):
            raise impossible(what)
        return text

    def write(self, value: Any, what: str) -> bytes:
        """Its bytes."""
        if not isinstance(value, str) or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
            raise impossible(what)
        return value.encode()


class Many:
    """As many values of a kind as there are bytes left."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def read(self, cursor: Cursor, what: str) -> tuple[Any, ...]:
        """All of them."""
        found = []
        while cursor.left:
            found.append(self._codec.read(cursor, what))
        return tuple(found)

    def write(self, value: Any, what: str) -> bytes:
        """All of them."""
        if not isinstance(value, tuple | list):
            raise impossible(what)
        return b"".join(self._codec.write(item, what) for item in value)


class Nibbles:
    """One octet of two words: the low half and the high half; read as a mapping of both names."""

    def __init__(self, low: tuple[str, Word], high: tuple[str, Word]) -> None:
        self.names = (low[0], high[0])
        self._low, self._high = low[1], high[1]

    def read(self, cursor: Cursor, what: str) -> dict[str, str]:
        """Both words."""
        octet = cursor.take(1, what)[0]
        return {self.names[0]: self._low.name(octet & 15), self.names[1]: self._high.name(octet >> 4)}

    def write(self, value: Any, what: str) -> bytes:
        """Both halves."""
        low = self._low.number(value.get(self.names[0]), what)
        high = self._high.number(value.get(self.names[1]), what)
        if low > 15 or high > 15:
            raise impossible(what)
        return bytes((low | high << 4,))
