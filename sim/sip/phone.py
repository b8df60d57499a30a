"""A telephone of the family by SIP: a real baresip, whose microphone is a tone and whose ear is recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from drivers.sip.phone import SipPhone
from drivers.sip.program import Account
from drivers.talk import Talk
from protocols.errors import AnbanError
from sim.room import level_db
from sim.sip.exchange import SipExchange
from sim.sip.sound import hears, read, write_tone

TONE_S = 120.0  # a baresip whose file has ended hangs up
MODULES = ("sndfile",)  # records what it hears as dump-*-dec.wav


class SipFamilyPhone:
    """`start()` has it registered; `state` is "idle", "ringing", "answered" or "dialling"."""

    def __init__(
        self, name: str, exchange: SipExchange, folder: Path, hertz: float, speaks_s: float = TONE_S
    ) -> None:
        self.name, self.folder, self.exchange = name, folder, exchange
        exchange.accounts.setdefault(name, f"secret-of-{name}")
        tone = folder.with_name(folder.name + "-tone.wav")
        write_tone(tone, hertz, speaks_s, silent_s=TONE_S - speaks_s)
        account = Account(
            address=f"sip:{name}@{exchange.domain}",
            user=name,
            password=exchange.accounts[name],
            interface="127.0.0.1",
            modules=MODULES,
        )
        self.phone = SipPhone(account, folder, microphone=f"aufile,{tone}", speaker="aubridge,ear")
        self.phone.on_ring = self._rings
        self.rang: list[int] = []  # when, in wall milliseconds
        self.on_change: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None
        self._speaking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.phone.run(), name=f"sip phone {self.name}")

    async def stop(self) -> None:
        for task in (self._speaking, self._task):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    @property
    def good(self) -> bool:
        """Whether it can be reached."""
        return self.phone.good

    @property
    def talk(self) -> Talk | None:
        return self.phone.talk

    @property
    def state(self) -> str:
        """As of a mobile phone: see sim/modem/phone.py."""
        talk = self.phone.talk
        return "idle" if talk is None else ("dialling", "ringing", "answered", "idle")[talk.stage]

    @property
    def heard_keys(self) -> str:
        """Keys that the other side has pressed in this call."""
        return self.phone.talk.tones if self.phone.talk is not None else ""

    def hears(self, hertz: float) -> float:
        """Seconds of a tone that it has heard so far, in all calls."""
        return sum(hears(path, hertz) for path in self.folder.glob("dump-*-dec.wav"))

    def levels_db(self) -> list[float]:
        """What it has heard in the last call, second by second; 0 dB is one step of 16 bit."""
        tapes = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        if not tapes:
            return []
        samples, rate = read(tapes[-1])
        return [level_db(samples[n : n + rate]) for n in range(0, len(samples), rate)]

    async def answer(self) -> None:
        """Take the call that rings, and speak."""
        await self.phone.answer()
        await self._speak()

    async def dial(self, number: str) -> None:
        """Ring somebody; speaks when it is answered."""
        await self.phone.dial(number)
        self._speaking = asyncio.create_task(self._speak(), name=f"{self.name} speaks")

    async def _speak(self) -> None:
        talk = self.phone.talk
        while talk is not None and talk is self.phone.talk:
            try:
                return await self.phone.sound()
            except AnbanError:
                await asyncio.sleep(0.05)  # not established yet

    async def press(self, keys: str) -> None:
        await self.phone.tones(keys)

    async def hang_up(self) -> None:
        await self.phone.hang_up()

    def _rings(self, number: str) -> None:
        self.rang.append(round(time.time() * 1000))
        self.on_change()
