"""The family's telephones by SIP on the home page: they are looked at now and then, answered, hung up.

A mobile phone of sim/modem tells of each change by itself; a baresip is asked, several times a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from protocols.errors import AnbanError
from sim.home.feed import Feed
from sim.home.home import Home
from sim.home.page import ActError
from sim.sip.phone import SipFamilyPhone

BY_SIP = "-sip"  # behind a relative's id, for whoever has a mobile phone too
ROWS = {"ringing": "phone_ringing", "answered": "phone_answered", "idle": "phone_ended"}


class Telephones:
    """`look()` again and again; `hand(name, what)` for a visitor."""

    def __init__(self, home: Home, feed: Feed) -> None:
        self._home, self._feed = home, feed
        self._states: dict[str, str] = {}

    def look(self) -> None:
        """Show each telephone as it is, and in the timeline what has changed."""
        for relative in self._home.setup.family:
            phone = self._phone(relative.id)
            if phone is None:
                continue
            name, state = relative.id + BY_SIP, phone.state
            before = self._states.get(name, "idle")
            self._states[name] = state
            if state != before and state in ROWS:
                self._feed.row(ROWS[state], name)
            self._feed.show(
                f"phone:{name}",
                {
                    "id": name,
                    "name": {"zh": relative.zh, "en": relative.en},
                    "by": "sip",
                    "state": state,
                    "texts": [],
                },
            )

    async def hand(self, name: str, what: str) -> None:
        """answer, hang_up or one (the key 1). ActError for a telephone or a hand that is none, or refused."""
        phone = self._phone(name.removesuffix(BY_SIP)) if name.endswith(BY_SIP) else None
        if phone is None:
            raise ActError("there is no such phone")
        hands: dict[str, Callable[[], Awaitable[None]]] = {
            "answer": phone.answer,
            "hang_up": phone.hang_up,
            "one": lambda: phone.press("1"),
        }
        if what not in hands:
            raise ActError("a hand cannot do that")
        try:
            await hands[what]()
        except AnbanError as error:
            raise ActError(error.sentence) from error
        self.look()

    def _phone(self, relative: str) -> SipFamilyPhone | None:
        return None if self._home.sip is None else self._home.sip.phones.get(relative)
