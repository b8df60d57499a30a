"""The calls as the page draws them: one card a call, with the times of its stages after the first press.

A later press of the call that the platform has not yet makes the card "on its way" again. Fed by the ledger
and by what the platform's database shows; pure, times are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.home.ledger import Deed, Meaning, Press, Stored, Told
from sim.home.platform import LiveCase
from sim.home.setup import Elder

SHOWN = 12
TITLES = {
    "call.sos": {"zh": "紧急求助", "en": "SOS"},
    "call.assistance": {"zh": "服务", "en": "assistance"},
    "call.consultation": {"zh": "请回电", "en": "call back"},
    "call.fall": {"zh": "跌倒", "en": "fall"},
}
KEY_TITLES = {"green": TITLES["call.assistance"], "fall": TITLES["call.fall"]}
ENDED = ("closed", "cancelled")
DEED_STAGES = {"take": "taken", "arrived": "arrived"}


@dataclass
class Card:
    """One call on the page."""

    elder: str
    pressed_ms: int
    title: dict[str, str]
    call_id: str = ""
    state: str = "going"
    presses: int = 1
    stages: dict[str, int] = field(default_factory=lambda: {"pressed": 0})
    owed: dict[str, int] = field(default_factory=dict)  # device -> its last press, not at the platform

    @property
    def shown(self) -> str:
        """The state to show: more presses than the platform has are told first."""
        return "going" if self.owed and self.state not in ENDED else self.state

    def stage(self, name: str, at_ms: int) -> None:
        """Set a stage once; never before the press."""
        self.stages.setdefault(name, max(0, at_ms - self.pressed_ms))


class Cards:
    """All calls of the run, the newest first."""

    def __init__(self, elders: Mapping[str, Elder]) -> None:
        self.elders = elders
        self.cards: list[Card] = []

    def pressed(self, press: Press) -> None:
        card = self._open(press.elder)
        if card is not None:
            card.presses += 1
            card.owed[press.origin] = press.at_ms
            return
        title = KEY_TITLES.get(press.key, TITLES["call.sos"])
        self.cards.insert(0, Card(press.elder, press.at_ms, title))
        del self.cards[SHOWN:]

    def told(self, told: Told) -> None:
        """The hub says that it has it, or anything says "delivered": the elder feels it."""
        if told.meaning is Meaning.HEARD:
            for card in self.cards:
                if card.state == "going":
                    card.stage("heard", told.at_ms)
        if told.meaning is not Meaning.DELIVERED:
            return
        for card in self.cards:
            if "platform" in card.stages and told.elder in ("", card.elder):
                card.stage("felt", told.at_ms)

    def stored(self, event: Stored) -> None:
        card = self._of(event.call_id)
        if card is None or card.state in ENDED:  # a press after the end opens the case anew
            card = self._open(event.elder) or card
        if card is None:
            return
        card.title = TITLES.get(event.kind, card.title)
        if event.received_ms >= card.owed.get(event.origin, 0):
            card.owed.pop(event.origin, None)
        if not card.call_id:
            card.call_id, card.state = event.call_id, "open"
            for name, after_ms in event.stages.items():
                if name in ("heard", "stored", "sent"):
                    card.stages[name] = after_ms
            card.stage("platform", event.received_ms)

    def done(self, deed: Deed) -> None:
        card = self._of(deed.call_id)
        if card is not None and deed.what in DEED_STAGES:
            card.stage(DEED_STAGES[deed.what], deed.at_ms)

    def case(self, case: LiveCase, at_ms: int) -> None:
        """The platform's case changed; a deed at the seat page is seen here first."""
        card = self._of(case.call_id)
        if card is None:
            return
        if case.handling in ("taken", "arrived"):
            card.stage(case.handling, at_ms)
        card.state = case.lifecycle if case.lifecycle != "open" else _handled(case.handling)

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {
                "elder": {"zh": self.elders[card.elder].zh, "en": self.elders[card.elder].en},
                "title": card.title,
                "state": card.shown,
                "presses": card.presses,
                "stages": dict(card.stages),
            }
            for card in self.cards
            if card.elder in self.elders
        ]

    def _open(self, elder: str) -> Card | None:
        live = (c for c in self.cards if c.elder == elder and c.state not in ENDED)
        return next(live, None)

    def _of(self, call_id: str) -> Card | None:
        return next((card for card in self.cards if card.call_id == call_id), None)


def _handled(handling: str) -> str:
    return "open" if handling == "none" else handling
