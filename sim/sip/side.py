"""SIP around a simulated home: the provider, a telephone for each relative, an account for each hub.

A hub's microphone is a tone (the room), its speaker a bridge with one end; what its line brings is recorded
by baresip itself, in the folder that is private to it. Or, with `sound`, both are the hub's own, and the air
of the room lies between them (`Air`).
"""

from __future__ import annotations

import json
from pathlib import Path

from sim.home.setup import Setup
from sim.room import AIR, RATE, Tape, speech
from sim.sip.exchange import SipExchange
from sim.sip.phone import MODULES, TONE_S, SipFamilyPhone
from sim.sip.sound import hears, seconds_of, write_tone

ROOM_HZ = 440.0
VOICE_S = 5.0


class SipSide:
    """`await open(setup)`; `phones` by the relative's id."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.exchange = SipExchange()
        self.phones: dict[str, SipFamilyPhone] = {}
        self._sound = False

    async def open(self, setup: Setup) -> None:
        """Have the provider up, and the telephones begin to register."""
        await self.exchange.open()
        self._sound = setup.sound
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
            "weekly_test": False,
        }
        if self._sound:
            values["modules"] = ["alsa", *MODULES]
        else:
            tones = {"microphone": f"aufile,{self.directory / 'room.wav'}", "speaker": "aubridge,room"}
            values |= {**tones, "modules": list(MODULES)}
        return ["[sip]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]

    def up(self, hub: str) -> bool:
        """Whether the hub and the family have registered."""
        names = {hub, *self.phones}
        return names <= self.exchange.registered.keys() and all(phone.good for phone in self.phones.values())


class Air:
    """The room of the hub in this folder while a line is open: what its speaker plays, who speaks."""

    def __init__(self, directory: Path, files: Path) -> None:
        environment = {"PULSE_SERVER": f"unix:{directory / 'run' / 'room' / 'room.sock'}"}
        self._speaker, self._voice = Tape(files / "speaker.pcm", environment), files / "voice.pcm"
        self._voice.write_bytes(speech(VOICE_S, 7).tobytes())
        self._mouth = Tape(self._voice, environment)

    async def listen(self) -> None:
        """Begin to record what is heard in the room."""
        await self._speaker.record(f"{AIR}.monitor")

    async def speak(self) -> None:
        """Somebody in the room says something, to its end."""
        await self._mouth.play(AIR)
        await self._mouth.ended()

    def hears(self, hertz: float) -> float:
        """Seconds of a tone that were heard in the room."""
        return seconds_of(self._speaker.samples(), RATE, hertz)

    async def end(self) -> None:
        await self._speaker.stop()
        await self._mouth.stop()


def room_hears(directory: Path, hertz: float) -> float:
    """Seconds of a tone that came into the room of the hub in this folder by SIP."""
    return sum(hears(path, hertz) for path in (directory / "run" / "sip").glob("dump-*-dec.wav"))
