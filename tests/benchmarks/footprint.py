"""Measures what a hub takes: memory, the time from exec to the first key accepted, the time of its imports.

The real service with stock Bleak, nothing simulated in its process but the pins; it delivers to the reference
platform, which is another process. `first_key_s` ends when the lamp lights: the press is then on the disk and
said to be. Without a Bluetooth adapter (`adapter` false) Bleak is loaded and finds none.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.rig import CHECKOUT, platform

STARTS = 5
SETTLE_S = 6.0  # until both paths were checked and the downlink is held: everything that gets imported is
SEED = """\
[hub]
id = "hub-01"
room = "hall"
elder = "e-chen"
data_dir = "{data}"
runtime_dir = "{data}/run"
credentials_file = "{place}/credentials.json"

[platform]
coap_uri = "coap://127.0.0.1:{coap_port}"
https_url = "https://127.0.0.1:{https_port}"
ca_file = "{ca_file}"

[audio]
player = ["true"]
phrases_dir = "{phrases}"

[[elders]]
id = "e-chen"
"""


def measure(directory: Path) -> dict[str, Any]:
    """rss_mb (settled, both paths in use), rss_peak_mb, first_key_s, import_s; medians of STARTS starts."""
    place = directory / "footprint"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    rounds = []
    try:
        with platform(place) as (ports, secrets):
            credentials = place / "credentials.json"
            credentials.touch(mode=0o600)
            credentials.write_text(json.dumps(secrets))
            for number in range(STARTS):
                rounds.append(_start(_seed(place, place / f"hub-{number}", ports)))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    figures = {name: round(statistics.median(r[name] for r in rounds), 3) for name in rounds[0]}
    return {**figures, "adapter": bool(list(Path("/sys/class/bluetooth").glob("hci*"))), "n": STARTS}


def _seed(place: Path, data: Path, ports: dict[str, Any]) -> Path:
    seed = place / "hub.toml"
    phrases = CHECKOUT / "build" / "phrases"
    seed.write_text(SEED.format(data=data, place=place, phrases=phrases, **ports))
    return seed


def _start(seed: Path) -> dict[str, float]:
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.footprint_hub", str(seed)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    assert child.stdout is not None
    try:
        told: dict[str, Any] = {}
        while "lit" not in told:
            line = child.stdout.readline()
            if not line:
                raise RuntimeError("the hub ended before its lamp was lit")
            told |= json.loads(line)
        time.sleep(SETTLE_S)
        memory = Path(f"/proc/{child.pid}/status").read_text()
    finally:
        child.terminate()
        told |= json.loads(child.stdout.read().splitlines()[-1])
        child.wait()
    if missing := {"aiocoap", "bleak", "requests"} - set(told["loaded"]):
        raise RuntimeError(f"the hub never used {', '.join(sorted(missing))}: the figure would flatter")
    return {
        "rss_mb": _kb(memory, "VmRSS") / 1024,
        "rss_peak_mb": _kb(memory, "VmHWM") / 1024,
        "first_key_s": told["at"] - began,
        "import_s": told["import_s"],
    }


def _kb(status: str, name: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))
