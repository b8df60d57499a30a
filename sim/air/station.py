"""Everything on one air under its name: radios with their sockets, walls, faults, strangers, a forger.

The methods are the operations of the daemon's control socket; tests call them in-process. Every name is text,
lengths are metres, levels dB, times seconds. What is asked of an unknown name raises KeyError.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bumble import hci
from bumble.transport.common import StreamPacketSink, StreamPacketSource

from sim.air.bridge import PendantRadio
from sim.air.controller import AirController
from sim.air.ether import Air
from sim.air.geometry import Spot, Wall
from sim.air.manners import Manners
from sim.air.meters import Meter
from sim.air.phone import Phone


class HciRadio:
    """A named adapter: the process that connects to its socket is its host; a new one replaces the old."""

    def __init__(self, air: Air, name: str, address: str, deaf: bool) -> None:
        self.air, self.name, self.address, self.deaf = air, name, address, deaf
        self.radio: AirController | None = None
        self._transport: asyncio.BaseTransport | None = None

    def protocol(self) -> asyncio.Protocol:
        """One host's connection (HCI packets, H4)."""
        owner = self

        class Hci(StreamPacketSource):
            def connection_made(self, transport: Any) -> None:
                owner.leave()
                owner._transport = transport
                self.radio = owner.attach(self, StreamPacketSink(transport))

            def connection_lost(self, exc: Exception | None) -> None:
                if owner.radio is self.radio:
                    owner.leave()

        return Hci()

    def attach(self, source: Any, sink: Any) -> AirController:
        """Put a fresh radio between the air and a host."""
        self.radio = AirController(self.name, self.air, source, sink, self.address, self.deaf)
        return self.radio

    def leave(self) -> None:
        """Off the air without a word."""
        if self.radio:
            self.radio.leave()
            self.radio = None
        if self._transport:
            self._transport.close()
            self._transport = None


class Station:
    """All radios of a home on one Air, and what can happen to them."""

    def __init__(self, directory: Path, seed: int = 0, supervision_s: float | None = None) -> None:
        self.directory = directory
        self.air = Air(seed, supervision_s)
        self.radios: dict[str, HciRadio | PendantRadio | Phone | Meter] = {}
        self._servers: dict[str, asyncio.AbstractServer] = {}
        self._replays: dict[str, asyncio.Task[None]] = {}

    # ---- radios ----

    async def add_hci(
        self, name: str, address: str, x: float = 0, y: float = 0, tx_dbm: float = 0, deaf: bool = False
    ) -> str:
        """An adapter for a CPython host. `deaf`: hears no adverts while it connects, as with BlueZ."""
        radio = HciRadio(self.air, self._new(name), address, deaf)
        path = self._path(f"hci-{name}.sock")
        self._servers[name] = await asyncio.get_running_loop().create_unix_server(radio.protocol, path)
        self.radios[name], self.air.spots[name] = radio, Spot(x, y, tx_dbm)
        return path

    async def add_pendant(
        self, name: str, address: str, x: float = 0, y: float = 0, tx_dbm: float = 0, public: bool = False
    ) -> str:
        """A pendant's radio for a board process (see sim/air/bridge.py)."""
        radio = PendantRadio(self.air, self._new(name), address, public)
        path = self._path(f"radio-{name}.sock")
        self._servers[name] = await asyncio.start_unix_server(radio.serve, path)
        self.radios[name], self.air.spots[name] = radio, Spot(x, y, tx_dbm)
        return path

    def _new(self, name: str) -> str:
        if name in self.radios:
            raise ValueError(f"there is a radio {name} already")
        return name

    def _path(self, file: str) -> str:
        path = self.directory / file
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        return str(path)

    async def remove(self, name: str) -> None:
        """Take a radio away for good, its socket too."""
        radio = self.radios.pop(name)
        if server := self._servers.pop(name, None):
            server.close()
        if isinstance(radio, Phone | Meter):
            await radio.stop()
            radio.radio.leave()
        elif isinstance(radio, HciRadio):
            radio.leave()
        else:
            radio.leave()

    async def close(self) -> None:
        """Take everything away."""
        for task in self._replays.values():
            task.cancel()
        for name in list(self.radios):
            await self.remove(name)

    # ---- the home ----

    async def place(self, name: str, x: float, y: float, tx_dbm: float | None = None) -> None:
        """Put a radio somewhere else."""
        spot = self.air.spots[name]
        self.air.spots[name] = Spot(x, y, spot.tx_dbm if tx_dbm is None else tx_dbm)
        self.air.changed()

    async def wall(self, name: str, x1: float, y1: float, x2: float, y2: float, loss_db: float) -> None:
        """Raise (or replace) a wall."""
        self.air.walls[name] = Wall(x1, y1, x2, y2, loss_db)
        self.air.changed()

    async def unwall(self, name: str) -> None:
        """Take a wall down."""
        self.air.walls.pop(name)
        self.air.changed()

    async def jam(self, db: float, name: str = "") -> None:
        """Noise of so many dB above the usual at one receiver, or everywhere; 0 ends it."""
        if name and name not in self.radios:
            raise KeyError(name)
        self.air.noise_db[name] = db
        self.air.changed()

    async def away(self, name: str) -> None:
        """Out of range of everything: links time out."""
        self.air.spots[name] = replace(self.air.spots[name])
        self.air.away.add(name)
        self.air.changed()

    async def back(self, name: str) -> None:
        """In range again."""
        self.air.away.discard(self.air.spots[name] and name)
        self.air.changed()

    async def signal(self, a: str, b: str) -> dict[str, float]:
        """Mean signal and loss from a to b."""
        dbm, lost = self.air.loss_between(a, b)
        return {"dbm": round(dbm, 1), "loss": round(lost, 4)}

    # ---- faults ----

    async def hang(self, name: str, on: bool = True) -> None:
        """The card answers nothing more, until its host opens it anew (or on=False)."""
        radio = self._card(name)
        radio.hung = on
        if on:
            radio.le_legacy_advertiser.stop()
            for connection in list(radio.le_connections.values()):
                self.air.lose(connection)

    async def numb(self, name: str) -> None:
        """The card answers its host and hears nothing any more, until its host resets it."""
        self._card(name).numb = True

    async def filter_by_address(self, name: str, on: bool = True) -> None:
        """The card's duplicate filter looks at addresses alone: a new payload is a duplicate."""
        self._card(name).filters_by_address = on

    def _card(self, name: str) -> AirController:
        radio = self.radios[name].radio
        if radio is None:
            raise ValueError(f"{name} is not on the air")
        return radio

    async def deaf(self, name: str, on: bool = True) -> None:
        """BlueZ's gap: hears nothing while it connects."""
        radio = self.radios[name]
        if not isinstance(radio, HciRadio):
            raise ValueError(f"{name} is not an adapter")
        radio.deaf = on
        if radio.radio:
            radio.radio.deaf_while_connecting = on

    async def phone(self, name: str, target: str, mode: str = "idle", x: float = 0, y: float = 0) -> None:
        """A stranger's phone begins to bother the pendant radio `target` (idle, babble, hammer)."""
        victim = self.radios[target]
        phone = self.radios.get(name)
        if not isinstance(victim, PendantRadio):
            raise ValueError(f"{target} is not a pendant radio")
        if phone is None:
            number = len(self.radios)
            phone = Phone(self.air, name, f"D0:0D:00:00:00:{number:02X}")
            self.radios[name] = phone
        if not isinstance(phone, Phone):
            raise ValueError(f"{name} is not a phone")
        self.air.spots[name] = Spot(x, y)
        await phone.start(victim.address, mode, victim.public)

    async def phone_stop(self, name: str) -> None:
        """The phone leaves the pendant in peace."""
        phone = self.radios[name]
        if not isinstance(phone, Phone):
            raise ValueError(f"{name} is not a phone")
        await phone.stop()

    # ---- meters ----

    async def add_meter(
        self, name: str, address: str, kind: str, x: float = 0, y: float = 0, **manners: Any
    ) -> None:
        """A health meter, which is off until somebody measures; manners are those of sim.air.manners."""
        meter = Meter(self.air, self._new(name), address, kind, Manners(**manners))
        self.radios[name], self.air.spots[name] = meter, Spot(x, y)

    async def measure(self, name: str, records: list[list[Any]]) -> None:
        """Somebody measured: [[characteristic, hex], ...] join its memory, and it goes on the air."""
        await self._meter(name).measure([(int(uuid), bytes.fromhex(raw)) for uuid, raw in records])

    async def meter(
        self,
        name: str,
        dies_after: int | None = None,
        dies_at: str | None = None,
        loses_bond: bool = False,
    ) -> dict[str, Any]:
        """What a meter has seen and still holds; `dies_after` so many more records its battery is out."""
        meter = self._meter(name)
        if loses_bond:
            await meter.lose_bond()
        if dies_after is not None:
            meter.manners.dies_after = dies_after
        if dies_at is not None:
            meter.manners.dies_at = dies_at
        return {**asdict(meter.seen), "held": len(meter.records)}

    def _meter(self, name: str) -> Meter:
        meter = self.radios[name]
        if not isinstance(meter, Meter):
            raise ValueError(f"{name} is not a meter")
        return meter

    # ---- the forger ----

    async def tape(self, of: str) -> list[dict[str, str]]:
        """What `of` has advertised lately, oldest first, each payload once in a row: [{address, data}]."""
        heard: list[dict[str, str]] = []
        for name, address, data in self.air.tape:
            entry = {
                "address": address.to_string(False),
                "data": data.hex(),
                "public": str(address.is_public),
            }
            if name == of and (not heard or heard[-1] != entry):
                heard.append(entry)
        return heard

    async def forge(
        self, name: str, address: str, data: str, x: float = 0, y: float = 0, times: int = 1,
        every_s: float = 0.1, public: bool = False, connectable: bool = True,
    ) -> None:  # fmt: skip
        """A forger at (x, y) sends one advert (hex) under any address, `times` times; in the background."""
        kind = hci.Address.PUBLIC_DEVICE_ADDRESS if public else hci.Address.RANDOM_DEVICE_ADDRESS
        sender, payload = hci.Address(address, kind), bytes.fromhex(data)
        self.air.spots[name] = Spot(x, y)

        async def send() -> None:
            for _ in range(times):
                self.air.broadcast(name, sender, 0 if connectable else 3, payload)
                await asyncio.sleep(every_s)

        if running := self._replays.pop(name, None):
            running.cancel()
        self._replays[name] = asyncio.create_task(send())

    async def state(self) -> dict[str, Any]:
        """Every radio: where, on the air or not, advertising, connections; walls, noise, who is away."""
        rows = {}
        for name, holder in self.radios.items():
            spot, radio = self.air.spots[name], holder.radio
            rows[name] = {
                "kind": type(holder).__name__,
                "x": spot.x,
                "y": spot.y,
                "on": radio is not None,
                "hung": bool(radio and radio.hung),
                "advertising": bool(radio and radio.is_advertising),
                "scanning": bool(radio and radio.le_scan_enable),
                "connections": len(radio.le_connections) if radio else 0,
            }
            if isinstance(holder, Phone):
                rows[name]["got"] = holder.connections
        walls = {n: [w.x1, w.y1, w.x2, w.y2, w.loss_db] for n, w in self.air.walls.items()}
        return {"radios": rows, "walls": walls, "noise_db": self.air.noise_db, "away": sorted(self.air.away)}
