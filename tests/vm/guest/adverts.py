"""A pendant that advertises all the time: when does the product's radio not hear it, and how long?"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Final

from drivers.ble.ports import Advert
from protocols.link.advert import build
from protocols.link.const import BTHOME_UUID, MEANING_NONE
from protocols.link.keys import advert_key
from sim.air.client import AirControl
from tests.vm.guest.bluetooth import STARTED_S, bluetooth
from tests.vm.guest.home import ROOT, Home, until
from tests.vm.guest.port import tell

ADDRESS: Final = "C4:00:00:00:00:09"
PAYLOAD_S: Final = 0.25  # as the firmware: a new counter so often
INTERVAL_US: Final = 100_000  # the firmware's pace from the 30th second on


async def main(bluez: str, seconds: float, by_address: bool) -> None:
    """Tells every 30 s how it goes, and {"gaps": ...} at the end; times are of the guest's clock.

    `by_address`: the controller takes a new payload of a known address for a duplicate.
    """
    async with bluetooth(bluez, by_address) as (adapter, air, version), Home(adapter, air) as home:
        tell(bluez=version)
        heard: list[tuple[int, bytes]] = []
        home.adverts.append(lambda advert: note(heard, advert))
        sender = asyncio.create_task(advertise(air))
        lags: list[float] = []
        pulse = asyncio.create_task(feel_pulse(lags))
        await until(lambda: heard, STARTED_S)
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            await asyncio.sleep(min(30.0, seconds))
            tell(so_far=round(time.monotonic() - begun), adverts=len(heard))
        sender.cancel()
        pulse.cancel()
        times = [at for at, _ in heard] + [home.clock.monotonic_ms()]
        gaps = sorted((b - a, a) for a, b in itertools.pairwise(times))
        tell(
            gaps={
                "seconds": round(times[-1] / 1000 - times[0] / 1000, 1),
                "adverts": len(heard),
                "payloads": len({data for _, data in heard}),
                "longest_ms": gaps[-1][0],
                "longest_at_s": [round((at - times[0]) / 1000, 1) for _, at in gaps[:-4:-1]],
                "p50_ms": gaps[len(gaps) // 2][0],
                "p99_ms": gaps[len(gaps) * 99 // 100][0],
                "over_500_ms": sum(gap > 500 for gap, _ in gaps),
                "own_lag_ms": round(max(lags) * 1000),
                "radio": [repr(fact) for fact in home.radio_facts],
            }
        )


async def feel_pulse(lags: list[float]) -> None:
    """How late this process itself comes to its turn: an emulated machine stands still at times."""
    while True:
        due = time.monotonic() + 0.05
        await asyncio.sleep(0.05)
        lags.append(time.monotonic() - due)


def note(heard: list[tuple[int, bytes]], advert: Advert) -> None:
    """Keep an advert of the pendant."""
    if advert.address == ADDRESS:
        heard.append((advert.heard_ms, advert.service_data[BTHOME_UUID]))


async def advertise(air: AirControl) -> None:
    """A pendant's radio, spoken to as the firmware does: a new counter in the payload every PAYLOAD_S."""
    path = await air.add_pendant(name="pd-09", address=ADDRESS, x=2)
    _reader, writer = await asyncio.open_unix_connection(path)
    mac = bytes.fromhex(ADDRESS.replace(":", ""))
    for counter in range(1, 1 << 30):
        payload = build(advert_key(ROOT), mac, counter, counter & 255, 90, MEANING_NONE, 0, 0)
        line = f'{{"op":"adv","us":{INTERVAL_US},"a":"{payload.hex()}","c":1}}\n'
        writer.write(line.encode())
        await asyncio.sleep(PAYLOAD_S)
