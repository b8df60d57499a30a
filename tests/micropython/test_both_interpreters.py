"""The plain tests of this folder once more, under MicroPython."""

import os
import subprocess
from pathlib import Path

import pytest

from firmware import build

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["test_gesture", "test_presses"])
def test_under_micropython(name: str) -> None:
    environment = {**os.environ, "MICROPYPATH": f"{HERE}:{build.ROOT}:.frozen"}
    done = subprocess.run(
        [build.tool("micropython"), "-X", "heapsize=512K", str(HERE / "on_micropython.py"), name],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[-1]) >= 10
