"""A press that went out before the life of its pendant was known is the same press when it is."""

from __future__ import annotations

import asyncio

from drivers.ble.facts import FallWalks, PressHeard
from drivers.ble.pendant import Paired, PendantLink, Timing
from drivers.ble.ports import Advert
from protocols.link import messages
from protocols.link.advert import AdvertBuilder
from protocols.link.const import BTHOME_UUID, MEANING_ASSIST, MEANING_FALL, MEANING_FALL_WALKS, MEANING_SOS

ADDRESS, KEY = "F0:F1:F2:F3:F4:F5", bytes(16)
LIFE = 0x1A2B3C4D


class Radio:
    """Never connects."""

    def request(self, *args: object) -> None: ...

    def withdraw(self, address: str) -> None: ...


class Clock:
    def monotonic_ms(self) -> int:
        return 5_000


async def test_a_press_told_without_a_life_is_not_told_again_with_it() -> None:
    facts: list[object] = []
    paired = Paired("pd-01", ADDRESS, KEY, KEY)
    link = PendantLink(paired, "hub-01", Radio(), Clock(), facts.append, timing=Timing(life_wait_s=0))
    builder = AdvertBuilder(KEY, bytes.fromhex(ADDRESS.replace(":", "")))

    def hear(counter: int, number: int, meaning: int) -> None:
        payload = builder.build(counter, counter, 80, meaning, number, 100)
        link.on_advert(Advert("hci0", ADDRESS, -60, 5_000, None, {BTHOME_UUID: bytes(payload)[7:]}, {}))

    def told() -> list[tuple[int, int, int]]:
        return [(f.life, f.number, f.meaning) for f in facts if isinstance(f, PressHeard)]

    hear(1, 61, MEANING_ASSIST)
    while not told():
        await asyncio.sleep(0)
    press = messages.Press(61, MEANING_ASSIST, 200, 0)
    link._learn(messages.Status(LIFE, 2, 80, 0, 10, [press], 1))
    hear(3, 61, MEANING_ASSIST)  # the ack has not reached it yet
    assert told() == [(0, 61, MEANING_ASSIST)]
    hear(4, 61, MEANING_SOS)
    assert told()[1:] == [(LIFE, 61, MEANING_SOS)], "a graver meaning is news all the same"


async def test_that_somebody_walks_after_a_fall_is_told_once_and_the_fall_before_it() -> None:
    facts: list[object] = []
    link = PendantLink(
        Paired("pd-01", ADDRESS, KEY, KEY, life=LIFE), "hub-01", Radio(), Clock(), facts.append
    )
    builder = AdvertBuilder(KEY, bytes.fromhex(ADDRESS.replace(":", "")))
    for counter, number in ((1, 61), (2, 61), (3, 62)):  # the first adverts were not heard
        payload = builder.build(counter, counter, 80, MEANING_FALL_WALKS, number, 100)
        link.on_advert(Advert("hci0", ADDRESS, -60, 5_000, None, {BTHOME_UUID: bytes(payload)[7:]}, {}))
    told = [f for f in facts if isinstance(f, PressHeard | FallWalks)]
    assert [(type(f), f.number) for f in told] == [
        (PressHeard, 61), (FallWalks, 61), (PressHeard, 62), (FallWalks, 62)
    ]  # fmt: skip
    assert {f.meaning for f in told if isinstance(f, PressHeard)} == {MEANING_FALL}
