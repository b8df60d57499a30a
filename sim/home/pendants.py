"""One pendant of the home: its board, its radio's place, and what its light and motor told."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim import motion
from sim.home.ledger import FELL, Ledger, Meaning, Press, Told
from sim.home.setup import PendantSetup
from sim.home.waiting import Finger
from sim.pendant.board import Board

ROOT_KEY_BYTES = 16
STEPS_S = 6.0  # walked before a fall: longer than the detector looks back
# Falls that the detector finds, from a sleeping chip's short history too: how many it finds, recordings tell.
FALLS = (20, 32, 26)
FEELINGS = {
    "pressed": Meaning.OTHER,
    "no-hub": Meaning.NOT_YET,
    "delivered": Meaning.DELIVERED,
    "taken": Meaning.TAKEN,
    "ended": Meaning.OVER,
    "asked": Meaning.OTHER,
}
LIGHTS = {"green": Meaning.DELIVERED, "amber": Meaning.OTHER, "red": Meaning.NOT_YET}
KINDS = {
    "one-meaning": frozenset({"call.sos"}),
    "two-meanings": frozenset({"call.sos", "call.assistance", "call.consultation"}),
}


def now_ms() -> int:
    """Wall time of this machine, as the platform writes it too."""
    return round(time.time() * 1000)


class PendantRig:
    """A pendant that can be pressed, carried and cut off; `on_change(kind, value)` hears it all."""

    def __init__(
        self, setup: PendantSetup, directory: Path, air_dir: Path, number: int, ledger: Ledger, seed: int
    ) -> None:
        self.setup = setup
        self.ledger = ledger
        self.address = f"C4:A0:00:00:00:{number:02X}"
        self.root_key = random.Random(f"root {setup.id} {seed}").randbytes(ROOT_KEY_BYTES)
        self.board = Board(
            setup.id,
            directory,
            air_dir / f"radio-{setup.id}.sock",
            root_key=self.root_key,
            preset=setup.preset,
            address=self.address,
            seed=seed,
        )
        self.board.on_output = self._note
        self.on_change: Callable[[str, Any], None] = lambda kind, value: None
        self.finger = Finger()
        self.light = "off"  # the colour that it flashes in
        self.lit_at = 0.0
        self.buzzes = 0
        self.feeling = ""
        self.falls = 0

    @property
    def powered(self) -> bool:
        return self.board.state != "off"

    @property
    def asleep(self) -> bool:
        return self.board.state == "asleep"

    async def start(self) -> None:
        await self.board.start()

    def key_down(self) -> Press | None:
        """The finger goes down; gives the press as the ledger has it, or None where there is no power."""
        press = None
        if self.powered:
            press = Press(
                now_ms(),
                self.setup.id,
                "pendant",
                self.setup.elder,
                KINDS[self.setup.preset],
                may_fold=self.board.state == "booting",
            )
            self.ledger.write(press)
        self.board.key_down()
        return press

    def fall(self, rises: bool = False) -> Press | None:
        """Its wearer falls, some steps from now, and gets up and walks or stays down; gives it as the ledger
        has it, None where there is no power."""
        if not self.powered:
            return None
        press = Press(now_ms(), self.setup.id, FELL, self.setup.elder, frozenset({"call.fall"}))
        self.ledger.write(press)
        falls = motion.risen if rises else motion.fallen
        self.board.move(falls(FALLS[self.falls % len(FALLS)], before_s=STEPS_S))
        self.falls += 1
        return press

    def key_up(self) -> None:
        self.board.key_up()
        self.finger.lifted()

    def power_cut(self) -> None:
        """The cell is out; a press of which nobody had been told anything is not owed any more."""
        self.board.power_cut()

    def power_on(self) -> None:
        self.board.power_on()

    async def stop(self) -> None:
        await self.board.stop()

    def told(self, meaning: Meaning, since_ms: int = 0) -> bool:
        """Whether this pendant told so, by light or motor, since then."""
        mine = (t for t in self.ledger.told if t.device == self.setup.id)
        return any(t.meaning is meaning and t.at_ms >= since_ms for t in mine)

    def felt(self, feeling: str, since_ms: int = 0) -> bool:
        """Whether the motor gave this feeling since then."""
        mine = (t for t in self.ledger.told if t.device == self.setup.id and t.surface == "buzz")
        return any(t.text == feeling and t.at_ms >= since_ms for t in mine)

    def _note(self, kind: str, value: Any) -> None:
        if kind == "led" and value != "off":
            self.light, self.lit_at = value, time.monotonic()
            self._tell("led", LIGHTS.get(value, Meaning.OTHER), value)
        elif kind == "feel":
            self.buzzes += 1
            self.feeling = value
            self._tell("buzz", FEELINGS.get(value, Meaning.OTHER), value)
        elif kind == "power" and value == "cut":
            self.ledger.excuse(self.setup.id, now_ms())
        self.on_change(kind, value)

    def _tell(self, surface: str, meaning: Meaning, text: str) -> None:
        self.ledger.write(Told(now_ms(), self.setup.id, surface, meaning, text, self.setup.elder))
