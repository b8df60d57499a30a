"""Rounds of power cuts: a machine with both stores under load, killed at a drawn moment; what is left."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.vm.disk import Disk
from tests.vm.machine import Machine
from tests.vm.nbd import NbdServer, PowerCut
from tests.vm.packages import Missing

DISK_MB: Final = 64
ROUNDS_A_DISK: Final = 10  # then a new one: the first boot on it makes the files, and is cut as any other
BOOT_S: Final = 600.0  # of the host, which may be busy; nothing is judged by it
LOAD_S: Final = 300.0


def new_disk() -> Disk:
    """An ext4 file system as mkfs makes it."""
    mkfs = shutil.which("mkfs.ext4", path="/sbin:/usr/sbin:/bin:/usr/bin")
    if mkfs is None:
        raise Missing("No mkfs.ext4: apt-get install e2fsprogs.")
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(DISK_MB << 20)
        options = ["-E", "lazy_itable_init=0,lazy_journal_init=0"]
        subprocess.run([mkfs, "-q", "-F", *options, file.name], check=True)
        return Disk(bytearray(Path(file.name).read_bytes()))


@dataclass(frozen=True, slots=True)
class Moment:
    """When the power goes: at an operation of the disk, counted from boot or from load, or at an ack."""

    of: str  # "boot", "load" or "ack"
    count: int


def plan(rounds: int, dice: random.Random) -> list[Moment]:
    """Most inside an operation of the disk under load; some while file system and stores are mended."""
    moments = []
    for number in range(rounds):
        lot = dice.random()
        if lot < 0.2 and number % ROUNDS_A_DISK:
            moments.append(Moment("boot", dice.randint(20, 200)))
        elif lot < 0.4:
            moments.append(Moment("ack", dice.randint(1, 120)))
        else:
            moments.append(Moment("load", dice.randint(1, 300)))
    return moments


@dataclass
class Ledger:
    """What was acknowledged outside, and what was missing when the stores were looked at again."""

    acknowledged: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    reserved: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    counters_back: list[tuple[int, int]] = field(default_factory=list)
    unsound: list[dict[str, Any]] = field(default_factory=list)
    checked: int = 0
    acks: int = 0

    def take(self, life: int, machine: Machine) -> None:
        """The acknowledgements of one boot."""
        numbers = machine.all("ack")
        self.acknowledged[life].update(numbers)
        self.acks += len(numbers)
        self.reserved = max([self.reserved, *machine.all("reserved")])

    def compare(self, opened: dict[str, Any]) -> None:
        """What the stores hold after a boot."""
        self.checked += 1
        held = {int(life): set(numbers) for life, numbers in opened["events"].items()}
        for life, numbers in self.acknowledged.items():
            self.lost += [(life, number) for number in sorted(numbers - held.get(life, set()))]
        counter = opened["counter"]
        if counter is None or counter < self.reserved:
            self.counters_back.append((self.reserved, -1 if counter is None else counter))
        if not (opened["durable"] and opened["chain"]) or opened["state_trouble"] or opened["damaged"]:
            self.unsound.append({key: value for key, value in opened.items() if key != "events"})
        elif opened["recovered"]:
            self.unsound.append({"recovered": opened["recovered"]})

    def begin_anew(self) -> None:
        """A new disk."""
        self.acknowledged.clear()
        self.reserved = 0


class Cuts:
    """Boots, kills and compares."""

    def __init__(self, folder: Path, seed: int, synchronous: str = "FULL") -> None:
        self.folder, self.synchronous = folder, synchronous
        self.dice = random.Random(seed)
        self.ledger = Ledger()
        self.disk = new_disk()
        self.disks: list[Disk] = [self.disk]
        self.life = 0  # of the events of a boot: its number

    async def run(self, moments: Sequence[Moment]) -> Ledger:
        """A cut at each of these moments, a new disk now and then, and a last look at each disk."""
        for number, moment in enumerate(moments):
            if number and number % ROUNDS_A_DISK == 0:
                await self.look()
                self.disk = new_disk()
                self.disks.append(self.disk)
                self.ledger.begin_anew()
            await self._boot(moment)
        await self.look()
        return self.ledger

    async def look(self) -> None:
        """One boot that ends as soon as the stores have been read."""
        await self._boot(None)

    async def _boot(self, moment: Moment | None) -> None:
        """One boot that ends in the middle."""
        self.life += 1
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="nbd") as place:
            async with NbdServer(self.disk, Path(place) / "disk") as server:
                machine = Machine(
                    self.folder / f"boot-{self.life:03d}", "stores", disk=server.uri, memory_mb=512,
                    pace="free", life=self.life, synchronous=self.synchronous,
                )  # fmt: skip
                async with machine:
                    await self._until(moment, machine, server)
                    server.pull()
                self.ledger.take(self.life, machine)
        self.disk.cut(self.dice)
        told = {"boot": self.life, "acknowledged": self.ledger.acks, "lost": len(self.ledger.lost)}
        print(json.dumps(told | {"seconds": round(time.monotonic() - begun)}), flush=True)

    async def _until(self, moment: Moment | None, machine: Machine, server: NbdServer) -> None:
        if moment and moment.of == "boot":
            server.on_request = fuse(moment.count)
        opened = asyncio.ensure_future(machine.told("opened", BOOT_S))
        dark = asyncio.ensure_future(server.dark.wait())
        await asyncio.wait({opened, dark}, return_when=asyncio.FIRST_COMPLETED)
        if opened.done() and not dark.done():
            self.ledger.compare(opened.result())
            if moment and moment.of == "load":
                server.on_request = fuse(moment.count)
            if moment and moment.of == "ack":
                await machine.told("ack", LOAD_S, moment.count)
            elif moment:
                await asyncio.wait({dark}, timeout=LOAD_S)
        opened.cancel()
        dark.cancel()
        await asyncio.gather(opened, dark, return_exceptions=True)


def fuse(count: int) -> Any:
    """Something for `on_request` that ends the power at the count-th request of any kind."""
    left = count

    def burn(_name: str) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise PowerCut

    return burn
