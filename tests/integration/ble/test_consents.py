"""Scales and cuffs that tell of a person to who has that person's code: given, refused, written nowhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.consent import Consent, Register
from drivers.ble.meter_facts import MeterTrouble
from protocols.errors import AnbanError, Reason
from protocols.gatt import Moment, encode
from sim.air.station import Station
from tests.integration.ble.home import HubHome
from tests.integration.ble.meterhome import ENDING, MeterHome, released
from tests.integration.ble.waiting import until

CODES = {"1": 4711, "2": 9072}


@pytest.fixture
async def home(station: Station) -> AsyncIterator[MeterHome]:
    hub = await HubHome(station).start()
    yield MeterHome(hub)
    await hub.stop()


def weighed(user: int, kilogram: float) -> list[Any]:
    values = {"unit": "kg", "weight": kilogram, "time": Moment(2025, 6, 15, 7, user, 0), "user": user}
    return [0x2A9D, encode(0x2A9D, values).hex()]


def users(home: MeterHome) -> list[tuple[int, float]]:
    return [(record.values["user"], record.values["weight"]) for record in home.records if record.values]


async def test_each_persons_code_opens_what_the_scale_holds_of_them(
    home: MeterHome, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "drivers")
    home.timing = ENDING
    link = await home.meter("scale", codes=(Consent(1, 4711), Consent(2, 9072)), consents=CODES)
    await home.station.measure(name="m-1", records=[weighed(2, 70), weighed(1, 55), weighed(1, 56)])
    await until(lambda: len(home.records) == 3)
    await released(home)
    assert users(home) == [(1, 55), (1, 56), (2, 70)]
    assert (await home.seen())["consented"] == ["200201", "200201"]
    shown = caplog.text + repr(link.meter)
    assert "4711" not in shown
    assert "9072" not in shown


async def test_a_wrong_code_is_told_and_keeps_nobody_elses_back(
    home: MeterHome, caplog: pytest.LogCaptureFixture
) -> None:
    home.timing = ENDING
    await home.meter("scale", codes=(Consent(1, 4712), Consent(2, 9072)), consents=CODES)
    await home.station.measure(name="m-1", records=[weighed(1, 55), weighed(2, 70)])
    await until(lambda: any(isinstance(fact, MeterTrouble) for fact in home.facts))
    assert users(home) == [(2, 70)]
    trouble = next(fact for fact in home.facts if isinstance(fact, MeterTrouble))
    assert (trouble.cause, trouble.count) == ("consent-refused", 1)
    assert "4712" not in caplog.text
    assert (await home.seen())["held"] == 1


async def test_a_scale_that_asks_for_codes_tells_nothing_to_who_has_none(home: MeterHome) -> None:
    await home.meter("scale", consents=CODES)
    await home.station.measure(name="m-1", records=[weighed(1, 55)])
    while not (await home.seen())["clock"]:
        await asyncio.sleep(0.01)
    await released(home)
    assert (home.records, (await home.seen())["sent"]) == ([], 0)


class Answers:
    """A link whose meter answers a code with whatever a test says."""

    def __init__(self, answers: list[bytes]) -> None:
        self.gone, self.written, self._answers = asyncio.Event(), b"", answers

    async def subscribe(self, _uuid: str, on_value: Any) -> None:
        self._told = on_value

    async def write(self, _uuid: str, data: bytes) -> None:
        self.written = data
        for answer in self._answers:
            self._told(answer)


@given(st.lists(st.binary(max_size=8), max_size=6), st.sampled_from((1, 2, 3, 4, 5)))
def test_only_an_answer_to_the_code_counts(noise: list[bytes], result: int) -> None:
    async def give() -> None:
        quiet = [value for value in noise if value[:2] != b"\x20\x02"]
        link = Answers([*quiet, bytes((0x20, 2, result))])
        register = Register(link)  # type: ignore[arg-type]
        await register.open()
        await register.give("m-1", Consent(2, 0x1234))
        assert link.written == bytes.fromhex("02023412")

    if result == 1:
        asyncio.run(give())
        return
    with pytest.raises(AnbanError) as told:
        asyncio.run(give())
    assert told.value.reason is Reason.CONSENT_REFUSED
    assert "4660" not in f"{told.value}{told.value.remedy}"
