"""What several benchmarks stand on: the reference platform as a process, a press as an event, percentiles."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from protocols.values import Event, EventId, Lane
from sim.platform.registry import provision

CHECKOUT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 30.0
ELDER = {"id": "e-chen", "name": "Mrs Chen", "address": "Xingfuli 3-2-501"}


@contextmanager
def platform(place: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The reference platform as a process, with one hub; gives its ports and the hub's credentials."""
    folder = place / "platform"
    folder.mkdir()
    devices = [{"id": "hub-01"}, {"id": "pd-01"}]
    credentials = provision(folder, "hub-01", [ELDER], devices)
    child = subprocess.Popen(
        [sys.executable, "-m", "sim.platform", "--dir", str(folder)], cwd=CHECKOUT, stdout=subprocess.DEVNULL
    )
    try:
        yield wait_for(folder / "platform.json"), credentials
    finally:
        child.terminate()
        child.wait()


def wait_for(path: Path) -> dict[str, Any]:
    """The JSON of a file that a process writes when it is ready."""
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit:
        if path.exists() and path.stat().st_size:
            ready: dict[str, Any] = json.loads(path.read_text())
            return ready
        time.sleep(0.02)
    raise TimeoutError(f"no {path.name} within {START_LIMIT_S:.0f} s")


def press(number: int, *, origin: str = "pd-01", kind: str = "call.sos") -> Event:
    """An SOS as a pendant's press becomes at the hub, with all that it carries on its way."""
    event_id = EventId(origin, 0x1A2B3C4D, number)
    return Event(
        id=event_id,
        kind=kind,
        lane=Lane.SOS,
        device=origin,
        call_id=event_id,
        wall_ms=1_790_000_000_000 + number,
        uptime_ms=3_600_000 + number,
        boot=0x5E6F7A8B,
        clock_trusted=True,
        durable=True,
        elder="e-chen",
        room="bedroom",
        data={"source": "pendant"},
        stages={"heard": 120, "stored": 124, "sent": 125},
    )


def spread(values_ms: Sequence[float]) -> dict[str, float]:
    """p50, p99 and n of milliseconds."""
    if len(values_ms) < 2:
        raise ValueError("a spread needs two values")
    cuts = statistics.quantiles(values_ms, n=100, method="inclusive")
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "n": len(values_ms)}
