"""How a meter is bonded: once, by a person's hand, with the passkey that it shows.

pairing = Pairing("bp-01", "C4:0E:...")
pairing.begin(passkey)                    a person asked for it; the old bond is forgotten
radio.request(..., bonding=pairing)       the adapter asks it for the passkey
await pairing.bond(link)                  on each connection: the bond is made, or used, before discovery
pairing.state, pairing.give(123456)       "waiting", "passkey" (it shows one now), "paired", "failed"
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from protocols.errors import AnbanError, Reason

PAIRINGS: Final = 3  # that fail before nobody but a person tries again
# For a person to read and type six figures; SMP gives up after 30 (Core 5.4 Vol 3 H 3.4).
ASKED_S: Final = 25.0

AskPasskey = Callable[[], Awaitable[int | None]]


class BondingLink(Protocol):
    """The part of drivers/ble/link.Link that is used here."""

    async def bond(self) -> str: ...

    async def forget(self) -> None: ...


class Pairing:
    """One meter's bond."""

    def __init__(self, meter: str, address: str, lost: Callable[[], None] = lambda: None) -> None:
        self._meter, self._address, self.lost = meter, address, lost
        self.state = ""
        self._passkey: int | None = None
        self._asked: asyncio.Future[int | None] | None = None
        self._forget = False
        self._failed = 0

    @property
    def hopeless(self) -> bool:
        """A bond that is lost comes back by a person's hand, not by asking."""
        return self._failed >= PAIRINGS

    def begin(self, passkey: int | None) -> None:
        """Somebody pairs it anew; `passkey` where it stands on the meter already."""
        self._passkey, self._forget, self._failed, self.state = passkey, True, 0, "waiting"

    def give(self, passkey: int) -> bool:
        """The passkey that the meter shows now; False where nobody waits for one."""
        if self._asked is None or self._asked.done():
            return False
        self._asked.set_result(passkey)
        return True

    def forgets(self) -> bool:
        """Whether the old bond is to be dropped first: from `begin` until it is."""
        return self._forget

    def forgotten(self) -> None:
        """There is no old bond any more."""
        self._forget = False

    async def bond(self, link: BondingLink) -> None:
        """AnbanError(PAIR_AGAIN) where the meter does not know this hub."""
        try:
            identity = await link.bond()
            if identity != self._address:
                await self._refuse(link, identity)
        except AnbanError as error:
            self._failed += 1
            self.state = "failed"
            raise AnbanError(
                Reason.PAIR_AGAIN,
                f"{self._meter} does not pair: {error.sentence}",
                f"Put it into pairing mode and run: anban hub meters pair {self._meter}",
            ) from error
        self._failed, self._passkey = 0, None
        self.state = "paired" if self.state else ""

    async def _refuse(self, link: BondingLink, identity: str) -> None:
        """Another device than that of the settings was in pairing mode under a private address."""
        with contextlib.suppress(AnbanError):
            await link.forget()
        raise AnbanError(
            Reason.NOT_AUTHENTIC, f"who pairs is {identity}, and the settings say {self._address}."
        )

    async def ask(self) -> int | None:
        """What the meter shows: known before, or asked of a person; None when nobody is there."""
        if self._passkey is not None or self.state != "waiting":  # nobody has begun it, or not again
            return self._passkey
        self._asked = asyncio.get_running_loop().create_future()
        self.state = "passkey"
        try:
            async with asyncio.timeout(ASKED_S):
                return await self._asked
        except TimeoutError:
            return None
        finally:
            self._asked = None
