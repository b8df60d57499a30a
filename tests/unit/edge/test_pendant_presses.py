"""What a pendant is heard to say becomes a call: once, under whichever name it went out first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from drivers.ble.facts import PressHeard, StatusLearned
from edge.config import Config, ElderSection, HubSection, PendantSection, PlatformSection
from edge.credentials import Credentials, PendantKeys
from edge.hub import Hub
from edge.inputs.pendants import Pendants
from edge.mint import Mint
from protocols.link.const import FAULT_ACCELEROMETER, FAULT_FLASH, MEANING_ASSIST, MEANING_SOS
from protocols.values import EventId, Receipt
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

LIFE, NUMBER = 0x1A2B3C4D, 61
CONFIG = Config(
    hub=HubSection(id="hub-01", room="hall", elder="e-chen"),
    platform=PlatformSection(coap_uri="coap://platform", https_url="https://platform", ca_file="ca.pem"),
    elders=(ElderSection(id="e-chen"),),
    pendants=(PendantSection(id="pd-01", address="F0:F1:F2:F3:F4:F5", elder="e-chen", room="hall"),),
)
KEYS = PendantKeys(advert_key="00" * 16, link_key="00" * 16)


class Wrist:
    """A hub that hears one pendant; `again` is its next run, with what the disk held."""

    def __init__(self, entries: list = []) -> None:  # noqa: B006 - never changed
        self.clock, self.disk = ClockByHand(), DiskByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        self.hub.resume(entries)
        state = SimpleNamespace(get=lambda space, name: None)
        credentials = Credentials(hub_id="hub-01", https_token="", oscore=(), pendants={"pd-01": KEYS})
        self.pendants = Pendants(self.hub, SimpleNamespace(clock=self.clock), CONFIG, credentials, state)

    def hears(self, life: int, meaning: int) -> None:
        press = PressHeard("pd-01", life, NUMBER, meaning, 100, self.clock.now, -60, "advert")
        self.pendants._fact(press)

    def says(self, faults: int) -> None:
        self.pendants._fact(StatusLearned("pd-01", LIFE, 7, 100, faults, 60, (), -60))

    def again(self) -> Wrist:
        return Wrist([entry for _, entries, _ in self.disk.jobs for entry in entries])

    def presses(self) -> list[EventId]:
        return [press for call in self.hub.book.calls.values() for press in call.presses]


@pytest.fixture
async def wrist():
    return Wrist()


async def test_a_press_without_a_life_is_the_same_with_it_after_a_restart_and_after_its_call(wrist):
    wrist.hears(0, MEANING_SOS)
    call_id = EventId("pd-01", 0, NUMBER)
    for number, stage in enumerate(("stored", "closed")):
        wrist.hub.receipt(Receipt(number=number, about=call_id, stage=stage), "coap")
    await wrist.disk.commit()
    again = wrist.again()
    again.hears(LIFE, MEANING_SOS)
    assert again.presses() == [call_id], "no second call for a press that is over"


async def test_a_graver_meaning_is_an_event_of_its_own(wrist):
    wrist.hears(0, MEANING_ASSIST)
    wrist.hears(LIFE, MEANING_SOS)
    assert wrist.presses() == [EventId("pd-01", 0, NUMBER), EventId("pd-01", LIFE, NUMBER)]


async def test_a_pendant_that_cannot_feel_falls_is_a_fault_of_its_own(wrist):
    wrist.says(FAULT_ACCELEROMETER)
    assert list(wrist.hub.faults.open) == [("pendant_falls", "pd-01")]
    wrist.says(FAULT_FLASH)
    assert list(wrist.hub.faults.open) == [("pendant_flash", "pd-01")]
