"""Supervision both ways: the hub says every minute that it lives, and notices when the platform is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from edge.book import open_calls
from edge.config import TimingSection
from edge.hub import Hub
from edge.stores.journal import Journal

VERSION: Final = "0.1.0"


class Heartbeat:
    """Reports `heartbeat` as often as `timing`, which may be changed, says.

    `last_word_ms()`: when the platform was last heard, or -1; `config_digest()`: of the settings in force.
    """

    def __init__(
        self,
        hub: Hub,
        journal: Journal,
        *,
        timing: TimingSection,
        last_word_ms: Callable[[], int],
        config_digest: Callable[[], str],
    ) -> None:
        self._hub, self._journal = hub, journal
        self.timing = timing
        self._last_word_ms, self._config = last_word_ms, config_digest
        self._started_ms = hub.mint.clock.monotonic_ms()
        self.mains: bool | None = None
        self.battery_pct: int | None = None

    @property
    def silent(self) -> bool:
        """Whether the platform has not been heard for so long that the elder has to know."""
        last_ms = max(self._last_word_ms(), self._started_ms)
        return self._hub.mint.clock.monotonic_ms() - last_ms > self.timing.platform_silent_s * 1000

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(self.timing.heartbeat_s)

    def beat(self) -> None:
        """One heartbeat, with the journal's head: a platform that keeps them notices a changed past."""
        seq, digest = self._journal.head
        data = {
            "uptime_s": self._hub.mint.clock.monotonic_ms() // 1000,
            "seq": seq,
            "digest": digest.hex(),
            "pending": len(self._hub.events),
            "calls": len(open_calls(self._hub.book)),
            "faults": len(self._hub.faults.open),
            "version": VERSION,
            "config": self._config(),
        }
        if self.mains is not None:
            data["mains"] = self.mains
        if self.battery_pct is not None:
            data["battery_pct"] = self.battery_pct
        self._hub.report("heartbeat", data)
        self._hub.see("platform_silent", "platform", self.silent)
