"""Runs the hub's service with simulated ports: `python -m sim.hub --dir DIR`.

Real are the service, its stores, its links and every byte it sends. Simulated, each at the wire: pins
(gpiozero's MockFactory, driven and watched through DIR/pins.sock), the loudspeaker (a player that records
what it was given in DIR/spoken.jsonl and takes the recording's time), the Bluetooth adapters (virtual
controllers of the air daemon, listed in DIR/radios.json), the sound card of an open line (sim/room.py).

DIR/pins.sock takes JSON lines {"pin": 17, "edge": 0|1, "at_s": monotonic, if known} and gives {"lamp":
{"amber": 0|1, "green": …}, "at_s": monotonic} at once and at every change. It appears when the keys are being
read; its end is the lamp's end.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from gpiozero.pins.mock import MockFactory, MockPin

from drivers.ble.ports import AdapterPort
from edge import credentials
from edge.clock import SystemClock
from edge.config import Config
from edge.logs import log_to
from edge.main import run
from edge.ports import Ports
from edge.process import until_signal
from edge.seed import load_or_last
from edge.threads import in_thread
from sim.room import CARD

ROOT = Path(__file__).resolve().parent.parent
BETWEEN_S = 0.15  # what a press read late keeps of its distance to the release before it
OFFSET_VARIABLE = "ANBAN_CLOCK_OFFSET_S"  # a scenario's wrong wall clock


class WatchedPin(MockPin):  # type: ignore[misc]
    """A mock pin that tells of every change of its level."""

    on_level: Callable[[bool], None] | None = None

    def _change_state(self, value: float) -> bool:
        changed = bool(super()._change_state(value))
        if changed and self.on_level is not None:
            self.on_level(bool(value))
        return changed


class Pins:
    """The hub's pins seen from outside: edges in, the lamp's colours out."""

    def __init__(self, config: Config, path: Path) -> None:
        self.factory = MockFactory(pin_class=WatchedPin)
        self._config, self._path = config, path
        self._writers: set[asyncio.StreamWriter] = set()
        for number in (config.pins.red, config.pins.green):
            pin = self.factory.pin(number)
            pin.function = "input"
            pin.pull = "up"

    def open(self) -> Any:
        """The pin factory, as the service asks for it."""
        return self.factory

    async def serve(self) -> None:
        """Take edges and tell of the lamp, on a loop of a thread of its own, as the edges of real lines come:
        a busy hub must not make a press of 120 ms one of none."""
        self._loop = asyncio.get_running_loop()
        for colour, number in self._lamp_pins().items():
            self._watch(colour, self.factory.pin(number))
        while self.factory.pin(self._config.pins.red).when_changed is None:  # noqa: ASYNC110 - the pin has no event for this
            await asyncio.sleep(0.005)
        server = await asyncio.start_unix_server(self._client, self._path)
        async with server:
            await server.serve_forever()

    def _lamp_pins(self) -> dict[str, int]:
        pins = self._config.pins
        return {"amber": pins.lamp_amber, "green": pins.lamp_green, "red": pins.lamp_red}

    def _watch(self, colour: str, pin: WatchedPin) -> None:
        def tell(level: bool) -> None:
            self._loop.call_soon_threadsafe(
                self._tell, {"lamp": {colour: int(level)}, "at_s": time.monotonic()}
            )

        pin.on_level = tell

    def _tell(self, line: dict[str, Any]) -> None:
        for writer in list(self._writers):
            writer.write(json.dumps(line).encode() + b"\n")

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        levels = {colour: int(bool(self.factory.pin(n).state)) for colour, n in self._lamp_pins().items()}
        writer.write(json.dumps({"lamp": levels, "at_s": time.monotonic()}).encode() + b"\n")
        loop = asyncio.get_running_loop()
        before: dict[int, tuple[float, float]] = {}  # pin -> when its last edge was, and when it came
        try:
            async for line in reader:
                edge = json.loads(line)
                # What was read late and at once keeps its length: a finger of 100 ms is no spike. Between two
                # presses lateness is made up for, or it would grow with every press.
                at_s = edge.get("at_s", loop.time())
                last_at_s, last_due_s = before.get(edge["pin"], (0.0, 0.0))
                length_s = at_s - last_at_s if edge["edge"] else min(BETWEEN_S, at_s - last_at_s)
                due_s = max(loop.time(), last_due_s + length_s)
                await asyncio.sleep(due_s - loop.time())
                before[edge["pin"]] = (at_s, due_s)
                pin = self.factory.pin(edge["pin"])
                pin.drive_high() if edge["edge"] else pin.drive_low()
        except (ConnectionError, asyncio.CancelledError):  # gone, or the hub ends
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


async def _adapters(directory: Path) -> Sequence[AdapterPort]:
    """The radios of DIR/radios.json: a list of {"name", "socket", "address"}."""
    backend = await in_thread("import bumble", importlib.import_module, "sim.air.bleak_backend")
    listed = json.loads((directory / "radios.json").read_text())
    return [await backend.open_adapter(row["socket"], row["name"], row["address"]) for row in listed]


def _with_simulated_voice(config: Config, directory: Path) -> Config:
    """The player records instead of playing."""
    player = (sys.executable, "-S", "-E", str(ROOT / "sim" / "player.py"), str(directory / "spoken.jsonl"))
    phrases = Path(config.audio.phrases_dir)
    if not phrases.exists():
        phrases = ROOT / "build" / "phrases"
    audio = msgspec.structs.replace(config.audio, player=player, phrases_dir=str(phrases))
    return msgspec.structs.replace(config, audio=audio)


def _clock(wrong_by_ms: int) -> SystemClock:
    """The machine's clocks, the system's read as if it were wrong: what to make of it is the hub's."""
    right = SystemClock()
    return SystemClock(read_system_ms=lambda: right.read_system_ms() + wrong_by_ms)


async def _main(directory: Path) -> None:
    seed, damage = load_or_last(directory / "hub.toml")
    config = _with_simulated_voice(seed, directory)
    secrets = credentials.load(Path(config.hub.credentials_file))
    pins = Pins(config, directory / "pins.sock")
    clock = _clock(round(float(os.environ.get(OFFSET_VARIABLE, "0")) * 1000))
    threading.Thread(target=lambda: asyncio.run(pins.serve()), name="pins", daemon=True).start()
    ports = Ports(
        *(clock, pins.open, lambda: _adapters(directory)),
        power_supplies=directory / "power_supply",
        room_card=CARD,
    )
    await until_signal(run(config, secrets, ports, damage=damage))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dir", type=Path, required=True, help="the hub's folder")
    log_to(form="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_main(parser.parse_args().dir))
