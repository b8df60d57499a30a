"""A fall is weighed: how sure it is goes with the call, and nothing is ever kept back for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.facts import FallNoted, StatusLearned
from edge.book import Life
from edge.entries import LocalEntry
from edge.false_falls import OFTEN, often
from edge.faults import Sign
from edge.weighing import charging, weigh
from protocols.link.const import MEANING_FALL
from protocols.values import EventId, Receipt
from sim import motion
from tests.unit.edge.test_pendant_presses import LIFE, NUMBER, Wrist
from tests.unit.protocols.test_fall_note import noted

FALL_ID = EventId("pd-01", LIFE, NUMBER)
HOUR_MS = 3_600_000


@pytest.fixture
async def wrist() -> Wrist:
    return Wrist()


def notes(wrist: Wrist, note: bytes) -> list[dict[str, Any]]:
    """What is told of a note, by the call's updates."""
    wrist.pendants._fact(FallNoted("pd-01", LIFE, NUMBER, note))
    entries = [entry for _, some, _ in wrist.disk.jobs for entry in some]
    events = [entry.event for entry in entries if hasattr(entry, "event")]
    return [dict(event.data) for event in events if event.kind == "call.updated"]


def test_somebody_who_lies_after_a_fall_is_likely_to_have_fallen() -> None:
    weighed = weigh(noted(motion.fallen(3)))
    assert weighed is not None
    assert weighed.confidence > 50
    assert (weighed.likely, weighed.signs) == (True, ())
    assert weigh(noted(motion.fallen(3)), in_bed=True) == (weighed.confidence, False, ("in_bed",))


@given(st.binary(max_size=120))
def test_what_is_no_note_says_nothing(note: bytes) -> None:
    weighed = weigh(note)
    assert weighed is None or 1 <= weighed.confidence <= 99


async def test_how_sure_it_is_goes_with_the_call_once(wrist: Wrist) -> None:
    wrist.hears(LIFE, MEANING_FALL)
    note = noted(motion.fallen(3))
    told = notes(wrist, note)
    assert [data["change"] for data in told] == ["fall_likely"]
    assert told[0]["confidence"] > 50
    assert notes(wrist, note) == told
    assert wrist.hub.book.calls[FALL_ID].life is Life.ASKING, "the elder is asked all the same"


async def test_a_note_in_bed_or_of_nonsense_keeps_no_fall_back(wrist: Wrist) -> None:
    wrist.hears(LIFE, MEANING_FALL)
    assert notes(wrist, b"\xff" * 94) == []
    wrist.pendants.in_bed = lambda elder: elder == "e-chen"
    (told,) = notes(wrist, noted(motion.fallen(3)))
    assert (told["change"], told["signs"]) == ("fall_unsure", "in_bed")
    assert wrist.hub.book.calls[FALL_ID].life is Life.ASKING


HALF_HOUR_MS = HOUR_MS // 2
ADC_NOISE = (61, 58, 60, 63, 59, 60)  # a worn cell, as a noisy converter has it


@pytest.mark.parametrize(
    ("levels", "charges"),
    [
        ((), False),
        ((60,), False),
        (ADC_NOISE, False),
        ((60, 59, 58, 50, 56), False),  # it has rested after a call
        ((40, 39, 52), True),  # put on the charger, and knocked
        ((40, 70, 90, 100, 100), True),
        ((40, 70, 90, 100, 100, 97), False),  # taken off and worn
        ((100,) * 8, False),  # full for hours: it cannot be known
        ((40, 70, *(100,) * 7), False),
    ],
)
def test_a_charge_that_rises_is_a_charger(levels: tuple[int, ...], charges: bool) -> None:
    signs = [Sign(n * HALF_HOUR_MS, -60, level) for n, level in enumerate(levels)]
    assert charging(signs, len(levels) * HALF_HOUR_MS) is charges


async def test_a_pendant_that_falls_into_its_charger_keeps_no_fall_back(wrist: Wrist) -> None:
    for battery_pct in (40, 55):
        wrist.pendants._fact(StatusLearned("pd-01", LIFE, 7, battery_pct, 0, 60, (), -60))
        wrist.clock.now += HALF_HOUR_MS
    wrist.hears(LIFE, MEANING_FALL)
    (told,) = notes(wrist, noted(motion.fallen(3)))
    assert (told["change"], told["signs"]) == ("fall_unsure", "charging")
    assert wrist.hub.book.calls[FALL_ID].life is Life.ASKING


async def test_a_fall_that_was_answered_is_told_of_no_more(wrist: Wrist) -> None:
    wrist.hears(LIFE, MEANING_FALL)
    wrist.hub.note(LocalEntry(at=wrist.hub.mint.stamp(), call_id=FALL_ID, name="answer_yes"))
    await wrist.disk.commit()
    assert wrist.hub.book.calls[FALL_ID].withdrawn
    assert notes(wrist, noted(motion.fallen(3))) == []


async def test_a_note_of_no_call_says_nothing(wrist: Wrist) -> None:
    assert notes(wrist, noted(motion.fallen(3))) == []


def test_that_many_falls_were_none_is_told_and_makes_none_less_likely() -> None:
    felt = weigh(noted(motion.fallen(3)))
    assert felt is not None
    assert weigh(noted(motion.fallen(3)), false_often=True) == (felt.confidence, True, ("false_falls",))


async def test_more_than_two_falls_a_day_that_were_none_are_a_fault_and_the_next_still_calls(
    wrist: Wrist,
) -> None:
    for n in range(OFTEN + 1):
        assert not often(wrist.hub.book, "pd-01", wrist.hub.mint.stamp())
        call_id = wrist.hub.call(
            "call.fall", "pendant", elder="e-chen", device="pd-01", event_id=EventId("pd-01", LIFE, 100 + n)
        )
        for number, stage in enumerate(("stored", "taken", "closed")):
            wrist.hub.receipt(Receipt(number=10 * n + number, about=call_id, stage=stage), "coap")
            await wrist.disk.commit()
        wrist.clock.now += HOUR_MS
    wrist.pendants._count_falls("pd-01")
    assert ("falls_often", "pd-01") in wrist.hub.faults.open
    wrist.hears(LIFE, MEANING_FALL)
    assert wrist.hub.book.calls[FALL_ID].life is Life.ASKING, "never off"
    told = notes(wrist, noted(motion.fallen(3)))[-1]
    assert (told["change"], told["signs"]) == ("fall_likely", "false_falls")
    wrist.clock.now += 24 * HOUR_MS
    wrist.pendants._count_falls("pd-01")
    assert ("falls_often", "pd-01") not in wrist.hub.faults.open
