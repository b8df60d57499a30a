"""A meter's register of its users: a person's code opens what it holds of them (User Data Service 1.1).

    register = Register(link)
    await register.open()                        its answers come from now on
    await register.give("scale-01", Consent(2, code))

A code is on the link and nowhere else: no sentence, log or repr names it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from drivers.ble.meter_facts import MeterConnection
from protocols.errors import AnbanError, Reason
from protocols.gatt import GattError, decode, encode, uuid128

CONTROL: Final = 0x2A9F
MOST_ANSWERS: Final = 8  # that wait; a meter gives one to each question


@dataclass(frozen=True, slots=True)
class Consent:
    """`user`: the meter's number of the person; `code`: 0 to 9999 (User Data Service 1.1, 3.2)."""

    user: int
    code: int = field(repr=False)


class Register:
    """The conversation on one link."""

    def __init__(self, link: MeterConnection) -> None:
        self._link = link
        self._answers: asyncio.Queue[bytes] = asyncio.Queue(MOST_ANSWERS)

    async def open(self) -> None:
        """AnbanError where the meter refuses."""
        await self._link.subscribe(uuid128(CONTROL), self._came)

    def _came(self, raw: bytes) -> None:
        if not self._answers.full():
            self._answers.put_nowait(raw)

    async def give(self, meter: str, consent: Consent) -> None:
        """AnbanError(CONSENT_REFUSED) where it is not that person's code. Waits without end for an answer."""
        values = {"op": "consent", "user": consent.user, "consent": consent.code}
        await self._link.write(uuid128(CONTROL), encode(CONTROL, values))
        while True:
            try:
                answer = decode(CONTROL, await self._answers.get())
            except GattError:
                continue
            if (answer["op"], answer.get("request")) != ("response", "consent"):
                continue
            if answer["result"] != "success":
                raise AnbanError(
                    Reason.CONSENT_REFUSED,
                    f"{meter} does not take the code of its user {consent.user}: {answer['result']}.",
                    "Look at the meter which code that person has, and at `consents` in the credentials.",
                )
            return
