"""Meters on a simulated air: real GATT servers with the manners of real ones, and the hub's side of them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drivers.ble.meter_facts import Meter, MeterSeen, MeterTrouble, Record
from drivers.ble.meters import MeterLink
from protocols.gatt import Cause, Moment, decode, encode
from sim.air.station import Station
from tests.integration.ble.home import HubHome
from tests.integration.ble.meterhome import (
    ADDRESS,
    ENDING,
    PATIENT,
    QUICK,
    WALL_MS,
    MeterHome,
    pressure,
    released,
)
from tests.integration.ble.waiting import until


@pytest.fixture
async def home(station: Station) -> AsyncIterator[MeterHome]:
    hub = await HubHome(station).start()
    yield MeterHome(hub)
    await hub.stop()


async def test_a_reading_is_taken_and_the_meters_clock_is_set(home: MeterHome) -> None:
    await home.meter()
    await home.station.measure(name="m-1", records=[pressure(138)])
    await until(lambda: home.records)
    await released(home)
    assert home.systolic() == [138]
    seen = await home.seen()
    assert seen["clock_after_s"] < 5
    clock = decode(0x2A2B, bytes.fromhex(seen["clock"]))
    assert (clock["time"], clock["weekday"]) == (Moment(2025, 6, 15, 23, 6, 40), 7)
    assert MeterSeen("m-1", 80) in home.facts
    assert seen["held"] == 0


async def test_a_clock_beside_the_measurement_is_set_too(home: MeterHome) -> None:
    await home.meter(clock="date-time")
    await home.station.measure(name="m-1", records=[pressure(120)])
    await until(lambda: home.records)
    assert decode(0x2A08, bytes.fromhex((await home.seen())["clock"]))["time"].hour == 23


async def test_a_whole_history_comes_in_one_go(home: MeterHome) -> None:
    home.timing = PATIENT
    await home.meter()
    await home.station.measure(name="m-1", records=[pressure(100 + n, n) for n in range(40)])
    await until(lambda: len(home.records) == 40)
    assert home.systolic() == [100 + n for n in range(40)]
    assert (await home.seen())["connections"] == 1


STEPS = {"blood-pressure": ("connected", "clock", "subscribed"), "glucose": ("subscribed", "asked")}


@pytest.mark.parametrize(("kind", "step"), [(kind, step) for kind, steps in STEPS.items() for step in steps])
@pytest.mark.parametrize("forgets", [True, False])
async def test_a_meter_that_dies_at_any_step_loses_nothing_and_doubles_nothing(
    home: MeterHome, kind: str, step: str, forgets: bool
) -> None:
    home.timing = ENDING
    await home.meter(kind, dies_at=step, forgets=forgets)
    glucoses = [[0x2A18, f"02{n:02x}00E307021B0B0A1E78B011"] for n in range(1, 4)]
    records = [pressure(100 + n, n) for n in range(3)] if kind == "blood-pressure" else glucoses
    await home.station.measure(name="m-1", records=records)
    await until(lambda: home.station.radios["m-1"].manners.dies_at == "")
    await until(lambda: not home.hub.radio.connected(ADDRESS))
    await home.station.measure(name="m-1", records=[])
    await until(lambda: len(home.records) >= 3)
    await released(home)
    assert [record.raw.hex() for record in home.records] == [str(raw).lower() for _, raw in records]


async def test_fifty_meters_at_once_are_all_read_and_none_twice(station: Station) -> None:
    hub = await HubHome(station).start()
    records: dict[str, list[float]] = {}
    links: dict[str, MeterLink] = {}
    wall = lambda: (WALL_MS, True, 480)  # noqa: E731

    async def keep(record: Record) -> bool:
        assert record.values is not None
        records.setdefault(record.meter, []).append(record.values["systolic"])
        return True

    patient = dataclasses.replace(QUICK, first_s=20.0, quiet_s=0.6, again_s=(300.0,))  # on a busy machine too
    for n in range(50):
        name, address = f"m-{n:02}", f"C4:0E:00:00:01:{n:02X}"
        await station.add_meter(name=name, address=address, kind="blood-pressure")
        meter = Meter(name, address, "blood-pressure")
        links[address] = MeterLink(meter, hub.radio, hub.clock, keep, lambda fact: None, wall, patient)
    hub.radio.listeners.append(lambda a: links[a.address].on_advert(a) if a.address in links else None)
    for n in range(50):
        await station.measure(name=f"m-{n:02}", records=[pressure(100 + n), pressure(101 + n, 1)])
    await until(lambda: sum(map(len, records.values())) >= 100, 300)
    assert records == {f"m-{n:02}": [100 + n, 101 + n] for n in range(50)}
    await hub.stop()


@pytest.mark.parametrize("sent", [0, 1, 3])
async def test_a_meter_that_dies_in_the_middle_loses_nothing(home: MeterHome, sent: int) -> None:
    await home.meter(dies_after=sent)
    await home.station.measure(name="m-1", records=[pressure(100 + n, n) for n in range(5)])
    await until(lambda: len(home.records) == sent)
    await until(lambda: not home.hub.radio.connected(ADDRESS))
    await home.station.meter(name="m-1", dies_after=-1)
    await home.station.measure(name="m-1", records=[])
    await until(lambda: len(home.records) == 5)
    assert home.systolic() == [100, 101, 102, 103, 104]


async def test_the_link_is_not_ended_before_the_disk_has_it(home: MeterHome) -> None:
    home.disk = asyncio.Event()
    await home.meter()
    await home.station.measure(name="m-1", records=[pressure(138)])
    await until(lambda: home.records)
    with pytest.raises(TimeoutError):  # it would be quiet for long enough
        async with asyncio.timeout(3 * QUICK.quiet_s):
            await released(home)
    home.disk.set()
    await released(home)


async def test_a_disk_that_takes_nothing_leaves_the_rest_in_the_meter(home: MeterHome) -> None:
    home.takes = False
    await home.meter(off_s=0.5)
    await home.station.measure(name="m-1", records=[pressure(100 + n, n) for n in range(200)])
    await until(lambda: any(isinstance(fact, MeterTrouble) for fact in home.facts))
    trouble = next(fact for fact in home.facts if isinstance(fact, MeterTrouble))
    assert (trouble.cause, trouble.count) == ("storage", 1)
    await released(home)
    assert (await home.seen())["held"] > 0


async def test_what_nobody_can_read_is_handed_on_with_its_bytes(home: MeterHome) -> None:
    await home.meter()
    await home.station.measure(name="m-1", records=[[0x2A35, "00007800500060"], pressure(118)])
    await until(lambda: len(home.records) == 2)
    bad = home.records[0]
    assert bad.values is None
    assert bad.refused is not None
    assert (bad.refused.cause, bad.raw.hex()) == (Cause.IMPOSSIBLE, "00007800500060")


async def test_a_model_with_its_own_order_of_bytes_is_read_by_its_quirk(home: MeterHome) -> None:
    await home.meter(quirk="beurer-bm85")
    await home.station.measure(name="m-1", records=[[0x2A35, "0000780050005f02"]])
    await until(lambda: home.records)
    assert home.records[0].values == {"unit": "mm[Hg]", "systolic": 120, "diastolic": 80, "mean": 95}


async def test_a_glucose_meters_memory_is_asked_after_all_is_subscribed_to(home: MeterHome) -> None:
    home.timing = PATIENT
    await home.meter("glucose", forgets=False)
    raws = ["1B0100E307021B0B0A1EFBFF1E00120501", "070200E3070815071B19B40050C0F1"]
    await home.station.measure(name="m-1", records=[[0x2A18, raw] for raw in raws])
    await until(lambda: len(home.records) == 2)
    await released(home)
    seen = await home.seen()
    assert seen["asked"] == ["0101"]
    assert (seen["held"], seen["sent"]) == (2, 2)


async def test_of_a_belt_that_beats_all_the_time_a_figure_a_minute_is_kept(home: MeterHome) -> None:
    link = await home.meter("heart-rate")
    await home.station.measure(name="m-1", records=[[0x2A37, f"16{60 + n:02x}0004"] for n in range(30)])
    await until(lambda: home.records)
    await released(home)
    assert [r.values["pulse"] for r in home.records if r.values] == [60]
    home.hub.clock.ahead_ms += 60_000
    assert link.due(0x2A37)


async def test_a_meal_comes_with_its_glucose_and_a_record_without_one_does_not_wait_for_it(
    home: MeterHome,
) -> None:
    home.timing = PATIENT
    await home.meter("glucose", forgets=False)
    records = [
        [0x2A18, "120100E307021B0B0A1E78B011"],
        [0x2A34, "02010002"],
        [0x2A18, "120200E307021B0B0F1E78B011"],
        [0x2A18, "020300E307021B0C0A1E78B011"],
    ]
    await home.station.measure(name="m-1", records=records)
    await until(lambda: len(home.records) == 3)
    await released(home)
    told = [(r.values["sequence"], r.values.get("meal")) for r in home.records if r.values]
    assert told == [(1, "after"), (2, None), (3, None)]


def sensed(minute: int, glucose: float = 102.0) -> list[Any]:
    record = {"glucose": glucose, "offset_min": minute, "trend": -0.4, "crc": True}
    return [0x2AA7, encode(0x2AA7, {"records": (record,)}).hex()]


BEGAN = {"time": Moment(2025, 6, 14, 9, 0, 0), "zone_15min": 32, "dst_15min": 0, "crc": True}


def minutes(home: MeterHome) -> list[int]:
    return [record.values["offset_min"] for record in home.records if record.values]


async def test_a_sensors_history_comes_and_then_what_it_measures_live(home: MeterHome) -> None:
    await home.meter("continuous-glucose", forgets=False, session=encode(0x2AAA, BEGAN).hex())
    await home.station.measure(name="m-1", records=[sensed(5 * n) for n in range(20)])
    await until(lambda: len(home.records) == 20)
    first = home.records[1].values
    assert first is not None
    assert (first["time"], first["glucose"]) == (Moment(2025, 6, 14, 9, 5, 0), 102.0)
    assert await home.linked() == 1
    await home.station.measure(name="m-1", records=[sensed(100)])
    await until(lambda: len(home.records) == 21)
    assert minutes(home) == [5 * n for n in range(21)]
    assert len({record.raw for record in home.records}) == 21


async def test_a_sensor_that_dies_amid_its_history_is_asked_for_all_of_it_again(home: MeterHome) -> None:
    home.timing = PATIENT
    manners: dict[str, Any] = {"forgets": False, "session": encode(0x2AAA, BEGAN).hex()}
    await home.meter("continuous-glucose", dies_after=7, **manners)
    await home.station.measure(name="m-1", records=[sensed(5 * n) for n in range(20)])
    await until(lambda: home.records)
    await until(lambda: not home.hub.radio.connected(ADDRESS))
    assert len(home.records) <= 7
    await home.station.meter(name="m-1", dies_after=-1)
    await home.station.measure(name="m-1", records=[])
    await until(lambda: minutes(home)[-1] == 95)
    assert (await home.seen())["asked"] == ["0101", "0101"]
    assert sorted(set(minutes(home))) == [5 * n for n in range(20)]
    assert len({record.raw for record in home.records}) == 20  # one name a record: the journal has it once


async def test_a_sensor_that_was_away_is_asked_for_what_it_measured_meanwhile(home: MeterHome) -> None:
    home.timing = PATIENT
    manners: dict[str, Any] = {"forgets": False, "session": encode(0x2AAA, BEGAN).hex()}
    link = await home.meter("continuous-glucose", dies_after=20, **manners)
    await home.station.measure(name="m-1", records=[sensed(5 * n) for n in range(20)])
    await until(lambda: len(home.records) == 20)
    await home.station.measure(name="m-1", records=[sensed(100)])  # and its battery is out
    await until(lambda: not home.hub.radio.connected(ADDRESS))
    await until(lambda: link.after is not None)
    await home.station.meter(name="m-1", dies_after=-1)
    await home.station.measure(name="m-1", records=[sensed(105)])
    await until(lambda: len(home.records) >= 22)
    assert minutes(home)[20:] == [100, 105]
    assert (await home.seen())["asked"] == ["0101", "0103016000"]


async def test_a_sensor_that_does_not_know_when_it_began_is_told(home: MeterHome) -> None:
    await home.meter("continuous-glucose", forgets=False)
    await home.station.measure(name="m-1", records=[sensed(60)])
    await until(lambda: home.records)
    values = home.records[0].values
    assert values is not None
    assert values["time"] == Moment(2025, 6, 15, 23, 6, 40)  # an hour into a session that began an hour ago


async def test_a_sensor_whose_session_nobody_began_is_a_fault(home: MeterHome) -> None:
    await home.meter("continuous-glucose", forgets=False, stopped=True)
    await home.station.measure(name="m-1", records=[sensed(60)])
    await until(lambda: any(isinstance(fact, MeterTrouble) for fact in home.facts))
    trouble = next(fact for fact in home.facts if isinstance(fact, MeterTrouble))
    assert (trouble.cause, home.records) == ("no-session", [])


@pytest.mark.parametrize(
    ("kind", "uuid", "raw"),
    [
        ("thermometer", 0x2A1C, "06B00E00FEDC070C050B321B04"),
        ("oximeter", 0x2A5F, "0064005A00"),
        ("scale", 0x2A9C, "0C007800054006"),
        ("heart-rate", 0x2A37, "1E5532002100"),
    ],
)
async def test_every_kind_of_meter_is_read(home: MeterHome, kind: str, uuid: int, raw: str) -> None:
    await home.meter(kind)
    await home.station.measure(name="m-1", records=[[uuid, raw]])
    await until(lambda: home.records)
    assert home.records[0].values == decode(uuid, bytes.fromhex(raw))
