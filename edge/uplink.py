"""All between the hub and its platform, put together: paths, delivery, downlink; changed while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from edge.book import open_calls
from edge.clock import SystemClock
from edge.config import PlatformSection, Settings
from edge.configuration import Version
from edge.credentials import Credentials
from edge.delivery import Delivery
from edge.downlink import Downlink
from edge.hub import LATE_S, Hub
from edge.paths.base import Path, PathError, PathHealth, Sender
from edge.paths.coap import CoapPath
from edge.paths.https import HttpsPath
from edge.stores.errors import StoreError
from edge.stores.reading import Queued
from edge.stores.state import State
from edge.stores.writer import Writer
from edge.supervisor import Supervisor
from edge.threads import in_thread
from protocols.errors import Reason
from protocols.values import DownlinkItem, Lane

if TYPE_CHECKING:
    from edge.texting import Texting

log = logging.getLogger(__name__)

CURSOR: Final = ("downlink", "cursor")
CLOCK_MS: Final = 30_000  # a system's clock that is wrong by more is a fault: people read its times
REPORT_AGAIN_S: Final = 60.0  # until a settings document that no path took is reported again


class Uplink:
    """Made once; `start()` adds its tasks; `use(settings)` puts others in force; `close()` lets go."""

    def __init__(
        self,
        hub: Hub,
        writer: Writer,
        state: State,
        settings: Settings,
        credentials: Credentials,
        clock: SystemClock,
        supervisor: Supervisor,
        texting: Texting | None = None,
    ) -> None:
        self._hub, self._writer, self._state, self._clock = hub, writer, state, clock
        self._credentials, self._supervisor = credentials, supervisor
        self._texting = texting
        self._make_paths(settings.platform)
        self.delivery = Delivery(
            hub, self._ways(), settings.plan, self._pending, self._path_health, self._platform_time
        )
        if texting is not None:
            texting.delivery = self.delivery
            texting.on_time = self._platform_time
            texting.on_network_time = self._network_time
        self.cursor = self._durable = self._stored_cursor()
        self._missed = False
        self._keeping: asyncio.Task[None] | None = None
        self.downlink = Downlink(
            list(self.paths.values()), lambda: self.cursor, self._downlink_items, self.delivery.polled
        )
        hub.on_change.append(lambda: self.downlink.set_call_open(bool(open_calls(hub.book))))

    def start(self) -> None:
        """Add the tasks."""
        self._supervisor.add("calls", self.delivery.run_calls)
        self._supervisor.add("lower lanes", self.delivery.run_lower)
        for name in self.paths:
            self._supervisor.add(f"check {name}", functools.partial(self.delivery.run_checks, name))
        self._supervisor.add("coap", self._coap.open)
        if self._texting is not None:
            self._supervisor.add("texting", self._texting.run)
        self._supervisor.add("downlink", self.downlink.run)

    async def close(self) -> None:
        """Let go of sockets and threads."""
        for path in self.paths.values():
            await path.close()

    async def use(self, settings: Settings) -> None:
        """Other settings, whole: what is owed goes out by them at once."""
        before: list[Path] = []
        if settings.platform != self._platform:
            before = list(self.paths.values())
            self._make_paths(settings.platform)
            await self._coap.open()
        self.delivery.use(self._ways(), settings.plan)
        self.downlink.use(list(self.paths.values()))
        await asyncio.gather(*(path.close() for path in before), return_exceptions=True)

    async def ask(self) -> bool:
        """One round of asking on every path: whether the platform has answered."""
        asked = [asyncio.create_task(self.delivery.check(name)) for name in self.paths]
        try:
            for answered in asyncio.as_completed(asked):
                if await answered:
                    return True
            return False
        finally:
            for task in asked:
                task.cancel()

    async def wanted(self) -> tuple[str, str]:
        """The settings document that the platform wants here, and its author. PathError of the last path."""
        error = PathError(Reason.PATH_DOWN, "there is no path")
        for path in self.paths.values():
            try:
                return await path.config()
            except PathError as failed:
                error = failed
        raise error

    async def report(self, active: Callable[[], Version]) -> None:
        """Tell the platform which settings are in force; until one path has taken it."""
        while True:
            version = active()
            for path in self.paths.values():
                with contextlib.suppress(PathError):
                    await path.put_config(version.document, version.author)
                    if version == active():
                        return
            await asyncio.sleep(REPORT_AGAIN_S)

    @property
    def last_word_ms(self) -> int:
        """When the platform was last heard, whatever the way, in monotonic ms; -1 if never."""
        texted_ms = -1 if self._texting is None else self._texting.last_word_ms
        return max(texted_ms, *(self.delivery.health[name].last_good_ms for name in self.paths))

    # --- what the parts ask of each other ---

    def _ways(self) -> dict[str, Sender]:
        """All ways on which events go out: by IP, and by text where there is a modem."""
        ways: dict[str, Sender] = dict(self.paths)
        if self._texting is not None:
            ways[self._texting.path.name] = self._texting.path
        return ways

    def _make_paths(self, platform: PlatformSection) -> None:
        """Both paths anew: blocks of numbers of a security context are never shared between two of them."""
        self._platform = platform
        self._coap = CoapPath(
            platform.coap_uri, self._credentials.oscore, self._reserve, interface=platform.coap_interface
        )
        token, interface = self._credentials.https_token, platform.https_interface
        https = HttpsPath(platform.https_url, platform.ca_file, token, interface)
        self.paths: dict[str, Path] = {"coap": self._coap, "https": https}

    def _reserve(self, name: str, count: int) -> int:
        """Numbers of a security context; called in a thread."""
        return self._state.reserve(name, count).start

    async def _pending(self, lane: Lane, limit: int, after: int) -> Sequence[Queued]:
        return await self._writer.read(lambda journal: journal.packed(lane, limit, after))

    def _stored_cursor(self) -> int:
        raw = self._state.get(*CURSOR)
        return 0 if raw is None else int.from_bytes(raw, "big")

    async def _downlink_items(self, path: str, items: list[DownlinkItem]) -> None:
        """Journal what the platform said, then move the cursor; on disk only if all of it is."""
        commits = self._hub.receive(items, path)
        waiting = [commit for commit in commits if commit is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=LATE_S)
        self.cursor = items[-1].cursor
        taken = None not in commits and all(c.done() and c.exception() is None for c in waiting)
        if not (taken and self._writer.durable):
            self._missed = True  # what the disk did not take must come again, if only to the next run
        elif self._missed:
            self._missed, self.cursor = False, self._durable  # the disk takes again: it comes again now
        else:
            self._durable = self.cursor
            if self._keeping is None or self._keeping.done():
                self._keeping = asyncio.create_task(self._keep_cursor())

    async def _keep_cursor(self) -> None:
        """Bring the cursor to the disk; what the platform says next does not wait for that."""
        kept = -1
        while kept != self._durable:
            kept = self._durable
            try:
                await in_thread("cursor", self._state.put, *CURSOR, kept.to_bytes(8, "big"))
            except (StoreError, RuntimeError) as error:
                log.warning("the downlink's cursor is not kept, its items will come again: %s", error)

    def _platform_time(self, wall_ms: int) -> None:
        step_ms = self._clock.confirm(wall_ms)
        if step_ms:
            log.warning("the wall clock was wrong by %d s", step_ms // 1000)
        self._hub.see("clock", self._hub.mint.origin, abs(self._clock.offset_ms) > CLOCK_MS)

    def _network_time(self, wall_ms: int) -> None:
        """Nobody proves it: it stands until the platform has told the time, is trusted by nothing, and may
        raise the fault of a wrong clock, but clears none."""
        if abs(self._clock.suggest(wall_ms)) > CLOCK_MS:
            self._hub.see("clock", self._hub.mint.origin, True, "by-network")

    def _path_health(self, _before: PathHealth, after: PathHealth) -> None:
        self._hub.see("path", after.name, not after.good, after.reason)
