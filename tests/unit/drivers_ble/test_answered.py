"""While a hub asks about a fall, heartbeats say that the pendant has let go of it: a reason to ask it why."""

from __future__ import annotations

import pytest

from drivers.ble.exchange import Exchange
from drivers.ble.facts import FallAnswered, HeartbeatHeard
from drivers.ble.owed import Owed
from drivers.ble.pendant import LOOK_AGAIN_MS, Paired, PendantLink
from drivers.ble.ports import Advert
from protocols.link import messages
from protocols.link.advert import AdvertBuilder
from protocols.link.const import BTHOME_UUID, MEANING_FALL, MEANING_NONE, STAGE_CANCELLED, STAGE_HEARD
from protocols.values import Lane

ADDRESS, KEY, STRANGE = "F0:F1:F2:F3:F4:F5", bytes(16), bytes(range(16))
LIFE = 0x1A2B3C4D


class Talk:
    """What an exchange has heard."""

    def __init__(self, *answered: messages.Answered) -> None:
        self.falls: list[messages.Fall] = []
        self.answered = list(answered)


class Home:
    """A pendant's link at a hub that asks about its fall; a clock by hand, a radio that never connects."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self.facts: list[object] = []
        self.lanes: list[int] = []
        paired = Paired("pd-01", ADDRESS, KEY, KEY, life=LIFE)
        self.link = PendantLink(paired, "hub-01", self, self, self.facts.append)
        self.counter = 0
        self.learns(messages.Press(61, MEANING_FALL, 200, 0))

    def monotonic_ms(self) -> int:
        return self.now

    def request(self, address: str, lane: int, *rest: object) -> None:
        self.lanes.append(lane)

    def withdraw(self, address: str) -> None:
        self.lanes.clear()

    def learns(self, *held: messages.Press) -> None:
        """An authenticated STATUS."""
        self.link._learn(messages.Status(LIFE, self.counter, 80, 0, 10, list(held), len(held)))
        self.link._asked = False
        self.lanes.clear()

    def hears(self, meaning: int, after_ms: int = LOOK_AGAIN_MS, key: bytes = KEY) -> list[int]:
        """One advert; the lanes in which a link was then asked for."""
        self.now += after_ms
        self.counter += 1
        builder = AdvertBuilder(key, bytes.fromhex(ADDRESS.replace(":", "")))
        payload = builder.build(self.counter, self.counter & 255, 80, meaning, 61 if meaning else 0, 100)
        data = {BTHOME_UUID: bytes(payload)[7:]}
        self.link.on_advert(Advert("hci0", ADDRESS, -60, self.now, None, data, {}))
        return self.lanes


@pytest.fixture
async def home() -> Home:
    home = Home()
    home.link.ask(1)
    home.link.owed.answered(messages.Ask(1))
    home.learns(messages.Press(61, MEANING_FALL, 250, STAGE_HEARD))
    return home


async def test_a_heartbeat_while_it_is_asked_is_a_reason_to_connect(home: Home) -> None:
    assert home.hears(MEANING_FALL) == [], "it holds the fall: nothing new"
    assert home.hears(MEANING_NONE) == [Lane.ASSIST]
    home.learns()
    assert home.hears(MEANING_NONE, LOOK_AGAIN_MS - 1) == [], "not again at once"
    assert home.hears(MEANING_NONE, 1) == [Lane.ASSIST]


async def test_when_nothing_is_asked_a_heartbeat_is_none(home: Home) -> None:
    home.hears(MEANING_NONE)
    home.link.ask(0)
    assert home.hears(MEANING_NONE) == []
    assert any(isinstance(fact, HeartbeatHeard) for fact in home.facts)


async def test_a_heartbeat_under_another_key_is_none(home: Home) -> None:
    assert home.hears(MEANING_NONE, key=STRANGE) == []


async def test_no_advert_ends_anything_and_the_pendants_own_word_is_told(home: Home) -> None:
    home.hears(MEANING_NONE)
    assert not any(isinstance(fact, FallAnswered) for fact in home.facts)
    talk = Talk(messages.Answered(LIFE, 61, "hub-02"), messages.Answered(LIFE, 60, "hub-01"))
    home.link._noted(talk)  # type: ignore[arg-type]
    told = [fact for fact in home.facts if isinstance(fact, FallAnswered)]
    assert told == [FallAnswered("pd-01", LIFE, 61, "hub-02")], "what was answered here it knows itself"
    assert talk.answered == []


def test_that_it_was_answered_goes_with_the_end_that_is_owed() -> None:
    owed = Owed()
    owed.stage(LIFE, 61, STAGE_HEARD, Lane.SOS)
    owed.stage(LIFE, 61, STAGE_CANCELLED, Lane.SOS, True)
    ack = owed.next()
    assert isinstance(ack, messages.Ack)
    assert (ack.stage, ack.answered) == (STAGE_CANCELLED, True)


def test_a_pendant_that_babbles_of_answers_fills_nothing() -> None:
    class Link:
        address = ADDRESS

    talk = Exchange(Link(), KEY, "hub-01", "pd-01")  # type: ignore[arg-type]

    class Open:
        def open(self, frame: bytes) -> bytes:
            return frame

    talk._session = Open()  # type: ignore[assignment]
    for number in range(1000):
        talk._take(messages.Answered(LIFE, number, "hub-02").encode())
    assert len(talk.answered) == 4
