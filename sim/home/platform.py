"""The platform as the home's orchestrator sees it: its process, its register, its database read from outside,
and a hand at the seat."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from protocols.wire import decode_event
from sim.home import records
from sim.home.ledger import Deed, Stored
from sim.home.process import Child
from sim.home.readings import Arrived, arrived
from sim.home.setup import HubSetup, Setup
from sim.internet import LOOPBACK

LOOK_S = 0.05  # how often the database is looked into; WAL readers disturb nobody
SEAT_S = 10.0  # what a hand at the seat waits for an answer
READY = "platform.json"


@dataclass(frozen=True)
class LiveCase:
    """A case as it is now."""

    call_id: str
    elder: str
    kind: str
    lifecycle: str
    handling: str


class Times(msgspec.Struct):
    """When a seat did what, of the platform's case; 0 is never."""

    taken_ms: int = 0
    arrived_ms: int = 0
    ended_ms: int = 0


class PlatformRig:
    """`python -m sim.platform`, started and stopped at will; its ports stay the same over restarts."""

    def __init__(self, directory: Path, logs: Path) -> None:
        self.directory = directory
        self.child = Child("platform", [], logs)
        self.info: dict[str, Any] = {}
        self.modem: Path | None = None  # the AT port of its modem, where it has one
        self.events: list[Stored] = []
        self.cases: dict[str, LiveCase] = {}
        self.on_event: Callable[[Stored], None] = lambda event: None
        self.on_case: Callable[[LiveCase], None] = lambda case: None
        self.on_deed: Callable[[Deed], None] = lambda deed: None
        self.heard: set[str] = set()  # hubs from which anything has come
        self.faults: set[tuple[str, str]] = set()  # (hub, fault) that stand now
        self._number = 0
        self._deeds: set[tuple[str, str]] = set()

    @property
    def running(self) -> bool:
        return self.child.running

    def provision(self, hub: HubSetup, setup: Setup) -> dict[str, Any]:
        """Register a hub with its people and pendants; gives its credentials without pendants' keys."""
        from sim.platform.registry import provision

        return provision(
            self.directory,
            hub.id,
            elders=[{"id": e.id, "name": f"{e.zh} {e.en}", "address": e.address} for e in setup.elders],
            number=setup.number_of(hub.id) if setup.modems else "",
            devices=[{"id": p.id, "kind": "pendant", "elder": p.elder} for p in setup.pendants]
            + [{"id": m.id, "kind": "meter", "elder": m.elder} for m in setup.meters]
            + [{"id": hub.id, "kind": "hub", "elder": hub.elder}],
        )

    async def start(self) -> float:
        """Start it on the ports it had, or on ephemeral ones; gives the seconds until it was ready."""
        ready = self.directory / READY
        ready.unlink(missing_ok=True)
        ports = [f"--{n}-port={self.info.get(f'{n}_port', 0)}" for n in ("coap", "https", "seat")]
        modem = [f"--modem={self.modem}"] if self.modem is not None else []
        self.child.arguments = ["-m", "sim.platform", "--dir", str(self.directory), *ports, *modem]
        took = await self.child.start(ready.exists)
        self.info = json.loads(await asyncio.to_thread(ready.read_text))
        return took

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    @property
    def seat_token(self) -> str:
        return (self.directory / "seat-token").read_text().strip()

    @property
    def seat_url(self) -> str:
        """The seat page with its token as a fragment, which no log and no Referer ever sees."""
        return f"http://{LOOPBACK}:{self.info['seat_port']}/#token={self.seat_token}"

    async def hand(self, call_id: str, what: str) -> None:
        """Do something at the seat: take, arrived, close or accept-cancel; written into the ledger first."""
        self._deed(Deed(round(time.time() * 1000), self.cases[call_id].elder, call_id, what))
        status, body = await self._post(f"/seat/calls/{call_id}/{what}")
        if status not in (200, 204):
            raise RuntimeError(f"the seat answered {status} to {what}: {body[:200]!r}")

    async def propose(self, hub: str, document: str) -> None:
        """Put settings up for a hub, as an operator of the platform would."""
        status, body = await self._post(f"/seat/hubs/{hub}/settings?by=operator", document.encode())
        if status != 202:
            raise RuntimeError(f"the seat answered {status} to settings: {body[:200]!r}")

    async def ask(self, hub: str, kind: str) -> str:
        """Ask something of a hub, as a seat would; gives the command's id."""
        status, body = await self._post(f"/seat/hubs/{hub}/commands/{kind}?by=operator")
        if status != 202:
            raise RuntimeError(f"the seat answered {status} to {kind}: {body[:200]!r}")
        return str(json.loads(body)["command"])

    async def prompt(self, hub: str, **data: Any) -> None:
        """Send a prompt to a hub, as a nurse at the platform would."""
        status, body = await self._post(f"/seat/hubs/{hub}/prompts?by=nurse", json.dumps(data).encode())
        if status != 202:
            raise RuntimeError(f"the seat answered {status} to a prompt: {body[:200]!r}")

    async def _post(self, path: str, content: bytes = b"{}") -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.info["seat_port"])
        try:
            host = f"{LOOPBACK}:{self.info['seat_port']}"
            writer.write(
                f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {self.seat_token}\r\n"
                f"content-length: {len(content)}\r\nconnection: close\r\n\r\n".encode()
                + content
            )
            answer = await asyncio.wait_for(reader.read(), SEAT_S)
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body

    async def watch(self) -> None:
        """Look into the database until cancelled, and tell of every event and every change of a case."""
        while True:
            with contextlib.suppress(sqlite3.OperationalError):  # not made yet, or being made
                self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Look once."""
        path = self.directory / "platform.db"
        if not path.exists():
            return
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            events, self._number = records.events_after(db, self._number)
            heard = db.execute("SELECT id FROM hubs WHERE heard_ms > 0").fetchall()
            faults = db.execute("SELECT hub, fault FROM faults WHERE ended_ms = 0").fetchall()
            rows = db.execute("SELECT call_id, elder, kind, lifecycle, handling, body FROM cases").fetchall()
        self.heard = {hub for (hub,) in heard}
        self.faults = set(faults)
        for event in events:
            self.events.append(event)
            self.on_event(event)
        for *row, body in rows:
            case = LiveCase(*row)
            if self.cases.get(case.call_id) != case:
                self.cases[case.call_id] = case
                self._done_at_the_page(case, msgspec.msgpack.decode(body, type=Times))
                self.on_case(case)

    def readings(self) -> list[Arrived]:
        """Every reading that it holds, in its order."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return arrived(db)

    def cares(self) -> list[tuple[str, str, str]]:
        """What it was told of prompts, in its order: (kind, plan, answer)."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT body FROM events WHERE kind LIKE 'care.%' ORDER BY number").fetchall()
        events = [decode_event(body) for (body,) in rows]
        return [(e.kind, str(e.data.get("plan")), str(e.data.get("answer", ""))) for e in events]

    def whose(self) -> list[str]:
        """Whose readings are, as it was told later, in its order."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return [
                row[0]
                for row in db.execute("SELECT elder FROM events WHERE kind = 'care.whose' ORDER BY number")
            ]

    def outcomes(self) -> list[str]:
        """How the commands of the platform ended, as hubs have reported it."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT body FROM events WHERE kind = 'command.result'").fetchall()
        return [decode_event(body).data["outcome"] for (body,) in rows]

    def answers(self) -> list[tuple[str, dict[str, object]]]:
        """What was answered at home and needed no call: the elder, and the event's data."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT body FROM events WHERE kind = 'care.answered'").fetchall()
        return [(event.elder, dict(event.data)) for (body,) in rows for event in [decode_event(body)]]

    def weighed(self, elder: str) -> list[dict[str, object]]:
        """How sure it was told to be of an elder's falls: the data of each such update."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT body FROM events WHERE kind = 'call.updated' ORDER BY number"
            ).fetchall()
        events = [decode_event(body) for (body,) in rows]
        return [dict(e.data) for e in events if e.elder == elder and "confidence" in e.data]

    def changes(self, elder: str) -> list[str]:
        """What was told to have changed in an elder's calls, the oldest first."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT body FROM events WHERE kind = 'call.updated' ORDER BY number"
            ).fetchall()
        events = [decode_event(body) for (body,) in rows]
        return [str(e.data.get("change")) for e in events if e.elder == elder]

    def contacts(self) -> list[tuple[str, dict[str, Any]]]:
        """What hubs have told of relatives: kind of the event and its data."""
        path = self.directory / "platform.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT kind, body FROM events WHERE kind LIKE 'contact.%' ORDER BY number")
            return [(kind, decode_event(body).data) for kind, body in rows]

    def _done_at_the_page(self, case: LiveCase, times: Times) -> None:
        """Deeds that no `hand` of ours did: somebody used the seat's page."""
        ended = "accept-cancel" if case.lifecycle == "cancelled" else "close"
        for what, at_ms in (("take", times.taken_ms), ("arrived", times.arrived_ms), (ended, times.ended_ms)):
            if at_ms and (case.call_id, what) not in self._deeds:
                self._deed(Deed(at_ms, case.elder, case.call_id, what))

    def _deed(self, deed: Deed) -> None:
        self._deeds.add((deed.call_id, deed.what))
        self.on_deed(deed)

    def open_case(self, elder: str) -> LiveCase | None:
        """The elder's open case, if there is one."""
        mine = [c for c in self.cases.values() if c.elder == elder and c.lifecycle == "open"]
        return mine[-1] if mine else None
