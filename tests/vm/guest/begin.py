"""`python -m tests.vm.guest.begin PROGRAM JSON`: run `main(**JSON)` of a program of this folder in the guest.

It tells {"up": seconds since the kernel started} first, at the end {"done": true} or {"failed": traceback}.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
import traceback
from pathlib import Path

from tests.vm.guest.port import tell


def uptime_s() -> float:
    """Seconds since the kernel started."""
    return float(Path("/proc/uptime").read_text().split()[0])


def main() -> None:
    """Run the program that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    tell(up=uptime_s())
    try:
        program = importlib.import_module(f"tests.vm.guest.{sys.argv[1]}")
        asyncio.run(program.main(**json.loads(sys.argv[2])))
    except BaseException:
        tell(failed=traceback.format_exc())
        raise
    tell(done=True)


if __name__ == "__main__":
    main()
