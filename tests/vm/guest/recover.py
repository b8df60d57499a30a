"""A card that hears nothing any more: the radio notices, resets it by the kernel, and hears again."""

from __future__ import annotations

import asyncio
import time

from drivers.ble import arbiter
from drivers.ble.ports import AdapterDown, AdapterUp, Advert
from tests.vm.guest.adverts import ADDRESS, advertise
from tests.vm.guest.bluetooth import bluetooth
from tests.vm.guest.home import Home, until
from tests.vm.guest.port import tell

# How long silence may last is the arbiter's own matter, and tested with it; here what follows counts.
arbiter.SILENCE_MS, arbiter.AFTER_RESTART_MS = 10_000, 10_000  # type: ignore[misc]
PATIENCE_S = 120.0  # bluetooth-auto-recovery waits for about 10 s in all, emulated or not


async def main(bluez: str) -> None:
    """Tells {"recovery": ...}: milliseconds from silence to the fault, to scanning, to the first advert."""
    async with bluetooth(bluez) as (adapter, air, version), Home(adapter, air) as home:
        tell(bluez=version)
        heard: list[float] = []

        def note(advert: Advert) -> None:
            if advert.address == ADDRESS:
                heard.append(time.monotonic())

        home.adverts.append(note)
        sender = asyncio.create_task(advertise(air))
        await until(lambda: len(heard) > 10, 60)
        await air.numb(name=adapter.name)
        begun = time.monotonic()
        await until(lambda: any(isinstance(fact, AdapterDown) for fact in home.radio_facts), PATIENCE_S)
        down, before = time.monotonic(), len(heard)
        await until(lambda: isinstance(home.radio_facts[-1], AdapterUp), PATIENCE_S)
        up = time.monotonic()
        await until(lambda: len(heard) > before + 10, PATIENCE_S)
        sender.cancel()
        times = {"down": down, "up": up, "heard": heard[before]}
        tell(
            recovery={name: round((at - begun) * 1000) for name, at in times.items()}
            | {"radio": [repr(fact) for fact in home.radio_facts]}
        )
