"""The hub that `footprint` measures: real service, stock Bleak; only its pins are gpiozero's mock pins.

`python -m tests.benchmarks.footprint_hub SEED` presses the red key the moment its pin is read for the first
time, and prints JSON lines: {"import_s"}, {"lit": colour, "at": monotonic seconds} for each lamp that is
switched on, and at the end {"loaded": the libraries that it used}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

began = time.perf_counter()

from edge import config, credentials  # noqa: E402
from edge.clock import SystemClock  # noqa: E402
from edge.main import run  # noqa: E402
from edge.ports import Ports  # noqa: E402
from edge.process import until_signal  # noqa: E402

import_s = time.perf_counter() - began

from gpiozero.pins.mock import MockFactory, MockPin  # noqa: E402

from drivers.ble.bluez import BluezAdapter, adapters  # noqa: E402
from drivers.ble.ports import AdapterPort  # noqa: E402


def tell(**what: Any) -> None:
    """One line for the benchmark."""
    print(json.dumps(what), flush=True)


class ImpatientPin(MockPin):  # type: ignore[misc]
    """A pin that is pressed as soon as somebody listens, and one that tells when it is switched on."""

    press_when_heard = False
    colour = ""

    def _set_when_changed(self, value: Callable[[float, int], None] | None) -> None:
        super()._set_when_changed(value)
        if value is not None and self.press_when_heard:
            threading.Thread(target=self.drive_low).start()

    def _change_state(self, value: float) -> bool:
        changed = bool(super()._change_state(value))
        if changed and value and self.colour:
            tell(lit=self.colour, at=time.monotonic())
        return changed


def main() -> None:
    """Run until SIGTERM."""
    tell(import_s=import_s)
    seed = config.load(Path(sys.argv[1]))
    factory = MockFactory(pin_class=ImpatientPin)
    factory.pin(seed.pins.red).press_when_heard = True
    for colour in ("amber", "green", "red"):
        factory.pin(getattr(seed.pins, f"lamp_{colour}")).colour = colour

    async def stock_adapters() -> Sequence[AdapterPort]:
        return adapters() or [BluezAdapter()]

    ports = Ports(SystemClock(), lambda: factory, stock_adapters)
    asyncio.run(until_signal(run(seed, credentials.load(Path(seed.hub.credentials_file)), ports)))
    tell(loaded=sorted({name.split(".")[0] for name in sys.modules}))


if __name__ == "__main__":
    main()
