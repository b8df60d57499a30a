"""A radio and a hub in one small object: the other end of the board's line protocol, for tests of the
pendant alone.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from firmware import build
from protocols.link import advert, const, keys, messages, session

ROOT = bytes(range(16))
ADDRESS = bytes.fromhex("c40000000001")
HUB = "hub-01"
HERE = Path(__file__).parent


def micropython(
    script: str, *arguments: str, heap: str = "512K", path: str = str(build.ROOT), stdin: str = ""
) -> str:
    """Runs a script of this folder in a folder of its own; its output."""
    environment = {**os.environ, "MICROPYPATH": f"{HERE}:{path}:.frozen"}
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            [build.tool("micropython"), "-X", f"heapsize={heap}", str(HERE / script), *arguments],
            env=environment, capture_output=True, text=True, timeout=600, check=False, cwd=place, input=stdin,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Asleep(Exception):
    """The pendant's program ended while something was expected of it."""


class Heard:
    """One advert, opened."""

    def __init__(self, payload: bytes, interval_us: int, connectable: int) -> None:
        self.payload = payload
        self.interval_us = interval_us
        self.connectable = connectable
        key = keys.advert_key(ROOT)
        (self.counter, self.packet_id, self.battery_pct, self.meaning, self.number, self.age_ms) = (
            advert.open_service_data(key, ADDRESS, payload[7:])
        )


class Hubside:
    """Listens on a unix socket as the air daemon does; `adverts` are all payloads ever put on the air."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.adverts: list[Heard] = []
        self.on_air: tuple[int, int] | None = None  # interval in us, connectable
        self.ops: list[dict[str, Any]] = []
        self.handles: dict[str, int] = {}
        self.frames: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()  # None: its program has ended
        self.dropped: list[int] = []
        self.programs = 0  # that are connected
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self.connections = 0
        self.refuse_indications = False

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        if self._writer:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.frames = asyncio.Queue()
        self.programs += 1
        self.event(0, [1, ADDRESS.hex()])
        with contextlib.suppress(ConnectionResetError):  # the power was cut
            while line := await reader.readline():
                self._take(json.loads(line))
                self._changed.set()
        if self._writer is writer:
            self.on_air = None
            self.frames.put_nowait(None)
        self.programs -= 1
        self._changed.set()

    async def forget(self) -> None:
        """What was heard is forgotten, once nothing more of a program that has ended can come."""
        await self.until(lambda: not self.programs)
        self.handles, self.on_air = {}, None
        self.adverts.clear()

    def _take(self, message: dict[str, Any]) -> None:
        self.ops.append(message)
        del self.ops[:-200]
        op = message["op"]
        if op == "adv":
            self.on_air = (message["us"], message["c"]) if message["us"] else None
            if message["us"] and message["a"]:
                self.adverts.append(Heard(bytes.fromhex(message["a"]), message["us"], message["c"]))
        elif op == "svc":
            for _, characteristics in message["s"]:
                for uuid, _, handle in characteristics:
                    self.handles[bytes.fromhex(uuid)[::-1].hex()] = handle
        elif op == "ind":
            self.frames.put_nowait((message["c"], bytes.fromhex(message["v"])))
            if not self.refuse_indications:
                self.event(20, [message["c"], message["h"], 0])
        elif op == "disc":
            self.dropped.append(message["c"])
            self.event(2, [message["c"], 1, "e00000000001"])

    def event(self, number: int, data: list[Any], value: bytes | None = None) -> None:
        message = {"e": number, "d": data}
        if value is not None:
            message["v"] = value.hex()
        assert self._writer
        self._writer.write((json.dumps(message) + "\n").encode())

    async def until(self, condition: Any, timeout_s: float = 60.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def advert(self, condition: Any = lambda a: True, timeout_s: float = 60.0) -> Heard:
        """The first advert from now on that is as wished."""
        start = len(self.adverts)
        found: list[Heard] = []

        def look() -> bool:
            found.extend(a for a in self.adverts[start:] if condition(a))
            return bool(found)

        await self.until(look, timeout_s)
        return found[0]

    # -- the hub

    def handle(self, uuid: str) -> int:
        return self.handles[uuid.replace("-", "")]

    def connect(self) -> int:
        """A central connects: the chip stops advertising at that moment."""
        conn = self.connections
        self.connections += 1
        self.on_air = None
        self.event(1, [conn, 1, "e00000000001"])
        self.event(21, [conn, 185])
        return conn

    def disconnect(self, conn: int) -> None:
        self.event(2, [conn, 1, "e00000000001"])

    def write(self, conn: int, frame: bytes) -> None:
        self.event(3, [conn, self.handle(const.FRAME_IN_UUID)], frame)

    async def frame(self, conn: int, timeout_s: float = 60.0) -> bytes:
        try:
            came = await asyncio.wait_for(self.frames.get(), timeout_s)
        except TimeoutError:
            raise AssertionError(f"no frame on {conn}; the pendant's last: {self.ops[-12:]}") from None
        if came is None:
            self.frames.put_nowait(None)
            raise Asleep
        got, value = came
        assert got == conn
        return value

    async def prove(self, conn: int, hub: str = HUB, root: bytes = ROOT) -> session.Session:
        initiator = session.Initiator(keys.link_key(root, hub), hub, "pd-01", os.urandom(16))
        self.write(conn, initiator.hello())
        self.write(conn, initiator.on_challenge(await self.frame(conn)))
        assert initiator.session
        return initiator.session

    async def meet_after_boot(self) -> "Meeting":
        """Waits for the pendant to be on the air again first."""
        self.handles = {}
        self.on_air = None
        await self.until(lambda: self.handles and self.on_air)
        return await self.meet()

    async def meet_in_a_burst(self, condition: Any) -> "Meeting":
        """Meets it when such an advert is heard; who comes after the end of the burst waits for the next."""
        while True:
            await self.advert(condition)
            with contextlib.suppress(Asleep):
                return await self.meet()

    async def meet(self, conn: int | None = None) -> "Meeting":
        """Connects and proves itself; the STATUS that the pendant sends is in the meeting."""
        conn = self.connect() if conn is None else conn
        held = await self.prove(conn)
        status = messages.decode(held.open(await self.frame(conn)))
        assert isinstance(status, messages.Status)
        return Meeting(self, conn, held, status)

    async def bring_to_sleep(self, board: Any) -> None:
        """The first boot proves itself to a hub, and then the pendant has nothing to do."""
        await self.until(lambda: self.handles)
        meeting = await self.meet()
        self.disconnect(meeting.conn)
        await board.until(lambda b: b.state == "asleep")


class Meeting:
    """One authenticated connection."""

    def __init__(self, side: Hubside, conn: int, held: session.Session, status: messages.Status) -> None:
        self.side = side
        self.conn = conn
        self.session = held
        self.status = status

    async def tell(self, message: Any) -> Any:
        """Sends a message; the answer."""
        self.side.write(self.conn, self.session.seal(message.encode()))
        return messages.decode(self.session.open(await self.side.frame(self.conn)))

    async def ack(self, number: int, stage: int) -> Any:
        return await self.tell(messages.Ack(self.status.life, number, stage))
