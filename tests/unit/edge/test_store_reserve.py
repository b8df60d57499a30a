"""A disk with hardly any room is full before it refuses a write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from edge.stores.reserve import FULL_BYTES, is_full
from sim.disk import FaultDisk

ASK = "import pathlib, sys; from edge.stores.reserve import *; print(is_full(pathlib.Path(sys.argv[1])))"
ROOT = Path(__file__).resolve().parents[3]


def said(disk: FaultDisk, file: Path) -> str:
    """What a process on that disk finds."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(file)],
        env=disk.environment(os.environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_disk_is_full_while_it_still_takes_a_little(tmp_path: Path) -> None:
    disk = FaultDisk(tmp_path / "data", tmp_path / "control")
    file = tmp_path / "data" / "journal.db"
    file.write_bytes(b"")
    assert said(disk, file) == "False"
    disk.fill(FULL_BYTES // 2)
    assert said(disk, file) == "True"
    disk.fill(2 * FULL_BYTES)
    assert said(disk, file) == "False"
    disk.fill(0)
    disk.heal()
    assert said(disk, file) == "False"


def test_a_disk_that_does_not_say_is_not_called_full(tmp_path: Path) -> None:
    assert not is_full(tmp_path / "not" / "there")
