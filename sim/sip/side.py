"""SIP around a simulated home: the provider, a telephone for each relative, an account for each hub.

A hub's microphone is a tone (the room), its speaker a bridge with one end; what its line brings is recorded
by baresip itself, in the folder that is private to it.
"""

from __future__ import annotations

import json
from pathlib import Path

from sim.home.setup import Setup
from sim.sip.exchange import SipExchange
from sim.sip.phone import MODULES, TONE_S, SipFamilyPhone
from sim.sip.sound import hears, write_tone

ROOM_HZ = 440.0


class SipSide:
    """`await open(setup)`; `phones` by the relative's id."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.exchange = SipExchange()
        self.phones: dict[str, SipFamilyPhone] = {}

    async def open(self, setup: Setup) -> None:
        """Have the provider up, and the telephones begin to register."""
        await self.exchange.open()
        write_tone(self.directory / "room.wav", ROOM_HZ, TONE_S)
        for relative in setup.family:
            folder = self.directory / relative.id
            self.phones[relative.id] = SipFamilyPhone(relative.id, self.exchange, folder, relative.hertz)
            self.phones[relative.id].start()

    async def close(self) -> None:
        for phone in self.phones.values():
            await phone.stop()
        self.exchange.close()

    def account(self, hub: str) -> dict[str, str]:
        """What a hub's credentials say of its account."""
        password = self.exchange.accounts.setdefault(hub, f"secret-of-{hub}")
        return {"user": hub, "password": password}

    def address(self, name: str) -> str:
        """Of a relative or a hub."""
        return f"sip:{name}@{self.exchange.domain}"

    def section(self, hub: str) -> list[str]:
        """[sip] of a hub's seed."""
        values: dict[str, object] = {
            "address": self.address(hub),
            "interface": "127.0.0.1",
            "microphone": f"aufile,{self.directory / 'room.wav'}",
            "speaker": "aubridge,room",
            "modules": list(MODULES),
            "weekly_test": False,
        }
        return ["[sip]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]

    def up(self, hub: str) -> bool:
        """Whether the hub and the family have registered."""
        names = {hub, *self.phones}
        return names <= self.exchange.registered.keys() and all(phone.good for phone in self.phones.values())


def room_hears(directory: Path, hertz: float) -> float:
    """Seconds of a tone that came into the room of the hub in this folder by SIP."""
    return sum(hears(path, hertz) for path in (directory / "run" / "sip").glob("dump-*-dec.wav"))
