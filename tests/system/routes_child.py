"""A hub with two lines to its platform, which stands in a network namespace beside it; each line is cut once.
Prints what came, as JSON. `tests/system/test_routes.py` starts it, within a namespace of its own:

`unshare --user --map-root-user --net python -m tests.system.routes_child DIR`
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from gpiozero.pins.mock import MockFactory

from edge.clock import SystemClock
from edge.config import parse
from edge.credentials import Credentials
from edge.main import Service
from edge.ports import Ports
from sim.platform.db import connect
from sim.platform.registry import provision

PLATFORM = "10.77.0.1"  # on no line itself: reached by either
LINES = {"line": "10.77.1", "wwan": "10.77.2"}
UP_S, COMES_S = 60.0, 90.0
FINGER_S = 0.12  # down, and away again: less is a contact that bounces
SEED = """
[hub]
id = "hub-01"
room = "hall"
elder = "e-chen"
data_dir = "DIR/data"
runtime_dir = "DIR/run"
credentials_file = "DIR/credentials.json"
[platform]
coap_uri = "coap://10.77.0.1:COAP"
https_url = "https://10.77.0.1:HTTPS"
ca_file = "CA"
coap_interface = "line"
https_interface = "wwan"
[[elders]]
id = "e-chen"
"""


def ip(*words: str, of: int | None = None) -> None:
    """`ip`, here or in the namespace of a process."""
    there = [] if of is None else ["nsenter", "-t", str(of), "-n"]
    subprocess.run([*there, "ip", *words], check=True)


def platform(place: Path) -> subprocess.Popen[bytes]:
    """The platform's process in a namespace of its own, once both lines lead there."""
    command = f"read go; exec {sys.executable} -m sim.platform --dir {place} --host {PLATFORM}"
    child = subprocess.Popen(["unshare", "--net", "sh", "-c", command], stdin=subprocess.PIPE)
    here = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{child.pid}/ns/net").readlink() == here:
        time.sleep(0.01)
    ip("link", "set", "lo", "up")
    ip("link", "set", "lo", "up", of=child.pid)
    ip("addr", "add", f"{PLATFORM}/32", "dev", "lo", of=child.pid)
    for metric, (name, net) in enumerate(LINES.items(), 1):
        ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", str(child.pid))
        ip("addr", "add", f"{net}.2/24", "dev", name)
        ip("addr", "add", f"{net}.1/24", "dev", name, of=child.pid)
        ip("link", "set", name, "up")
        ip("link", "set", name, "up", of=child.pid)
        ip("route", "add", f"{PLATFORM}/32", "via", f"{net}.1", "metric", str(metric))
    assert child.stdin is not None
    child.stdin.write(b"go\n")
    child.stdin.close()
    return child


async def until(condition, within_s: float) -> None:  # type: ignore[no-untyped-def]
    """Wait for a condition. TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


def hub(place: Path, info: dict[str, int | str], keys: dict[str, object]) -> tuple[Service, MockFactory]:
    """The whole hub, without a radio, on mock pins."""
    seed = SEED.replace("DIR", str(place)).replace("CA", str(info["ca_file"]))
    seed = seed.replace("COAP", str(info["coap_port"])).replace("HTTPS", str(info["https_port"]))
    pins = MockFactory()

    async def no_radio() -> list[object]:
        return []

    ports = Ports(SystemClock(), lambda: pins, no_radio, power_supplies=place / "power")  # type: ignore[arg-type]
    config = parse(seed)
    pins.pin(config.pins.red).pull = "up"
    return Service(config, msgspec.convert(keys, Credentials), ports), pins


class Counted:
    """What the platform has stored."""

    def __init__(self, place: Path) -> None:
        self._db = connect(place)

    def calls(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM events WHERE kind = 'call.sos'").fetchone()[0])


async def presses(place: Path, child: subprocess.Popen[bytes], keys: dict[str, object]) -> dict[str, object]:
    """A press with both lines, one with each of them cut: after how many ms the platform had it.

    A line that is cut at its far end keeps its route here: what is not bound to the other one goes nowhere.
    """
    ready = place / "platform" / "platform.json"
    await until(ready.exists, UP_S)
    service, pins = hub(place, json.loads(ready.read_text()), keys)
    stored = Counted(place / "platform")
    await service.start()
    told: dict[str, object] = {}
    try:
        health = service.delivery.health
        await until(lambda: all(health[name].last_good_ms >= 0 for name in ("coap", "https")), UP_S)
        red = pins.pin(service.config.pins.red)
        for count, cut in enumerate((None, "line", "wwan"), 1):
            if cut is not None:
                ip("link", "set", cut, "down", of=child.pid)
            began = time.monotonic()
            red.drive_low()
            await asyncio.sleep(FINGER_S)
            red.drive_high()
            await until(lambda count=count: stored.calls() >= count, COMES_S)  # type: ignore[misc]
            told[cut or "nothing"] = round((time.monotonic() - began) * 1000)
            await until(lambda: not service.hub.events, COMES_S)
            await asyncio.sleep(FINGER_S)
            if cut is not None:
                ip("link", "set", cut, "up", of=child.pid)
                await until(lambda: all(row.good for row in health.values()), COMES_S)
    finally:
        await service.stop()
    return told


def main(place: str) -> None:
    where = Path(place)
    (where / "platform").mkdir()
    keys = provision(where / "platform", "hub-01", [{"id": "e-chen"}], [])
    child = platform(where / "platform")
    try:
        print(json.dumps(asyncio.run(presses(where, child, keys))))
    finally:
        child.terminate()
        child.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
