"""Scripted cases against a whole home of real processes: quick ones, and all in the slow run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sim import scenarios
from sim.scenarios.runner import run

ROWS = scenarios.load()
SEED = int(os.environ.get("ANBAN_SEED", "1"))
NAMES = """
    sos assist upgrade second-press cancel two-pendants two-hubs platform-down-then-back nobody-takes-it
    internet-cut-http-alive udp-blocked hub-killed-at-every-stage pendant-power-cut-at-every-stage
    fsync-hangs-10s disk-full read-only-disk pendant-flash-dead corrupt-db replay stranger-connects jammed
    backlog clock-wrong clock-from-the-cell-network no-hub

    internet-cut internet-and-platform-sms-slow sms-duplicated-and-late modem-dies-mid-alarm sim-full
    sim-removed no-signal-then-back forged-sms voice-only delivered-but-nobody-takes-it
    everything-down-for-a-day incoming-call
""".split()  # noqa: SIM905 - a list to read


def test_every_promised_scenario_is_there_and_says_what_happens() -> None:
    assert set(NAMES) <= set(ROWS)
    assert all(len(row.text) > 20 for row in ROWS.values())


def test_what_is_shortened_is_said() -> None:
    for row in ROWS.values():
        assert not (row.setup.timing or row.setup.care) or "shortened" in row.text


async def play(name: str, directory: Path) -> None:
    result = await run(ROWS[name], directory, SEED)
    broken = [claim for claim in result["claims"] if not claim["ok"]]
    assert result["ok"], json.dumps({"broken": broken, "logs": result.get("logs")}, indent=1)
    assert (result["lost"], result["duplicated"]) == (0, 0)


@pytest.fixture
def short_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sockets have short paths: a directory near the root of the temporary ones."""
    return tmp_path_factory.mktemp("h")


@pytest.mark.system
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.quick])
async def test_quick(name: str, short_dir: Path) -> None:
    await play(name, short_dir)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.quick])
async def test_slow(name: str, short_dir: Path) -> None:
    await play(name, short_dir)
