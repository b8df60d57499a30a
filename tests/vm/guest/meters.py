"""Meters on the real BlueZ: bonded before discovery, a passkey typed to our agent, a bond that is lost."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from drivers.ble.meter_facts import Meter, MeterFact, MeterTrouble, Record
from drivers.ble.meters import MeterLink
from drivers.ble.ports import Advert
from protocols.gatt import Moment, encode
from tests.vm.guest.bluetooth import bluetooth
from tests.vm.guest.home import Home, until
from tests.vm.guest.port import tell

PASSKEY = 42317
LONG_S = 300.0


class OneMeter:
    """A meter of the simulated air, and the hub's side of it."""

    def __init__(self, home: Home, number: int, bond: str) -> None:
        self.home, self.bond = home, bond
        self.name, self.address = f"m-{number}", f"C4:0E:00:00:00:{number:02X}"
        self.records: list[tuple[float, Record]] = []
        self.facts: list[MeterFact] = []
        meter = Meter(self.name, self.address, "blood-pressure", bond=bool(bond))
        wall = lambda: (1_750_000_000_000, True, 480)  # noqa: E731
        self.link = MeterLink(meter, home.radio, home.clock, self._keep, self.facts.append, wall)
        home.adverts.append(self._advert)

    def _advert(self, advert: Advert) -> None:
        if advert.address == self.address:
            self.link.on_advert(advert)

    async def _keep(self, record: Record) -> bool:
        self.records.append((time.monotonic(), record))
        return True

    async def measure(self, systolic: float) -> int:
        """Somebody measures; milliseconds until the hub has it."""
        values = {"systolic": systolic, "diastolic": 80, "mean": 95, "time": Moment(2025, 6, 15, 20, 0, 0)}
        had, begun = len(self.records), time.monotonic()
        records = [[0x2A35, encode(0x2A35, values).hex()]]
        await self.home.air.measure(name=self.name, records=records)
        await until(lambda: len(self.records) > had, LONG_S)
        told = self.records[-1][1].values
        assert told is not None
        assert told["systolic"] == systolic
        return round((self.records[had][0] - begun) * 1000)

    async def released(self) -> None:
        """Until no link stands."""
        while (await self.home.air.state())["radios"][self.name]["connections"]:
            await asyncio.sleep(0.05)

    async def seen(self) -> dict[str, Any]:
        """What the meter saw."""
        seen: dict[str, Any] = await self.home.air.meter(name=self.name)
        return seen


async def main(bluez: str, hides: bool, settings: str = "") -> None:
    """Tells "plain", "just_works", "passkey", "known", "lost" and "again".

    `hides`: meters that hang up on who asks before the bond. `settings`: bluetoothd's main.conf.
    """
    async with bluetooth(bluez, settings=settings) as (adapter, air, version), Home(adapter, air) as home:
        tell(bluez=version)
        for number, bond in enumerate(("", "just-works", "042317"), 1):
            one = OneMeter(home, number, bond)
            await air.add_meter(
                name=one.name,
                address=one.address,
                kind="blood-pressure",
                x=2,
                bond=bond,
                hides=hides and bool(bond),
            )
            await run(one)
        tell(radio=[repr(fact) for fact in home.radio_facts])


async def run(one: OneMeter) -> None:
    """One meter, from the first time that it is heard."""
    if not one.bond:
        tell(plain={"ms": await one.measure(118), **await one.seen()})
        await one.released()
        return
    if one.bond == "just-works":
        tell(just_works={"ms": await one.measure(120), **await one.seen()})
        await one.released()
        return
    one.link.pair(None)
    typing = asyncio.create_task(typed(one))
    tell(passkey={"ms": await one.measure(130), "state": one.link.pairing.state, **await one.seen()})
    await typing
    await one.released()
    tell(known={"ms": await one.measure(131), **await one.seen()})
    await one.released()
    await one.home.air.meter(name=one.name, loses_bond=True)
    begun, before = time.monotonic(), len(one.facts)
    lost = asyncio.create_task(one.measure(132))
    await until(lambda: troubles(one, before), LONG_S)
    trouble = troubles(one, before)[0]
    tell(lost={"ms": round((time.monotonic() - begun) * 1000), "cause": trouble.cause, **await one.seen()})
    typing = asyncio.create_task(typed(one))
    one.link.pair(None)
    await lost
    await typing
    tell(again={"state": one.link.pairing.state, **await one.seen()})


def troubles(one: OneMeter, since: int) -> list[MeterTrouble]:
    """What the hub said of the meter since then."""
    return [fact for fact in one.facts[since:] if isinstance(fact, MeterTrouble) and fact.count]


async def typed(one: OneMeter) -> None:
    """A person reads the passkey from the meter and types it."""
    await until(lambda: one.link.pairing.state == "passkey", LONG_S)
    await asyncio.sleep(6.0)  # longer than any attempt may last: a person is slow
    assert one.link.pairing.give(PASSKEY)
