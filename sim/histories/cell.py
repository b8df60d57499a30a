"""A modem, a cell network and a family's phones in the made-up world: the simulated ones, without ptys.

They live on a loop of their own, so that a hub that is killed takes no text with it that is on its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.modem.port import lost
from protocols.errors import AnbanError
from protocols.kinds import KINDS, TEST
from protocols.sms_frame import EVENT, EventFrame, home_of, kind_of, read
from protocols.sms_pdu import Deliver, decode
from protocols.values import Lane
from sim.histories.clockwork import Loop, World
from sim.modem.modem import SimModem
from sim.modem.network import Carried, CellNetwork, deliver_of, read_submit
from sim.modem.phone import Phone

UP_KEY = bytes(16)  # as sim/histories/hub.py configures the home
HOME, CENTRE, DAUGHTER = "+8613800138101", "+8613800138000", "+8613800138201"


class DirectWire:
    """As sim.modem.wire.Wire, between two loops; `held` is who has it open."""

    def __init__(self, path: Path, on_data: Callable[[bytes], None], cell: Cell) -> None:
        self.path, self._on_data, self._cell = path, on_data, cell
        self.plugged = False
        self.held: DirectPort | None = None
        cell.wires[str(path)] = self

    def plug(self) -> None:
        self.plugged = True

    def unplug(self) -> None:
        self.plugged = False
        held, self.held = self.held, None
        if held is not None:
            held.gone()

    def write(self, data: bytes) -> None:
        """To the hub."""
        if self.held is not None:
            self.held.came(data)

    def given(self, data: bytes) -> None:
        """From the hub."""
        self._cell.world.after(0, self._cell.loop.do, self._on_data, data)


class DirectPort:
    """As drivers.modem.port.SerialPort, of one process of the hub."""

    def __init__(self, wire: DirectWire, loop: Loop, on_bytes: Any, on_lost: Any) -> None:
        self._wire, self._loop = wire, loop
        self._on_bytes, self._on_lost = on_bytes, on_lost

    def came(self, data: bytes) -> None:
        self._wire._cell.world.after(0, self._on_loop, self._on_bytes, data)

    def gone(self) -> None:
        self._wire._cell.world.after(0, self._on_loop, self._on_lost)

    def _on_loop(self, action: Any, *args: Any) -> None:
        if self._loop.alive:
            self._loop.do(action, *args)

    async def write(self, data: bytes) -> None:
        """As Port.write."""
        if self._wire.held is not self:
            raise lost()
        self._wire.given(data)

    async def close(self) -> None:
        """As Port.close."""
        if self._wire.held is self:
            self._wire.held = None


class Cell:
    """One home's modem and what it talks to."""

    def __init__(self, world: World, seed: int = 0) -> None:
        self.world, self.loop = world, Loop(world)
        self.wires: dict[str, DirectWire] = {}
        self.network = CellNetwork(seed)
        self.network.clock = lambda: world.now_ms / 1000
        self.modem = SimModem(HOME, Path("modem"), self.network, "a7670", self._wire)
        self.phone = Phone(DAUGHTER, self.network)
        self.phone.on_change = self._looked_at
        self.loop.do(self.modem.plug)

    def _wire(self, path: Path, on_data: Callable[[bytes], None]) -> DirectWire:
        return DirectWire(path, on_data, self)

    def _looked_at(self) -> None:
        """The daughter hears her phone now and then; she presses the key, or does not."""
        dice = self.world.random
        if self.phone.state == "ringing" and dice.random() < 0.4:
            self._later(3_000, 20_000, self.phone.answer)
        elif self.phone.state == "answered":
            if dice.random() < 0.6:
                self._later(2_000, 12_000, self.phone.press, "1")
            self._later(5_000, 900_000, self.phone.hang_up)

    def _later(self, low_ms: int, high_ms: int, action: Callable[..., None], *args: Any) -> None:
        self.world.after(self.world.delay(low_ms, high_ms), self.loop.do, action, *args)

    def opener(self, loop: Loop) -> Callable[[str], Any]:
        """What opens ports for a hub on this loop."""

        def of(path: str) -> Any:
            async def open_port(on_bytes: Any, on_lost: Any) -> DirectPort:
                wire = self.wires.get(path)
                if wire is None or not wire.plugged or not loop.alive:
                    raise lost()
                wire.held = DirectPort(wire, loop, on_bytes, on_lost)
                return wire.held

            return open_port

        return of

    def heal(self) -> None:
        """Plugged in, and in reach of a network."""
        self.modem.manners.registration = 1
        if not self.wires["modem"].plugged:
            self.loop.do(self.modem.plug)

    def texts(self) -> int:
        """Texts that the network has taken from the home."""
        return sum(carried.sender == HOME for carried in self.network.log)

    def texts_by_call(self) -> dict[tuple[tuple[int, int, int], bool], Counter[tuple[int, int, int]]]:
        """(call, whether an SOS) -> event -> the texts of it that the network has taken for the platform."""
        found: dict[tuple[tuple[int, int, int], bool], Counter[tuple[int, int, int]]] = {}
        for carried in self.network.log:
            frame = _frame(carried)
            if frame is not None:
                event = (frame.origin, frame.life, frame.number)
                grave = KINDS[kind_of(frame.kind)[0]].lane is Lane.SOS
                found.setdefault((frame.call or event, grave), Counter())[event] += 1
        return found

    def calls(self) -> int:
        """Phone calls that the home has made."""
        return sum(call.caller == HOME for call in self.network.exchange.log)


def _frame(carried: Carried) -> EventFrame | None:
    """The call's event in a text from the home to the platform; None for anything else."""
    if (carried.sender, carried.receiver) != (HOME, CENTRE):
        return None
    _, coding, data = read_submit(carried.tpdu)
    message = decode("00" + deliver_of(HOME, False, coding, data).hex())
    text = message.text if isinstance(message, Deliver) else ""
    try:
        frame = read(text, EVENT, home_of(text) or "", UP_KEY)
    except AnbanError:
        return None
    return frame if isinstance(frame, EventFrame) and kind_of(frame.kind)[0] != TEST else None
