"""One meter's side of the radio: when it is connected, how often it is tried anew, what is told of it.

    link = MeterLink(Meter(...), radio, clock, on_record, on_fact, wall)
    every advert of its address: link.on_advert(advert)

`on_record` is called with each record in the moment in which it arrives, and returns an awaitable: True once
the record is durable. What is done on the link stands in transfer.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from typing import Final

from drivers.ble.link import RadioPort
from drivers.ble.meter_facts import (
    Meter,
    MeterConnection,
    MeterFact,
    MeterTrouble,
    OnRecord,
    Timing,
    WallClock,
)
from drivers.ble.pairing import PAIRINGS, Pairing
from drivers.ble.ports import Advert, Clock
from drivers.ble.profiles import PROFILES
from drivers.ble.transfer import Transfer, UpTo
from protocols.errors import Reason
from protocols.values import Lane

USUAL: Final = Timing()
# Longer than any attempt that makes an adapter deaf, and than BlueZ scans (10.24 s) before it scans anew:
# many a controller tells an advert that does not change once in that time.
OFF_MS: Final = 12_000
NO_LINK_MS: Final = 45_000  # heard for so long; fifty at once on one adapter have theirs by then
NO_LINKS: Final = 4  # as transfers in a row that did not begin


class MeterLink:
    """See the file's docstring."""

    def __init__(
        self,
        meter: Meter,
        radio: RadioPort,
        clock: Clock,
        on_record: OnRecord,
        on_fact: Callable[[MeterFact], None],
        wall: WallClock,
        timing: Timing = USUAL,
    ) -> None:
        self.meter, self._radio, self._clock = meter, radio, clock
        self._on_record, self._on_fact, self._wall, self._timing = on_record, on_fact, wall, timing
        self.profile = PROFILES[meter.profile]
        self._busy = False
        self._not_before_ms = self._heard_ms = -(10**12)
        self._failures = self._empty = 0
        self._asked_ms: int | None = None  # since when it is heard and has no link
        self._before: frozenset[bytes] = frozenset()  # what the last transfer brought
        self.pairing = Pairing(meter.id, meter.address, self._bond_lost)
        self._stranger, self._stranger_ms = "", -(10**12)  # behind a changing address, while it is paired
        self._streamed_ms: dict[int, int] = {}
        self.after: UpTo | None = None  # of a sensor: what is durable

    def pair(self, passkey: int | None) -> None:
        """Somebody pairs it anew, when it is heard next."""
        self.pairing.begin(passkey)
        self.meter = replace(self.meter, bond=True)
        self._not_before_ms = -(10**12)

    def on_advert(self, advert: Advert) -> None:
        """It is there: ask for a link, unless one has just been had. Who was off for a while has news."""
        if self.pairing.hopeless:
            return
        if advert.heard_ms - self._heard_ms > OFF_MS:
            self._not_before_ms, self._asked_ms = advert.heard_ms, None
        self._heard_ms = advert.heard_ms
        if not self._busy and advert.heard_ms >= self._not_before_ms:
            self._missed(advert.heard_ms)
            bonding = self.pairing if self.meter.bond else None
            uuids = self.profile.uuids
            self._radio.request(self.meter.address, Lane.READING, uuids, self.exchange, bonding)

    def on_stranger(self, advert: Advert) -> None:
        """A device behind a changing address offers what this meter has. While a person pairs it, it may be
        the meter, which nobody can know before the bond; if it is another, the bond is dropped again."""
        offers = advert.hidden and not set(self.profile.own).isdisjoint(advert.services)
        if self.pairing.state != "waiting" or self._busy or not offers:
            return
        if advert.address != self._stranger:
            if advert.heard_ms - self._stranger_ms < OFF_MS:
                return  # one after the other
            self._radio.withdraw(self._stranger)
        self._stranger, self._stranger_ms = advert.address, advert.heard_ms
        uuids = self.profile.uuids
        self._radio.request(advert.address, Lane.READING, uuids, self.exchange, self.pairing)

    def _missed(self, now_ms: int) -> None:
        """It is heard and asked for a link, and there is none: that is told, once."""
        if self._asked_ms is None:
            self._asked_ms = now_ms
        elif now_ms - self._asked_ms >= NO_LINK_MS and not self._failures:
            # BlueZ ends a link whose bond the other side has lost before anybody here sees it.
            self._failures = NO_LINKS
            cause = Reason.PAIR_AGAIN if self.meter.bond else Reason.RADIO_DOWN
            self._on_fact(MeterTrouble(self.meter.id, str(cause), NO_LINKS))

    def _bond_lost(self) -> None:
        """A link ended while it was encrypted: once is an accident, several in a row are a bond that is lost.
        It is tried ever more rarely, and a person is told."""
        self._radio.withdraw(self.meter.address)
        self._failed()
        if self._failures >= PAIRINGS:
            self._on_fact(MeterTrouble(self.meter.id, str(Reason.PAIR_AGAIN), self._failures))

    def due(self, stream: int) -> bool:
        """Whether a figure of a stream is kept: the first, and then one a minute."""
        now, last = self._clock.monotonic_ms(), self._streamed_ms.get(stream)
        if last is not None and now - last < 1000 * self._timing.stream_s:
            return False
        self._streamed_ms[stream] = now
        return True

    async def exchange(self, link: MeterConnection) -> None:
        """Work for a link that the radio has made."""
        self._busy, self._asked_ms = True, None
        transfer = Transfer(
            link,
            self.meter,
            self.pairing,
            on_record=self._on_record,
            on_fact=self._on_fact,
            wall=self._wall,
            timing=self._timing,
            due=self.due,
            after=self.after,
        )
        try:
            await transfer.run()
            self.after = transfer.after
            self._over(transfer.trouble, transfer.brought)
        finally:
            self._busy = False
            self._heard_ms = self._clock.monotonic_ms()

    def _over(self, trouble: str, brought: Set[bytes]) -> None:
        if trouble:
            self._failed()
            self._on_fact(MeterTrouble(self.meter.id, trouble, self._failures))
            return
        news = not brought <= self._before
        self._empty = 0 if news else self._empty + 1
        self._before = frozenset(brought)
        self._wait(self._timing.again_s, self._empty)
        if self._failures:
            self._failures = 0
            self._on_fact(MeterTrouble(self.meter.id, "", 0))

    def _failed(self) -> None:
        self._wait(self._timing.failed_s, self._failures)
        self._failures += 1

    def _wait(self, waits_s: Sequence[float], before: int) -> None:
        """The `before`-th of the waits, the last for all that come after it, until it is asked for again."""
        wait_ms = round(1000 * waits_s[min(before, len(waits_s) - 1)])
        self._not_before_ms = self._clock.monotonic_ms() + wait_ms
