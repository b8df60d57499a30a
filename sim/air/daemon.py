"""The air as a process: sockets for every radio in DIR, and DIR/ctl.sock for what happens to them.

Control: one JSON object a line, {"op": NAME, ...}; NAME is a public method of sim.air.station.Station, the
other keys its arguments. Answers, in order: {"ok": true, "result": ...} or {"ok": false, "error": "..."}.
DIR/air.json appears when the sockets are open.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

from sim.air.geometry import Spot
from sim.air.station import HciRadio, Station

OPERATIONS = frozenset(
    {"add_hci", "add_pendant", "remove", "place", "wall", "unwall", "jam", "away", "back", "signal"}
    | {
        "add_meter",
        "measure",
        "meter",
        "hang",
        "numb",
        "filter_by_address",
        "deaf",
        "phone",
        "phone_stop",
        "tape",
        "forge",
        "state",
    }
)
_LINE_LIMIT = 1 << 20  # a tape of 4096 adverts is half of this


async def _answer(station: Station, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
        name = request.pop("op")
        if name not in OPERATIONS:
            raise ValueError(f"no operation {name!r}")
        return {"ok": True, "result": await getattr(station, name)(**request)}
    except (KeyError, ValueError, TypeError, AttributeError, OSError) as e:
        return {"ok": False, "error": f"{type(e).__name__}: {e}"}


async def serve_control(station: Station, path: Path) -> asyncio.AbstractServer:
    """Open the control socket."""

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):  # cancelled: the daemon ends
            async for line in reader:
                writer.write(json.dumps(await _answer(station, line)).encode() + b"\n")
                await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(control, str(path), limit=_LINE_LIMIT)


async def attach_to_kernel(station: Station, name: str, address: str, device: str) -> None:
    """Give the Linux kernel a virtual controller on this air: BlueZ sees a new adapter."""
    from bumble.transport.vhci import open_vhci_transport

    transport = await open_vhci_transport(device)
    radio = HciRadio(station.air, name, address, deaf=False)
    radio.attach(transport.source, transport.sink).reports_empty_responses = True
    station.radios[name] = radio
    station.air.spots[name] = Spot()


async def serve(directory: Path, seed: int, supervision_s: float | None, vhci: str | None) -> None:
    """Serve until cancelled. `directory` exists."""
    station = Station(directory, seed, supervision_s)
    control = directory / "ctl.sock"
    _remove(control)
    server = await serve_control(station, control)
    if vhci:
        await attach_to_kernel(station, "hci0", "00:AA:01:00:00:23", vhci)
    ready = directory / "air.json"
    _write(ready, {"pid": os.getpid(), "control": str(control), "seed": seed})
    try:
        await asyncio.Event().wait()
    finally:
        _remove(ready)
        server.close()
        await station.close()


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value) + "\n")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
