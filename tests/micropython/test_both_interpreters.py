"""The plain tests of this folder once more, under MicroPython."""

import os
import subprocess
from pathlib import Path

import pytest

from firmware import build

HERE = Path(__file__).parent


def micropython(script: str, *arguments: str, heap: str = "512K", path: str = str(build.ROOT)) -> str:
    """Runs a script of this folder; its output."""
    environment = {**os.environ, "MICROPYPATH": f"{HERE}:{path}:.frozen"}
    done = subprocess.run(
        [build.tool("micropython"), "-X", f"heapsize={heap}", str(HERE / script), *arguments],
        env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["test_gesture", "test_presses"])
def test_under_micropython(name: str) -> None:
    assert int(micropython("on_micropython.py", name).split()[-1]) >= 10


@pytest.mark.parametrize("seed", range(4))
def test_counters_never_go_back_over_random_resets(seed: int) -> None:
    met = micropython("probe_store.py", "600", str(seed), heap="2M")
    for what in ("cuts", "rtc lost", "dead"):
        assert int(met.split(f"'{what}': ")[1].split(",")[0].split("}")[0]) > 10, met


@pytest.mark.slow
def test_counters_never_go_back_over_50_000_random_resets() -> None:
    for seed in range(100, 125):
        micropython("probe_store.py", "2000", str(seed), heap="8M")
