"""Keeps the connection to the home's MQTT broker, begins it anew with patience, and says when it is away."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable
from typing import Final

from edge.config import MqttSection
from edge.hub import Hub
from edge.threads import in_thread
from protocols.errors import AnbanError
from protocols.home_topics import Message

log = logging.getLogger(__name__)

AGAIN_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0)  # a broker that restarts is back in seconds


class Broker:
    """`run()` is a task for the supervisor; every message goes to `on_message`."""

    def __init__(
        self,
        hub: Hub,
        section: MqttSection,
        password: str | None,
        topics: Callable[[], tuple[str, ...]],
        on_message: Callable[[Message], None],
    ) -> None:
        self._hub, self._section, self._password = hub, section, password
        self._topics, self._on_message = topics, on_message
        self._tries = 0

    async def run(self) -> None:
        """Listen until cancelled."""
        section = self._section
        driver = await in_thread("import mqtt", importlib.import_module, "drivers.mqtt")
        while True:
            try:
                await driver.listen(
                    section.host,
                    section.port,
                    f"anban-{self._hub.mint.origin}",
                    self._topics,
                    self._on_message,
                    self._ready,
                    user=section.user,
                    password=self._password if section.user is not None else None,
                )
            except AnbanError as error:
                log.warning("%s", error)
                await self._wait(str(error.reason))

    def _ready(self) -> None:
        self._tries = 0
        self._hub.see("mqtt", self._hub.mint.origin, False)

    async def _wait(self, reason: str) -> None:
        """A fault has to last before it is told, so it is looked at while waiting too."""
        pause_s = AGAIN_S[min(self._tries, len(AGAIN_S) - 1)]
        self._tries += 1
        self._hub.see("mqtt", self._hub.mint.origin, True, reason)
        await asyncio.sleep(pause_s)
