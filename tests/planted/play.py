"""Plays a scenario of the product in the working directory: `python -m tests.planted.play NAME SEED SAYS DIR`

It ends when a claim with the text SAYS is broken: a row of this folder looks for nothing more.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from sim import scenarios
from sim.scenarios.runner import run


def main(name: str, seed: str, says: str, directory: str) -> None:
    """Print the verdict as JSON, as `anban sim home --scenario` does."""
    print(json.dumps(asyncio.run(run(scenarios.load()[name], Path(directory), int(seed), says))))


if __name__ == "__main__":
    main(*sys.argv[1:])
