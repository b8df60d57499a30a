"""Tells those who are not the platform, as `edge/reach.py` says: texts to relatives, each an event.

Texts go one after the other, so that a call's own text waits for one of them at most, and they leave a share
of the day's budget to the platform. A text is noted when the network has it: one that a crash follows at once
may come twice, none is forgotten.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Callable
from typing import Any, Final

from drivers.waiting import came
from edge.book import Call, find
from edge.config import Config
from edge.entries import ToldEntry
from edge.hub import LATE_S, Hub
from edge.letters import Letter, write
from edge.lines import Lines
from edge.paths.sms import GONE, sent
from edge.phrases import Phrase
from edge.plan import Row
from edge.reach import Contact, Text, texts_due, told_over, told_text
from edge.ringing import Ringing
from edge.telephony import address_of
from edge.texting import Texting
from protocols.errors import AnbanError, Reason
from protocols.values import EventId, Lane

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0  # deadlines of relatives are half minutes
AGAIN_MS: Final = 20_000  # after a text that has not gone
BUDGET_AGAIN_MS: Final = 600_000
SHARE: Final = 0.7  # of the day's texts; the rest is the platform's
OVER: Final = (Letter.TAKEN, Letter.OVER)


class Reaching:
    """Run it as a task where the seed has contacts. `config()` is what is in force."""

    def __init__(
        self,
        hub: Hub,
        texting: Texting | None,
        config: Callable[[], Config],
        lines: Lines | None = None,
        say: Callable[[Phrase], object] = lambda phrase: None,
    ) -> None:
        self._hub, self._texting, self._config = hub, texting, config
        self._ringing = None if lines is None else Ringing(hub, self, lines, say)
        self._held: dict[tuple[EventId, str], int] = {}  # not before this monotonic ms
        self._wake = asyncio.Event()
        hub.on_change.append(self._wake.set)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._texting is not None:
                group.create_task(self._texts(self._texting), name="texts to contacts")
            if self._ringing is not None:
                group.create_task(self._ringing.run(), name="ringing")

    # --- texts ---

    async def _texts(self, texting: Texting) -> None:
        while True:
            self._wake.clear()
            text = self._next_text(texting)
            if text is not None:
                await self._text(texting, text)
                continue
            await came(self._wake, LOOK_S)

    def _next_text(self, texting: Texting) -> Text | None:
        if not texting.modem.standing.good:
            return None
        now = self._hub.mint.stamp()
        due = texts_due(self._hub.book, now, self.contacts(), self.row("family"), self.help_ms())
        self._held = {key: until for key, until in self._held.items() if until > now.uptime_ms}
        return next((text for text in due if (text.call_id, text.contact) not in self._held), None)

    async def _text(self, texting: Texting, text: Text) -> None:
        """Send one, note it, make it an event; what has not gone is tried again."""
        contact = next(c for c in self._config().contacts if c.id == text.contact)
        call = find(self._hub.book, text.call_id)
        assert call is not None
        budget, outcome = texting.budget, "handed"
        try:
            await budget.spend(share=SHARE)
            await sent(texting.modem, budget, contact.number, self._words(text, call))
        except AnbanError as error:
            log.info("a text to %s: %s", contact.id, error)
            if error.reason not in GONE:
                wait_ms = BUDGET_AGAIN_MS if error.reason is Reason.RATE_LIMITED else AGAIN_MS
                self._held[text.call_id, text.contact] = self._hub.mint.clock.monotonic_ms() + wait_ms
                return
            outcome = "unknown"
        over = text.letter in OVER
        name = told_over(contact.id) if over else told_text(contact.id)
        await self.note(text.call_id, name)
        self.tell("contact.texted", call, contact.id, what=text.letter.value, outcome=outcome)

    def _words(self, text: Text, call: Call) -> str:
        config = self._config()
        contact = next(c for c in config.contacts if c.id == text.contact)
        names = {elder.id: elder.name for elder in config.elders}
        local_s = call.at.wall_ms / 1000 + config.home.utc_offset_minutes * 60
        when = f"{datetime.datetime.fromtimestamp(local_s, datetime.UTC):%H:%M}" if call.at.trusted else ""
        return write(
            text.letter,
            contact.language or config.home.language,
            who=names.get(call.elder) or call.elder,
            when=when,
            place=config.modem.place if config.modem is not None else "",
        )

    # --- what both share ---

    def tell(self, kind: str, call: Call, contact: str, **data: Any) -> None:
        """The event of something that was done."""
        self._hub.report(kind, {"call": str(call.id), "contact": contact, **data}, elder=call.elder)

    def address_of(self, contact: str, way: str) -> str:
        """What a telephone rings to reach a contact."""
        return address_of(self._config(), contact, way)

    async def note(self, call_id: EventId, name: str) -> None:
        """Note it in the call, and wait until it counts there."""
        commit = self._hub.note(ToldEntry(at=self._hub.mint.stamp(), call_id=call_id, name=name))
        if commit is not None:
            await asyncio.wait({commit}, timeout=2 * LATE_S)  # it counts after LATE_S at the latest

    def contacts(self) -> tuple[Contact, ...]:
        """Whom the seed names."""
        return tuple(
            Contact(id=c.id, text=c.text, voice=c.voice, elders=c.elders) for c in self._config().contacts
        )

    def row(self, path: str) -> Row | None:
        """A row of the plan in force."""
        return next((row for row in self._config().plan.rows(Lane.SOS) if row.path == path), None)

    def help_ms(self) -> int:
        """How long a call that the platform has may go untaken."""
        return round(self._config().timing.help_s * 1000)
