"""One hub of the home: its process, its two keys as pins, its lamp and its loudspeaker seen from outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.api import ask
from protocols.errors import AnbanError
from sim.home.ledger import Ledger, Meaning, Press, Told
from sim.home.pendants import PendantRig, now_ms
from sim.home.process import Child, ChildError
from sim.home.seeds import hub_toml
from sim.home.setup import HubSetup, Setup
from sim.home.surfaces import LampReader, Shown, meaning_of_phrase, phrase_of
from sim.home.waiting import Finger

if TYPE_CHECKING:
    from sim.sip.side import SipSide

PINS = {"red": 17, "green": 27}
KINDS = {
    "red": frozenset({"call.sos"}),
    "green": frozenset({"call.assistance", "call.consultation", "call.updated"}),
}
ASKING_MS = 30_000  # of a fall: the countdown begins with the question
LOOK_S = 0.1  # how often the lamp is looked at and the record of the loudspeaker read


class HubRig:
    """`python -m sim.hub`, killed and started at will. Its keys work only while it runs."""

    def __init__(self, setup: HubSetup, directory: Path, logs: Path, number: int, ledger: Ledger) -> None:
        self.setup = setup
        self.directory = directory
        self.address = f"F0:0B:00:00:00:{number:02X}"
        self.child = Child(setup.id, ["-m", "sim.hub", "--dir", str(directory)], logs)
        self.ledger = ledger
        self.env: dict[str, str] = {}
        self.modem_port = directory / "modem"  # where its modem's AT port appears
        self.sip: SipSide | None = None
        self.lamp = LampReader()
        self._fingers = {name: Finger() for name in PINS}
        self.said: list[tuple[int, str]] = []
        self.killed_ms: list[int] = []  # when
        self.on_lamp: Callable[[Shown], None] = lambda shown: None
        self.on_spoken: Callable[[str], None] = lambda key: None
        self.on_end: Callable[[], None] = lambda: None
        self._pins: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._spoken_at = 0

    @property
    def running(self) -> bool:
        return self.child.running and self._pins is not None

    def write_files(
        self,
        home: Setup,
        credentials: dict[str, Any],
        pendants: Mapping[str, PendantRig],
        sensors: Mapping[str, str],
        *,
        coap_port: int,
        https_port: int,
        ca_file: str,
        radio: Path,
    ) -> None:
        """Write hub.toml, credentials.json (mode 0600) and radios.json, as provisioning would."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "hub.toml").write_text(
            hub_toml(self, home, pendants, coap_port=coap_port, https_port=https_port, ca_file=ca_file)
        )
        from protocols.link.keys import advert_key, link_key

        keys = {
            name: {
                "advert_key": advert_key(rig.root_key).hex(),
                "link_key": link_key(rig.root_key, self.setup.id).hex(),
            }
            for name, rig in pendants.items()
        }
        radios = [{"name": self.setup.id, "socket": str(radio), "address": self.address}]
        (self.directory / "radios.json").write_text(json.dumps(radios))
        path = self.directory / "credentials.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({**credentials, "pendants": keys, "sensors": sensors}, indent=1))

    async def start(self) -> float:
        """Start and connect the pins; gives the seconds until its keys were accepted."""
        path = self.directory / "pins.sock"
        path.unlink(missing_ok=True)
        took = await self.child.start(path.is_socket, self.env)
        reader, self._pins = await _connect(path)
        self.lamp = LampReader()
        self._tasks = [asyncio.create_task(self._read_pins(reader)), asyncio.create_task(self._look())]
        return took

    async def kill(self) -> None:
        """kill -9; a press of which nothing had been told until now is not owed any more."""
        self.killed_ms.append(now_ms())
        await self.child.kill()
        await self._last_words()
        self.ledger.excuse(self.setup.id, now_ms())
        await self._ended()

    async def stop(self) -> None:
        await self.child.stop()
        await self._ended()

    def key(self, name: str, down: bool, *, answers: bool = False) -> Press | None:
        """Drive a key's pin; gives the press as the ledger has it, or None while no program reads the pin.
        One that `answers` a question need not become an event; green while it asks about a fall does so."""
        if self._pins is None or not self.running:
            return None
        press = None
        if down:
            fell = self.ledger.asked_about(self._asked_ms()) if name == "green" else None
            may_fold = answers or fell is not None
            press = Press(now_ms(), self.setup.id, name, self.setup.elder, KINDS[name], may_fold=may_fold)
            self.ledger.write(press)
            if fell is not None:
                self.ledger.answer(fell, press.at_ms)
        edge = {"pin": PINS[name], "edge": 0 if down else 1, "at_s": time.monotonic()}
        self._pins.write(json.dumps(edge).encode() + b"\n")
        return press

    async def press(self, name: str, hold_s: float = 0.12, *, answers: bool = False) -> Press:
        """Down, hold, up, no sooner after the last one than a finger can. RuntimeError while the hub does not
        run."""
        finger = self._fingers[name]
        await finger.ready()
        press = self.key(name, True, answers=answers)
        if press is None:
            raise RuntimeError(f"{self.setup.id} does not run: nobody reads its keys")
        await asyncio.sleep(hold_s)
        self.key(name, False)
        finger.lifted()
        return press

    def answer_twice(self, name: str) -> None:
        """Two presses within a second, as one hand's movement: an answer, of which no event need come."""
        if self._pins is None:
            raise RuntimeError(f"{self.setup.id} does not run: nobody reads its keys")
        self.ledger.write(Press(now_ms(), self.setup.id, name, self.setup.elder, KINDS[name], may_fold=True))
        began = time.monotonic()
        for after_s, edge in ((0.0, 0), (0.12, 1), (0.4, 0), (0.52, 1)):
            line = {"pin": PINS[name], "edge": edge, "at_s": began + after_s}
            self._pins.write(json.dumps(line).encode() + b"\n")

    async def has_open_call(self, elder: str) -> bool:
        """Whether the hub itself thinks that this elder has an open call; True while it does not answer.

        For waiting alone: what is judged is never asked of the product.
        """
        try:
            calls = await asyncio.to_thread(ask, self.directory / "run" / "hub.sock", "calls")
        except AnbanError:
            return True
        return any(call["elder"] == elder and call["lifecycle"] in ("asking", "open") for call in calls)

    async def paths(self) -> list[dict[str, Any]]:
        """What the hub knows of each way: for waiting alone. Empty while it does not answer."""
        try:
            status = await asyncio.to_thread(ask, self.directory / "run" / "hub.sock", "status")
        except AnbanError:
            return []
        return list(status["paths"])

    async def clock_by(self) -> str:
        """Who has told it the time: for waiting alone. Empty while it does not answer."""
        try:
            status = await asyncio.to_thread(ask, self.directory / "run" / "hub.sock", "status")
        except AnbanError:
            return ""
        return str(status["clock"]["by"])

    async def settings(self) -> dict[str, Any]:
        """What the hub says of its settings: version in force, trial, last proposal. AnbanError."""
        return dict(await asyncio.to_thread(ask, self.directory / "run" / "hub.sock", "config"))

    def _asked_ms(self) -> int:
        """When it last asked about a fall, if it still waits for the answer; else 0."""
        asked = [at_ms for at_ms, said in self.said if said == "ask-fall"]
        return asked[-1] if asked and now_ms() - asked[-1] < ASKING_MS else 0

    def told(self, meaning: Meaning, since_ms: int = 0) -> bool:
        """Whether lamp or loudspeaker told so since then."""
        mine = (t for t in self.ledger.told if t.device == self.setup.id)
        return any(t.meaning is meaning and t.at_ms >= since_ms for t in mine)

    def has_said(self, key: str, since_ms: int = 0) -> bool:
        """Whether this phrase was begun since then."""
        return any(said == key and at_ms >= since_ms for at_ms, said in self.said)

    async def _last_words(self) -> None:
        """Read what it showed and said up to its death: a press of which that told is owed all the same."""
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=1.0)  # the pins end with the process
        self._read_spoken()

    async def _ended(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._pins is not None:
            self._pins.close()
            self._pins = None
        self._read_spoken()
        self._darken()
        self.on_end()

    async def _read_pins(self, reader: asyncio.StreamReader) -> None:
        """Each line {"lamp": {"amber": 0|1, ...}, "at_s": monotonic} as the pins change, until they end."""
        with contextlib.suppress(ConnectionError):
            async for line in reader:
                change = json.loads(line)
                at_ms = now_ms() - round((time.monotonic() - change["at_s"]) * 1000)
                for colour, level in change["lamp"].items():
                    self._show(self.lamp.level(at_ms, colour, bool(level)), at_ms)
        self._darken()

    def _darken(self) -> None:
        """Without a program the lamp tells nothing, not even that it is over."""
        if self.lamp.shown != Shown():
            self._show(Shown("off", "dark"))
        self.lamp = LampReader()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._show(self.lamp.look(now_ms()))
            self._read_spoken()

    def _show(self, shown: Shown | None, at_ms: int | None = None) -> None:
        if shown is None:
            return
        text = f"{shown.colour} {shown.pattern}"
        at_ms = now_ms() if at_ms is None else at_ms
        self.ledger.write(Told(at_ms, self.setup.id, "lamp", shown.meaning, text))
        self.on_lamp(shown)

    def _read_spoken(self) -> None:
        """New whole lines of spoken.jsonl: {"at_ms": wall milliseconds, "wav": path}."""
        path = self.directory / "spoken.jsonl"
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._spoken_at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._spoken_at += len(line)
                record = json.loads(line)
                key = phrase_of(record["wav"])
                self.said.append((record["at_ms"], key))
                self.ledger.write(Told(record["at_ms"], self.setup.id, "spoken", meaning_of_phrase(key), key))
                self.on_spoken(key)


async def _connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The socket of the pins, which is bound an instant before it listens."""
    for _ in range(50):
        with contextlib.suppress(ConnectionRefusedError):
            return await asyncio.open_unix_connection(str(path))
        await asyncio.sleep(0.01)
    raise ChildError(f"{path} takes no connection")
