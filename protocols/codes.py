"""Names and their small integers on the wire, both ways, with a place for what a later version adds.

A name without a code travels as text. A code without a name becomes `code.N`, and goes out as N again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocols.errors import AnbanError, Reason

MAX_CODE = 2**16 - 1
_UNNAMED = "code."


class Codes:
    """One table of names and codes. Codes are for ever: rows are added, never renumbered."""

    def __init__(self, codes: Mapping[str, int]) -> None:
        self._codes = dict(codes)
        self._names = {code: name for name, code in self._codes.items()}
        if len(self._names) != len(self._codes):
            raise ValueError("a code stands twice in the table")

    def to_wire(self, name: str) -> int | str:
        """The code of a known name, the number of an unknown `code.N`, else the name itself."""
        code = self._codes.get(name)
        if code is not None:
            return code
        if name.startswith(_UNNAMED):
            digits = name[len(_UNNAMED) :]
            if digits.isascii() and digits.isdigit() and len(digits) <= 5 and digits == str(int(digits)):
                code = int(digits)
                if code <= MAX_CODE and code not in self._names:
                    return code
        return name

    def from_wire(self, code: Any) -> str:
        """The name of a code or text from the wire. Raises AnbanError(BAD_VALUE) for anything else."""
        if type(code) is str:
            return code
        if type(code) is int and 0 <= code <= MAX_CODE:
            return self._names.get(code, f"{_UNNAMED}{code}")
        raise AnbanError(Reason.BAD_VALUE, "A name on the wire is neither a code nor a text.")

    def map_to_wire(self, named: Mapping[str, Any]) -> dict[int | str, Any]:
        """A map with its keys as codes where they have one."""
        return {self.to_wire(name): value for name, value in named.items()}

    def map_from_wire(self, coded: Any) -> dict[str, Any]:
        """A map with its keys as names. Raises AnbanError(BAD_VALUE) for no map, or a name twice."""
        if type(coded) is not dict:
            raise AnbanError(Reason.BAD_VALUE, "A map was expected on the wire.")
        named = {self.from_wire(code): value for code, value in coded.items()}
        if len(named) != len(coded):
            raise AnbanError(Reason.BAD_VALUE, "A key stands twice in a map on the wire.")
        return named
