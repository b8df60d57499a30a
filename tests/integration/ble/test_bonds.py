"""Meters that want a bond, hide behind changing addresses or lose their bond; and a neighbour's meter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from drivers.ble.meter_facts import MeterTrouble
from drivers.ble.pairing import PAIRINGS
from sim.air.station import Station
from tests.integration.ble.home import HubHome
from tests.integration.ble.meterhome import ADDRESS, MeterHome, pressure, released
from tests.integration.ble.waiting import until


@pytest.fixture
async def home(station: Station) -> AsyncIterator[MeterHome]:
    hub = await HubHome(station).start()
    yield MeterHome(hub)
    await hub.stop()


async def test_a_meter_that_wants_a_bond_is_paired_and_knows_the_hub_again(home: MeterHome) -> None:
    link = await home.meter(bond="just-works")
    for systolic in (120, 130):
        await home.station.measure(name="m-1", records=[pressure(systolic)])
        await until(lambda wanted=systolic: wanted in home.systolic())
        await released(home)
    assert (await home.seen())["strangers"] == 0
    assert link.pairing.state == ""


@pytest.mark.parametrize("bond", ["just-works", "042317"])
async def test_a_meter_that_hides_all_from_strangers_is_bonded_before_it_is_discovered(
    home: MeterHome, bond: str
) -> None:
    link = await home.meter(bond=bond, hides=True)
    link.pair(42317 if bond.isdigit() else None)
    for systolic in (120, 130):
        await home.station.measure(name="m-1", records=[pressure(systolic)])
        await until(lambda wanted=systolic: wanted in home.systolic())
        await released(home)
    assert home.systolic() == [120, 130]
    assert (await home.seen())["hung_up"] == 0
    assert link.pairing.state == "paired"


async def test_a_meter_that_hides_all_tells_nothing_to_who_does_not_bond(home: MeterHome) -> None:
    await home.meter(hides=True)
    await home.station.measure(name="m-1", records=[pressure(120)])
    while not (await home.seen())["hung_up"]:
        await asyncio.sleep(0.01)
    assert home.records == []


async def test_a_meter_that_lost_its_bond_is_told_of_and_paired_anew_by_a_person(home: MeterHome) -> None:
    link = await home.meter(bond="042317", hides=True)
    link.pair(42317)
    await home.station.measure(name="m-1", records=[pressure(120)])
    await until(lambda: home.records)
    await released(home)
    await home.station.meter(name="m-1", loses_bond=True)
    await home.station.measure(name="m-1", records=[pressure(130, 1)])
    await until(lambda: MeterTrouble("m-1", "pair-again", PAIRINGS) in home.facts)
    assert len(home.records) == 1
    link.pair(None)
    await until(lambda: link.pairing.state == "passkey")
    assert link.pairing.give(42317)
    await until(lambda: home.systolic() == [120, 130])


async def test_a_meter_behind_changing_addresses_is_the_same_meter_once_it_is_bonded(home: MeterHome) -> None:
    heard: list[str] = []
    home.hub.radio.listeners.append(lambda advert: heard.append(advert.address))
    link = await home.meter(bond="just-works", hides=True, addresses="resolvable")
    await home.station.measure(name="m-1", records=[pressure(120)])
    await until(lambda: heard)
    assert ADDRESS not in heard  # nobody can know it yet
    link.pair(None)
    await until(lambda: home.systolic() == [120])
    await released(home)
    for systolic in (130, 140):
        heard.clear()
        await home.station.measure(name="m-1", records=[pressure(systolic)])
        await until(lambda wanted=systolic: wanted in home.systolic())
        await released(home)
        assert set(heard) == {ADDRESS}
    seen = await home.seen()
    assert (len(set(seen["addresses"])), seen["hung_up"], link.pairing.state) == (3, 0, "paired")


@pytest.mark.parametrize("addresses", ["resolvable", "non-resolvable", "static"])
async def test_a_neighbours_meter_is_left_alone_whatever_its_address(home: MeterHome, addresses: str) -> None:
    link = await home.meter(bond="just-works", addresses="resolvable")
    link.pair(None)
    await home.station.measure(name="m-1", records=[pressure(120)])
    await until(lambda: home.systolic() == [120])
    await released(home)
    await home.stranger(addresses=addresses)
    await home.station.measure(name="m-1", records=[pressure(130)])
    await until(lambda: home.systolic() == [120, 130])
    assert (await home.station.meter(name="n-1"))["connections"] == 0


async def test_a_neighbours_meter_that_pairs_instead_is_refused_and_forgotten(home: MeterHome) -> None:
    link = await home.meter(bond="just-works", hides=True, addresses="resolvable")
    await home.stranger(bond="just-works", addresses="resolvable")
    link.pair(None)
    await until(lambda: link.pairing.state == "failed")
    assert await home.hub.adapters[0].bonds.get_all() == []
    trouble = [fact.cause for fact in home.facts if isinstance(fact, MeterTrouble)]
    assert (trouble, home.records) == (["pair-again"], [])


@pytest.mark.parametrize("addresses", ["non-resolvable", "static"])
async def test_only_who_hides_behind_a_resolvable_address_may_be_the_meter_that_is_paired(
    home: MeterHome, addresses: str
) -> None:
    link = await home.meter(bond="just-works", addresses="resolvable")
    link.pair(None)
    heard: list[str] = []
    home.hub.radio.listeners.append(lambda advert: heard.append(advert.address))
    await home.stranger(bond="just-works", addresses=addresses)
    await until(lambda: heard)
    assert ((await home.station.meter(name="n-1"))["connections"], link.pairing.state) == (0, "waiting")


async def test_a_passkey_is_asked_of_a_person_while_the_meter_shows_it(home: MeterHome) -> None:
    link = await home.meter(bond="042317")
    link.pair(None)
    await home.station.measure(name="m-1", records=[pressure(138)])
    await until(lambda: link.pairing.state == "passkey")
    assert home.records == []
    assert link.pairing.give(42317)
    await until(lambda: home.records)
    assert (home.systolic(), link.pairing.state) == ([138], "paired")


async def test_a_passkey_that_stands_on_the_meter_is_given_at_once(home: MeterHome) -> None:
    link = await home.meter(bond="042317")
    link.pair(42317)
    await home.station.measure(name="m-1", records=[pressure(138)])
    await until(lambda: home.records)
    assert link.pairing.state == "paired"


async def test_a_wrong_passkey_reads_nothing_and_a_person_is_asked_to_pair_again(home: MeterHome) -> None:
    link = await home.meter(bond="042317")
    link.pair(111111)
    await home.station.measure(name="m-1", records=[pressure(138)])
    await until(lambda: link.pairing.hopeless)
    causes = {fact.cause for fact in home.facts if isinstance(fact, MeterTrouble)}
    assert ("pair-again" in causes, home.records, link.pairing.state) == (True, [], "failed")
    before = (await home.seen())["connections"]
    await home.station.measure(name="m-1", records=[pressure(139, 1)])
    assert (await home.seen())["connections"] == before
    link.pair(42317)
    await home.station.measure(name="m-1", records=[])
    await until(lambda: len(home.records) == 2)
