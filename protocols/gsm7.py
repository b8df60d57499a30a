"""The GSM 7-bit default alphabet: text to septets and back, packed into octets as SMS carries them.

Source: 3GPP TS 23.038 6.2.1 (default alphabet and its extension table) and 6.1.2.1 (packing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from protocols.errors import AnbanError, Reason

ESCAPE: Final = 0x1B
# TS 23.038 6.2.1: the place of a character is its code. U+001B stands for the escape, which is no character.
BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\"} | {
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_CODES: Final[dict[str, tuple[int, ...]]] = {
    char: (code,) for code, char in enumerate(BASIC) if code != ESCAPE
} | {char: (ESCAPE, code) for code, char in EXTENSION.items()}


def fits(text: str) -> bool:
    """Whether every character of a text is in the alphabet or its extension."""
    return all(char in _CODES for char in text)


def width(char: str) -> int:
    """How many septets a character takes: 1, or 2 in the extension. KeyError for one that is in neither."""
    return len(_CODES[char])


def encode(text: str) -> list[int]:
    """The septets of a text. AnbanError(BAD_VALUE) if it does not fit the alphabet."""
    try:
        return [code for char in text for code in _CODES[char]]
    except KeyError as error:
        raise AnbanError(Reason.BAD_VALUE, "A character is not in the GSM alphabet.") from error


def decode(septets: Sequence[int]) -> str:
    """The text of septets. An unknown extension is shown as its basic character, as TS 23.038 6.2.1.1 says;
    an escape at the end as a space."""
    out, escaped = [], False
    for code in septets:
        code &= 0x7F
        if escaped:
            out.append(EXTENSION.get(code) or (" " if code == ESCAPE else BASIC[code]))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            out.append(BASIC[code])
    return "".join(out) + (" " if escaped else "")


def pack(septets: Sequence[int], fill_bits: int = 0) -> bytes:
    """Octets of septets, the first `fill_bits` bits (0 to 6) left zero for a header before them."""
    bits, held = 0, fill_bits
    out = bytearray()
    for code in septets:
        bits |= (code & 0x7F) << held
        held += 7
        while held >= 8:
            out.append(bits & 0xFF)
            bits, held = bits >> 8, held - 8
    if held:
        out.append(bits & 0xFF)
    return bytes(out)


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> list[int]:
    """`count` septets of octets, or as many as are whole in them."""
    bits = int.from_bytes(octets, "little") >> fill_bits
    whole = max(0, (len(octets) * 8 - fill_bits) // 7)
    return [(bits >> (7 * place)) & 0x7F for place in range(min(count, whole))]
