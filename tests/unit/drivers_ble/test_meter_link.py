"""When a meter is connected anew: soon after news, ever more rarely without, at once when it had been off."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from drivers.ble.meter_facts import Meter, MeterTrouble
from drivers.ble.meters import OFF_MS, MeterLink
from drivers.ble.pairing import PAIRINGS, Pairing
from drivers.ble.ports import Advert
from protocols.errors import AnbanError, Reason


class Bonds:
    """A link whose pairing goes as a test says."""

    def __init__(self) -> None:
        self.pairing, self.known, self.typed = Pairing("bp-01", "C4:0E:00:00:00:01"), False, None

    async def bond(self):
        self.typed = await self.pairing.ask()
        if not self.known:
            raise AnbanError(Reason.RADIO_DOWN, "key missing")
        return "C4:0E:00:00:00:01"


async def test_a_lost_bond_is_told_and_not_begged_for() -> None:
    link = Bonds()
    pairing = link.pairing
    for _ in range(PAIRINGS):
        assert not pairing.hopeless
        with pytest.raises(AnbanError) as told:
            await pairing.bond(link)
        assert told.value.reason is Reason.PAIR_AGAIN
        assert "anban hub meters pair bp-01" in told.value.remedy
    assert pairing.hopeless
    assert (pairing.forgets(), link.typed) == (False, None)
    pairing.begin(None)
    link.known = True
    bonding = asyncio.ensure_future(pairing.bond(link))
    while pairing.state != "passkey":
        await asyncio.sleep(0)
    assert pairing.give(42317)
    await bonding
    assert (pairing.state, link.typed, pairing.hopeless) == ("paired", 42317, False)
    assert pairing.forgets()
    pairing.forgotten()
    assert not pairing.forgets()
    assert not pairing.give(1)


class Table:
    """A meter's link with a clock by hand and a radio that counts."""

    def __init__(self) -> None:
        self.now, self.asked = 1_000_000, 0
        radio = SimpleNamespace(request=lambda *args: setattr(self, "asked", self.asked + 1))
        clock = SimpleNamespace(monotonic_ms=lambda: self.now)
        meter = Meter("bp-01", "C4:0E:00:00:00:01", "blood-pressure")
        self.facts: list[object] = []
        self.link = MeterLink(meter, radio, clock, None, self.facts.append, lambda: (0, False, 0))  # type: ignore[arg-type]

    def over(self, *brought: bytes, trouble: str = "") -> None:
        self.link._heard_ms = self.now
        self.link._over(trouble, set(brought))

    def asks_after(self, ms: int) -> bool:
        before = self.asked
        end = self.now + ms
        while self.now < end:  # it advertises all the time
            self.now = min(end, self.now + 1_000)
            self.link.on_advert(Advert("hci0", "C4:0E:00:00:00:01", -60, self.now, None, {}, {}))
        return self.asked > before


def test_a_meter_that_sends_its_whole_memory_each_time_is_left_alone_ever_longer() -> None:
    table = Table()
    table.over(b"one")
    assert not table.asks_after(4_000)
    assert table.asks_after(2_000)
    table.over(b"one")
    assert not table.asks_after(19_000)
    table.over(b"one", b"two")
    assert table.asks_after(6_000)


def test_a_meter_that_is_heard_and_never_linked_is_told_once() -> None:
    table = Table()
    table.asks_after(40_000)
    assert table.facts == []
    table.asks_after(60_000)
    assert table.facts == [MeterTrouble("bp-01", "radio-down", 4)]
    bonded = Table()
    bonded.link.pair(None)
    bonded.asks_after(100_000)
    assert bonded.facts == [MeterTrouble("bp-01", "pair-again", 4)]


def test_a_meter_that_was_off_has_news() -> None:
    table = Table()
    for _ in range(5):
        table.over(b"one")
    table.now += OFF_MS + 1
    table.link.on_advert(Advert("hci0", "C4:0E:00:00:00:01", -60, table.now, None, {}, {}))
    assert table.asked == 1


def test_a_transfer_that_fails_again_and_again_waits_longer() -> None:
    table = Table()
    table.over(trouble="device-timeout")
    assert table.asks_after(2_000)
    table.over(trouble="device-timeout")
    assert not table.asks_after(4_000)
