"""A hub's door that answers what a test says, and the page as a process of its own beside it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.api import Api, ask
from protocols.errors import AnbanError, Reason

WITHIN_S = 60.0
DAY_MS, NOW_MS = 86_400_000, 1_773_972_000_000  # 2026-03-20 10:00 in China
DAYS = [f"2026-03-{day}" for day in range(14, 21)]

UNHEARD = {"heard_age_s": None, "rssi_dbm": None, "battery_pct": None}


def reading(number: int, **more: Any) -> dict[str, Any]:
    """A row of the operation `readings`."""
    row = {
        "id": f"hub-01.00000007.{number}",
        "person": "e-chen",
        "kind": "blood_pressure",
        "at_ms": NOW_MS - 60_000,
        "at": "2026-03-20 09:59",
        "arrived_ms": NOW_MS - 60_000,
        "time_known": True,
        "meter": "bp-01",
        "room": "bedroom",
        "text": "138/88 mmHg",
    }
    return row | more


def device(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A row of the operation `devices`."""
    row = {"id": name, "kind": kind, "elder": "e-chen", "room": "bedroom", "heard_age_s": 40.0}
    return row | {"rssi_dbm": -61, "battery_pct": 80, "life": "-"} | more


def week() -> dict[str, Any]:
    """What a hub tells of a person who measured, slept, and did not weigh herself for days."""
    points = [
        {
            "at_ms": NOW_MS - n * DAY_MS,
            "judged": "high" if n == 2 else "",
            "time_known": True,
            "systolic": 171.0 if n == 2 else 130.0 + n,
            "diastolic": 82.0,
        }
        for n in reversed(range(6))
    ]
    meals = [("breakfast", "before", 5.9), ("lunch", "before", 6.4), ("dinner", "after", 8.8)]
    glucose = [
        {"meal": meal, "count": 1, "low": mmol, "mean": mmol, "high": mmol,
         "points": [{"at_ms": NOW_MS, "mmol": mmol, "context": context}]}
        for meal, context, mmol in meals
    ]  # fmt: skip
    seen = [
        {"kind": "blood_pressure", "text": "130/82 mmHg", "at_ms": NOW_MS, "time_known": True,
         "stale": False, "device": "bp-01"},
        {"kind": "weight", "text": "61.5 kg", "at_ms": NOW_MS - 9 * DAY_MS, "time_known": False,
         "stale": True, "device": "sc-01"},
    ]  # fmt: skip
    chen = {
        "id": "e-chen",
        "blood_pressure": {"points": points, "band": {"systolic": [112.0, 152.0], "diastolic": [70.0, 94.0]}},
        "glucose": glucose,
        "sleep": [{"day": DAYS[-1], "spans": [[600, 780], [790, 1080]], "minutes": 470, "exits": 1}],
        "seen": seen,
    }
    wang = {"id": "e-wang", "blood_pressure": {"points": [], "band": None}, "glucose": [], "sleep": []}
    return {"now_ms": NOW_MS, "offset_minutes": 480, "days": DAYS, "people": [chen, wang | {"seen": []}]}


def answers() -> dict[str, Any]:
    """What a hub of a small home tells of itself when all is well."""
    return {
        "status": {
            "hub": "hub-01",
            "version": "0.1.0",
            "uptime_s": 7300,
            "lamp": "amber off",
            "paths": [
                {"name": "coap", "good": True, "last_good_age_s": 4.0, "round_trip_ms": 31, "reason": ""},
                {"name": "https", "good": True, "last_good_age_s": None, "round_trip_ms": -1, "reason": ""},
            ],
            "store": {"durable": True, "rows": 4, "owed": 0, "head_seq": 4},
            "open_calls": 0,
            "open_faults": 0,
            "tasks": {},
            "blind": [],
        },
        "faults": [],
        "calls": [
            {
                "call_id": "hub-01.00000007.1",
                "elder": "e-chen",
                "lifecycle": "closed",
                "handling": "taken",
                "by": "Li",
                "events": [
                    {"id": "hub-01.00000007.1", "kind": "call.sos", "lane": "sos", "source": "pendant",
                     "device": "pd-01", "at": "2026-03-19 21:03:11", "durable": True, "delivered": True,
                     "stages": {"heard": 212, "stored": 219, "sent": 221, "delivered": 241}}
                ],
                "stages": {"taken": 12_400, "closed": 1_260_000},
            }
        ],
        "devices": [
            device("pd-01", "pendant", life="00000007"),
            device("pd-02", "pendant", elder="e-wang", life="", **UNHEARD),
            device("bp-01", "blood-pressure", elder="", pairing=""),
            device("th-01", "thermometer", pairing="", **UNHEARD),
            device("smoke-01", "smoke", room="kitchen", battery_pct=9, heard_age_s=9_000.0),
        ],
        "proofs": {
            "testing": False,
            "paths": [
                {"path": "coap", "outcome": "good", "cause": "", "took_ms": 40, "age_s": 190_000.0},
                {"path": "https", "outcome": "untested", "cause": "", "took_ms": None, "age_s": None},
            ],
            "refused_texts": None,
        },
        "people": [{"id": "e-chen", "name": "陈奶奶"}, {"id": "e-wang", "name": "王爷爷"}],
        "prompts": [
            {"id": "pills", "elder": "e-chen", "kind": "medication", "start": "2026-03-01T08:00", "rule": "",
             "next": "2026-03-20 20:00", "last": "over", "by": "settings"},
            {"id": "later", "elder": "e-wang", "kind": "appointment", "start": "2026-03-25T08:00", "rule": "",
             "next": "2026-03-25 08:00", "last": "", "by": "platform"},
        ],
        "readings": [
            reading(1),
            reading(2, person="e-wang", judged="high", text="171/82 mmHg", whose="asked"),
        ],
        "trends": week(),
    }  # fmt: skip


@dataclass
class Door:
    """A hub's door whose answers are a test's; what was asked to be done is in `done`."""

    path: Path
    answers: dict[str, Any] = field(default_factory=answers)
    asked: list[str] = field(default_factory=list)
    done: asyncio.Queue[tuple[str, dict[str, Any]]] = field(default_factory=asyncio.Queue)
    refuses: bool = False
    hangs: asyncio.Event | None = None
    slow: str = ""  # the one operation that hangs; all where it is empty
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        """The hub runs."""
        acts = ("readings.assign", "readings.undo", "meter_pair", "meter_passkey")
        told = {op: self._tells(op) for op in self.answers}
        self._server = await Api(self.path, {**told, **{op: self._does(op) for op in acts}}).listen()

    async def close(self) -> None:
        """The hub is gone, as after kill -9: its socket stays."""
        if self._server is not None:
            self._server.close()

    def _tells(self, op: str) -> Any:
        async def operation(_args: Mapping[str, Any]) -> Any:
            self.asked.append(op)
            if self.hangs is not None and self.slow in ("", op):
                await self.hangs.wait()
            return self.answers[op]

        return operation

    def _does(self, op: str) -> Any:
        async def operation(args: Mapping[str, Any]) -> Any:
            if self.refuses:
                raise AnbanError(Reason.CONFLICT, "No passkey is asked for now.", "Begin again.")
            self.done.put_nowait((op, dict(args)))
            return {}

        return operation

    async def next(self) -> tuple[str, dict[str, Any]]:
        return await asyncio.wait_for(self.done.get(), WITHIN_S)


@dataclass
class Pages:
    """The page as a process, and HTTP by hand."""

    socket: Path
    process: asyncio.subprocess.Process
    link: str
    tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(urlsplit(self.link).port or 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def fresh_link(self) -> str:
        """One more link, as `anban hub page link` prints it."""
        return str((await asyncio.to_thread(ask, self.socket.parent / "page.sock", "link"))["link"])

    async def http(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers in small letters, body)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
        lines = {
            "host": f"127.0.0.1:{self.port}",
            "connection": "close",
            "content-length": str(len(body)),
            **(headers or {}),
        }
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(
            f"{key}: {value}\r\n" for key, value in lines.items()
        )
        writer.write(head.encode() + b"\r\n" + body)
        answer = await asyncio.wait_for(reader.read(), WITHIN_S)
        writer.close()
        top, _, rest = answer.partition(b"\r\n\r\n")
        first, *fields = top.decode().split("\r\n")
        found = {name.lower(): value for name, value in (line.split(": ", 1) for line in fields)}
        return int(first.split()[1]), found, rest

    async def cookie(self) -> str:
        """The Cookie header of a new session."""
        link = urlsplit(await self.fresh_link())
        status, headers, _ = await self.http("GET", f"{link.path}?{link.query}")
        assert status == 200
        return headers["set-cookie"].partition(";")[0]


@contextlib.asynccontextmanager
async def page_process(socket: Path, *more: str) -> AsyncIterator[Pages]:
    """`anban hub page` on a free port while the block runs."""
    arguments = ["-m", "anban", "hub", "page", "--port", "0", "--socket", str(socket), *more]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=None
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), WITHIN_S)).decode()
        yield Pages(socket, process, line.split()[-1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
