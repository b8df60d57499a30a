"""Memory that stays: locked where that is allowed, as it was where it is not, and never refused for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

NOBODY = 65534
THREADS = 8
MAPPED_MB = 256  # far above any limit that a system sets by itself
CHILD = """
import json, mmap, os, resource, sys, threading
from drivers.pi.memory import lock_memory

def figure(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name + ":"))

nobody, threads, mapped = map(int, sys.argv[1:])
if nobody:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
    os.setuid(nobody)
before_kb = figure("VmRSS")
why = lock_memory()
ended = threading.Event()
for _ in range(threads):
    threading.Thread(target=ended.wait).start()
kept = mmap.mmap(-1, mapped)
kept[:10] = bytes(10)
print(json.dumps({"why": why, "locked_kb": figure("VmLck"), "more_kb": figure("VmRSS") - before_kb}))
ended.set()
"""


def told(nobody: int) -> dict[str, Any]:
    """What a process tells that locks its memory, begins threads and uses a little of much memory."""
    command = [sys.executable, "-c", CHILD, *map(str, (nobody, THREADS, MAPPED_MB * 1024 * 1024))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_it_is_locked_or_it_is_said_why_and_takes_no_more_memory_for_it() -> None:
    figures = told(0)
    assert bool(figures["why"]) == (figures["locked_kb"] == 0), figures
    assert figures["more_kb"] < 16 * 1024, "neither whole stacks nor what was not used yet"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may lock less")
def test_who_may_not_lock_is_refused_no_memory() -> None:
    figures = told(NOBODY)
    assert figures["why"]
    assert figures["locked_kb"] == 0
