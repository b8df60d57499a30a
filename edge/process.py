"""The hub as a process of a Raspberry Pi: its real ports, systemd, and the signals that end it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Sequence

from sdnotify import SystemdNotifier  # type: ignore[import-untyped]

from drivers.ble import bluez
from drivers.ble.ports import AdapterPort
from drivers.pi.memory import lock_memory
from drivers.pi.pins import open_pins
from edge.clock import SystemClock
from edge.config import Config
from edge.credentials import Credentials
from edge.logs import log_to
from edge.main import run
from edge.ports import Ports
from edge.threads import in_thread

log = logging.getLogger(__name__)


async def serve(config: Config, credentials: Credentials, *, damage: str = "", verbose: bool = False) -> None:
    """Run on this Raspberry Pi until SIGTERM or SIGINT; `damage` as in `run`."""
    log_to(verbose=verbose)
    log.info("memory: %s", lock_memory() or "locked")

    async def adapters() -> Sequence[AdapterPort]:
        await in_thread("import bleak", bluez.load)  # not on the loop: keys
        return bluez.adapters()

    system = SystemdNotifier()
    ports = Ports(SystemClock(), open_pins, adapters, feed_watchdog=lambda: system.notify("WATCHDOG=1"))
    await until_signal(run(config, credentials, ports, lambda: system.notify("READY=1"), damage=damage))


async def until_signal(work: Awaitable[None]) -> None:
    """Run `work` until it ends or the process is asked to end."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
