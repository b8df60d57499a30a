"""Understand what lights, motors and the loudspeaker did: from bare pins and file names to claims.

The readers know no state of the product. A lamp that burns without a break for longer than a blink is steady;
a recording is known by the name of its file. The claims are those of the product's table of surfaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from sim.home.ledger import Meaning

STEADY_MS = 2_500  # of a blink a fifth of a second is lit; a machine that stalls for two more still blinks
DARK_MS = 1_600  # darkness longer than this is "off"; twice as long as that of a blink

PHRASES = {
    "calling": Meaning.HEARD,
    "not-reached": Meaning.NOT_YET,
    "delivered": Meaning.DELIVERED,
    "delivered-later": Meaning.HEARD,
    "taken": Meaning.TAKEN,
    "arrived": Meaning.OVER,
    "closed": Meaning.OVER,
    "cancelled": Meaning.OVER,
    "still-waiting": Meaning.DELIVERED,
}
LAMPS = {
    ("amber", "steady"): Meaning.HEARD,
    ("green", "blink"): Meaning.DELIVERED,
    ("green", "steady"): Meaning.TAKEN,
}


def phrase_of(wav: str) -> str:
    """The phrase key of a recording: the name of its file."""
    return PurePath(wav).stem


def meaning_of_phrase(key: str) -> Meaning:
    """What a spoken phrase claims."""
    return PHRASES.get(key, Meaning.OTHER)


@dataclass(frozen=True)
class Shown:
    """What a lamp shows: a colour (or "off") and a pattern."""

    colour: str = "off"
    pattern: str = "off"

    @property
    def meaning(self) -> Meaning:
        return LAMPS.get((self.colour, self.pattern), Meaning.OTHER)


class LampReader:
    """Turn levels of the lamp's pins into what a person sees.

    `level` takes each change of a colour's pin, `look` is called now and then (at least every STEADY_MS);
    both give what is newly shown, or None. A colour counts as blinking from its first light (the weaker
    claim) and as steady once it has burnt for STEADY_MS.
    """

    def __init__(self) -> None:
        self.shown = Shown()
        self._lit = ""
        self._since_ms = 0

    def level(self, at_ms: int, colour: str, lit: bool) -> Shown | None:
        """A pin changed."""
        before = self.look(at_ms)
        if lit:
            self._lit, self._since_ms = colour, at_ms
            if self.shown.colour != colour:
                return self._show(Shown(colour, "blink"))
        elif self._lit == colour:
            self._lit, self._since_ms = "", at_ms
        return before

    def look(self, at_ms: int) -> Shown | None:
        """Time passed."""
        since = at_ms - self._since_ms
        if self._lit and since >= STEADY_MS:
            return self._show(Shown(self._lit, "steady"))
        if not self._lit and since >= DARK_MS:
            return self._show(Shown())
        if not self._lit and self.shown.pattern == "steady":
            return self._show(Shown(self.shown.colour, "blink"))
        return None

    def _show(self, shown: Shown) -> Shown | None:
        if shown == self.shown:
            return None
        self.shown = shown
        return shown
