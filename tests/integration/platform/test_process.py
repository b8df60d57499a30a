"""The platform as a process: ready when it says so, killed without loss, ended in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sim.platform.registry import provision

from .conftest import ELDERS, Home, press

Start = Callable[..., Any]


class Process:
    """One `python -m sim.platform`."""

    def __init__(self, child: asyncio.subprocess.Process, info: dict[str, Any]) -> None:
        self.child = child
        self.info = info

    async def end(self, number: int) -> int:
        self.child.send_signal(number)
        async with asyncio.timeout(60):
            return await self.child.wait()


@pytest.fixture
async def start(directory: Path) -> AsyncIterator[Start]:
    children: list[asyncio.subprocess.Process] = []

    async def begin(**ports: int) -> Process:
        ready = directory / "platform.json"
        ready.unlink(missing_ok=True)
        options = [f"--{name}-port={port}" for name, port in ports.items()]
        command = [sys.executable, "-m", "sim.platform", "--dir", str(directory), *options]
        root = Path(__file__).parents[3]
        child = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=asyncio.subprocess.PIPE)
        children.append(child)
        async with asyncio.timeout(60):
            while not ready.exists():
                assert child.returncode is None
                await asyncio.sleep(0.02)
        return Process(child, json.loads(ready.read_text()))

    yield begin
    for child in children:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def test_killed_after_an_acknowledgement_it_still_has_the_press(
    start: Start, home: Home, directory: Path
) -> None:
    process = await start()
    port = process.info["coap_port"]
    path = await home.coap(port)
    (receipt,) = await path.send([press(1)])
    await process.end(signal.SIGKILL)
    again = await start(coap=port)
    (same,) = await path.send([press(1)])
    assert same.number == receipt.number
    (later,) = await path.send([press(2)])
    assert later.number > receipt.number
    assert await again.end(signal.SIGTERM) == 0
    with sqlite3.connect(directory / "platform.db") as db:
        assert db.execute("SELECT count(*) FROM events").fetchone() == (2,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_hub_provisioned_while_it_runs_gets_in_and_its_old_secrets_end(
    start: Start, home: Home, directory: Path
) -> None:
    process = await start()
    new = Home(provision(directory, "hub-02", ELDERS))
    path = await new.coap(process.info["coap_port"])
    assert (await path.send([press(1)]))[0].stage == "stored"
    await path.close()
    provision(directory, "hub-02", ELDERS)  # provisioned anew: what the old box holds is worth nothing
    process = await restart(process, start)
    stale = await new.coap(process.info["coap_port"])
    with pytest.raises(Exception, match="path-refused"):
        await stale.send([press(2)])
    await stale.close()


async def restart(process: Process, start: Start) -> Process:
    await process.end(signal.SIGTERM)
    return await start()


async def test_it_prints_no_secret_and_keeps_its_files_to_itself(start: Start, directory: Path) -> None:
    process = await start()
    token = (directory / "seat-token").read_text()
    await process.end(signal.SIGTERM)
    assert token.encode() not in await process.child.stdout.read()
    assert stat.S_IMODE(os.stat(directory / "platform.db").st_mode) == 0o600
