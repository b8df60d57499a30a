"""The rules in a hub: what they raise begins by asking, and not during a call; what is blind is told."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from edge.book import Life
from edge.care.settings import BedExit, CareSection, Missed
from edge.carer import CLOCK_GRACE_MS, Carer
from edge.config import Config, ElderSection, HomeSection, HubSection, PlatformSection, SensorSection
from edge.entries import EventEntry, SensedEntry
from edge.hub import Hub
from edge.mint import Mint
from protocols.values import Lane
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

ADDRESS = "C4:5E:00:00:00:01"
BY_MINUTE = 22 * 60 + 20  # the clock by hand begins at 22:29 of UTC+8
CONFIG = Config(
    hub=HubSection(id="hub-01", room="hall", elder="e-chen"),
    home=HomeSection(language="en"),
    platform=PlatformSection(coap_uri="coap://c.example", https_url="https://c.example", ca_file="/ca.pem"),
    elders=(ElderSection(id="e-chen"),),
    sensors=(
        SensorSection(id="bed-01", address="C4:5E:00:00:00:01", role="bed", room="bed", elder="e-chen"),
        SensorSection(id="gas-01", address="C4:5E:00:00:00:02", role="gas", room="kitchen", elder="e-chen"),
    ),
    care=CareSection(
        bed_exit=BedExit(after_minutes=1, from_minute=0, to_minute=0),
        missed=Missed(kinds=("weight",), by_minute=BY_MINUTE),
    ),
)


class Night:
    """A hub with a bed sensor; minutes go by as a test says."""

    def __init__(self, journal: list[Any] | None = None) -> None:
        self.clock = ClockByHand()
        self.disk = DiskByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        self.silent: frozenset[str] = frozenset()
        self.rows = list(enumerate(journal or [], 1))
        self.carer = Carer(self.hub, CONFIG, self.read, lambda: self.silent)

    async def read(self, asks: Callable[[Any], Any]) -> Any:
        def of_care(after: int) -> list[Any]:
            return [row for row in self.rows if row[0] > after]

        def newest(lane: Lane, limit: int) -> list[Any]:
            events = [row[1].event for row in self.rows if isinstance(row[1], EventEntry)]
            return [event for event in reversed(events) if event.lane is lane][:limit]

        return asks(SimpleNamespace(head=(len(self.rows), b""), of_care=of_care, newest=newest))

    def passes(self, minutes: float) -> None:
        self.clock.now += round(minutes * 60_000)
        self.carer.look()

    def out_of_bed(self) -> None:
        self.hub.sense("bed-01", "on")
        self.hub.sense("bed-01", "off")

    def events(self, prefix: str) -> list[Any]:
        entries = [entry for _, entries, _ in self.disk.jobs for entry in entries]
        events = [entry.event for entry in entries if isinstance(entry, EventEntry)]
        return [event for event in events if event.kind.startswith(prefix)]


@pytest.fixture
async def night() -> Night:
    return Night()


async def test_a_rule_asks_before_anything_goes_out_and_says_why(night: Night) -> None:
    night.out_of_bed()
    night.passes(1)
    (call,) = night.hub.book.calls.values()
    assert (call.life, call.is_of_a_rule, call.lane) == (Life.ASKING, True, Lane.SOS)
    (event,) = night.events("call.")
    assert event.kind == "call.bed_exit"
    assert event.data == {
        "source": "rule",
        "rule": "bed_exit",
        "asked": True,
        "detail": "Out of bed at night for 1 minutes, and not back",
    }
    night.passes(0.1)
    assert len(night.events("call.")) == 1, "once"


async def test_nobody_is_asked_while_a_call_is_open(night: Night) -> None:
    night.hub.call("call.sos", "red")
    night.out_of_bed()
    night.passes(2)
    assert [event.kind for event in night.events("call.")] == ["call.sos"]


async def test_a_blind_rule_is_a_fault_until_it_sees(night: Night) -> None:
    night.out_of_bed()
    night.silent = frozenset({"bed-01"})
    night.passes(0.1)
    assert night.hub.faults.open[("rule_blind", "bed_exit:e-chen")].cause == "bed-01"
    assert [row["rule"] for row in night.carer.blind()] == ["bed_exit", "not_up"]
    night.silent = frozenset()
    night.passes(0.1)
    assert ("rule_blind", "bed_exit:e-chen") not in night.hub.faults.open


async def test_a_clock_that_is_not_confirmed_yet_is_no_fault_at_once(night: Night) -> None:
    night.clock.trusted = lambda: False  # type: ignore[method-assign]
    night.out_of_bed()
    night.passes(1)
    assert not night.hub.faults.open
    night.passes(CLOCK_GRACE_MS / 60_000)
    assert ("rule_blind", "bed_exit:e-chen") in night.hub.faults.open


async def test_what_was_missed_goes_to_the_platform_and_is_no_call(night: Night) -> None:
    night.passes(0.1)
    (event,) = night.events("care.")
    assert event.data == {"plan": "missed.weight", "detail": "Weight not measured by 22:20"}
    assert not night.hub.book.calls


async def test_what_the_journal_holds_is_known_after_a_restart(night: Night) -> None:
    night.out_of_bed()
    night.passes(0.5)
    entries = [entry for _, entries, _ in night.disk.jobs for entry in entries]
    assert {type(entry) for entry in entries} >= {SensedEntry}
    again = Night(entries)
    again.clock.now = night.clock.now
    await again.carer._learn()
    again.passes(0.5)
    assert [event.kind for event in again.events("call.")] == ["call.bed_exit"]


async def test_a_reading_is_marked_before_it_is_kept(night: Night) -> None:
    assert night.carer.judge("reading.blood_pressure", {"value": 185.0}, "e-chen", 1) == {
        "judged": "high",
        "reason": "limit",
    }
    assert night.carer.judge("reading.blood_pressure", {"value": 125.0}, "e-chen", 1) == {}
    assert night.carer.judge("reading.blood_pressure", {"value": 185.0}, "", 1) == {}, "nobody's"


async def test_the_table_tells_each_rule_in_both_languages(night: Night) -> None:
    night.passes(0.1)
    for language in ("zh", "en"):
        told = await night.carer.operations()["rules"]({"language": language})
        assert {row["rule"] for row in told["rules"]} >= {"bed_exit", "vitals", "missed.weight"}
    night.silent = frozenset({"gas-01"})
    told = await night.carer.operations()["rules"]({"language": "en"})
    assert [(r["state"], r["why"]) for r in told["rules"] if r["rule"] == "gas"] == [("blind", "gas-01")]
    assert [row["rule"] for row in night.carer.blind()] == ["gas"]
    page = await night.carer.operations()["rules.journal"]({"after": 0})
    assert page == {"entries": [], "after": 0}
