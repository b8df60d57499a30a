"""What the virtual machine's tests have measured, left for people: build/vm/figures/NAME.json."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.vm.machine import Machine, acceleration
from tests.vm.packages import BUILD

RELEASES: Final = {"bookworm": "5.66", "trixie": "5.82"}


def keep(name: str, figures: dict[str, Any], machine: Machine) -> None:
    """Leave figures of a machine, and print them."""
    folder = BUILD / "figures"
    folder.mkdir(exist_ok=True)
    figures = {"processor": " ".join(acceleration(machine.pace)), **figures}
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps({name: figures}), flush=True)
