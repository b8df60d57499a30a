"""Versions of the settings in state.db, and the one way to change them: proposed, tried, kept or reverted.

A proposal is validated whole. Then it is tried: the hub uses it, and it is kept when the platform has
answered under it. If no answer comes within TRIAL_S, or a call begins before one has come, the settings that
were known to work are back. A hub that dies while trying begins with those too. What is active is a whole
document; nothing is ever applied in part, and no loss of power brings a default back.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec

from edge.clock import Clock
from edge.config import SCHEMA, Settings, parse_settings, render
from edge.paths.base import MAX_AUTHOR
from edge.stores.state import Kept
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

SPACE: Final = "config"
ACTIVE, TRIAL, SEED = "active", "trial", "seed"
KEPT: Final = 5  # versions that stay, the active one included: state.db is written as a whole
TRIAL_S: Final = 120.0  # a router that reconnects takes less; a wrong address takes for ever
AGAIN_S: Final = 2.0  # between two rounds of asking
LOOK_S: Final = 0.1  # how soon a call ends a trial


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One settings document that was, is or may become active. `hash`: SHA-256 of the document, in hex."""

    number: int
    schema: int
    author: str
    hash: str
    document: str
    wall_ms: int
    command: str = ""  # of the platform, that proposed it

    @property
    def settings(self) -> Settings:
        """The document read. AnbanError(BAD_CONFIG) if a later release wrote what this one does not know."""
        return parse_settings(self.document)


class Configuration:
    """`active` is in force, or is what a trial goes back to; `trial` is being tried, or None.

    `apply(settings)` has the hub use them, whole, and does not fail; `ask()` is one round of asking the
    platform on every path, true if it has answered; `in_call()`: whether a call is open; `told(outcome,
    version, reason)`: a trial has ended, "done" or "reverted".
    """

    def __init__(
        self,
        state: Kept,
        clock: Clock,
        apply: Callable[[Settings], Awaitable[None]],
        ask: Callable[[], Awaitable[bool]],
        in_call: Callable[[], bool],
        told: Callable[[str, Version, str], None],
    ) -> None:
        self._state, self._clock = state, clock
        self._apply, self._ask, self._in_call, self._told = apply, ask, in_call, told
        self.trial: Version | None = None
        self.last: tuple[str, Version, str] | None = None  # how the last trial ended
        self._trials: set[asyncio.Task[Version]] = set()
        self._cut_short = ""  # the command whose trial an earlier run did not bring to its end

    def begin(self, seed: Settings) -> Settings:
        """What to start with: the active version, or the seed's settings where there never was one."""
        self._seed = self._version(0, render(seed), "seed")
        stored = self._read(ACTIVE)
        self.active = stored or msgspec.structs.replace(self._seed, number=1)
        return self.active.settings

    async def settle(self) -> None:
        """After the start: keep the first version, end a trial that was cut short, try an edited seed."""
        interrupted = self._read(TRIAL)
        if interrupted is not None:
            self._cut_short = interrupted.command
            await self._put({TRIAL: None})
            self._end("reverted", interrupted, "restarted")
        known = self._get(SEED)
        if known is None:
            await self._put({**_rows(self.active), **self._seen()})
        elif known != self._seed.hash.encode():
            while self._in_call():  # noqa: ASYNC110 - a look at leisure
                await asyncio.sleep(AGAIN_S)
            await self.propose(self._seed.document, "seed")

    def _seen(self) -> dict[str, bytes | None]:
        """The seed has had its turn: it is tried again only when it was edited, or was not kept."""
        return {SEED: self._seed.hash.encode()}

    def settles(self, command: str) -> bool:
        """Whether a trial of this command's settings was cut short: `settle` reports how that ends."""
        trial = self._read(TRIAL)
        return command == self._cut_short or (trial is not None and trial.command == command)

    def versions(self) -> list[Version]:
        """Those that are kept, the oldest first."""
        names = self._state.names(SPACE)
        found = [self._read(name) for name in names if name.isdecimal()]
        return [version for version in found if version is not None] or [self.active]

    async def propose(self, document: str, author: str, command: str = "") -> Version:
        """Try a settings document to its end; the version that is active then.

        AnbanError: BAD_CONFIG or TOO_BIG as `parse_settings` says, BUSY during a call or another trial, a
        storage reason where it cannot be kept: nothing has changed then.
        """
        version = self._proposed(document, author, command)
        if version.hash == self.active.hash:
            await self._put(self._seen())
            self._end("done", version, "is-active")
            return self.active
        self.trial = version
        try:
            await self._put({TRIAL: msgspec.json.encode(version)}, strict=True)
            await self._apply(version.settings)
            reason = await self._try()
            if not reason:
                reason = await self._keep(version)
            if reason:
                await self._apply(self.active.settings)
                await self._put({TRIAL: None})
        finally:
            self.trial = None
        self._end("reverted" if reason else "done", version, reason)
        return self.active

    def before(self) -> Version:
        """What was active before. AnbanError(NOT_FOUND) if nothing was."""
        older = [version for version in self.versions() if version.number < self.active.number]
        if not older:
            raise AnbanError(Reason.NOT_FOUND, "there is no version before this one", "Propose a document.")
        return older[-1]

    # --- at the hub's own door ---

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        """Name -> operation, for `edge.api.Api`. A trial outlasts an answer: `config` says how it goes."""
        return {"config": self._show, "config.propose": self._begin_trial, "config.back": self._begin_back}

    async def _show(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        last = self.last
        return {
            "active": msgspec.to_builtins(self.active),
            "trial": msgspec.to_builtins(self.trial),
            "last": last and {"outcome": last[0], "number": last[1].number, "reason": last[2]},
            "versions": msgspec.to_builtins(self.versions()),
            "offset_minutes": self.active.settings.home.utc_offset_minutes,
        }

    async def _begin_trial(self, args: Mapping[str, Any]) -> dict[str, Any]:
        document, author = args.get("document"), args.get("author", "")
        if not isinstance(document, str) or not isinstance(author, str) or len(author) > MAX_AUTHOR:
            raise AnbanError(Reason.BAD_REQUEST, "a proposal has a document and an author, both text")
        version = self._proposed(document, author, "")
        self._start(self.propose(document, author))
        return {"number": version.number}

    async def _begin_back(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return await self._begin_trial({"author": args.get("author", ""), "document": self.before().document})

    def _start(self, trial: Coroutine[Any, Any, Version]) -> None:
        task = asyncio.ensure_future(trial)
        self._trials.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Version]) -> None:
        self._trials.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), AnbanError):
            log.warning("a proposal was refused: %s", error)
            self.last = ("refused", self.active, str(error.reason))

    def _proposed(self, document: str, author: str, command: str) -> Version:
        settings = parse_settings(document)
        if self.trial is not None:
            raise AnbanError(Reason.BUSY, "another proposal is being tried", "Wait for its end, then again.")
        if self._in_call():
            raise AnbanError(Reason.BUSY, "a call is open", "Propose it again when the call has ended.")
        highest = max(version.number for version in [self.active, *self.versions()])
        return self._version(highest + 1, render(settings), author, command)

    async def _try(self) -> str:
        """Empty when the platform has answered; else why the trial is over."""
        end_ms = self._clock.monotonic_ms() + round(TRIAL_S * 1000)
        asking = asyncio.ensure_future(self._ask())
        try:
            while True:
                await asyncio.wait({asking}, timeout=LOOK_S)
                if asking.done() and asking.result():
                    return ""
                if self._in_call():
                    return "a-call-began"
                if self._clock.monotonic_ms() >= end_ms:
                    return "platform-not-reached"
                if asking.done():
                    asking = asyncio.ensure_future(self._again())
        finally:
            asking.cancel()

    async def _again(self) -> bool:
        await asyncio.sleep(AGAIN_S)
        return await self._ask()

    async def _keep(self, version: Version) -> str:
        """Make it the active one; a reason if the disk does not take it."""
        numbers = [v.number for v in self.versions() if v.number != self.active.number]
        old = {f"{number:08d}": None for number in sorted(numbers)[: -(KEPT - 2)]}
        try:
            await self._put({**old, **_rows(version), **self._seen(), TRIAL: None}, strict=True)
        except AnbanError as error:
            return str(error.reason)
        self.active = version
        return ""

    def _end(self, outcome: str, version: Version, reason: str) -> None:
        log.info("settings %s by %s: %s %s", version.hash[:16], version.author, outcome, reason)
        self.last = (outcome, version, reason)
        self._told(outcome, version, reason)

    def _version(self, number: int, document: str, author: str, command: str = "") -> Version:
        return Version(
            number=number,
            schema=SCHEMA,
            author=author,
            hash=hashlib.sha256(document.encode()).hexdigest(),
            document=document,
            wall_ms=self._clock.wall_ms(),
            command=command,
        )

    def _get(self, name: str) -> bytes | None:
        return self._state.get(SPACE, name)

    def _read(self, name: str) -> Version | None:
        """A stored version that this release can use, else None."""
        raw = self._get(name)
        if raw is None:
            return None
        try:
            version = msgspec.json.decode(raw, type=Version)
            _ = version.settings
        except (AnbanError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("settings %s are not for this release: %s", name, error)
            return None
        return version

    async def _put(self, values: dict[str, bytes | None], *, strict: bool = False) -> None:
        """Write; where it fails, raise AnbanError if `strict`, else go on with what memory has."""
        try:
            rows = {(SPACE, name): value for name, value in values.items()}
            await in_thread("configuration", self._state.put_all, rows)
        except AnbanError as error:
            log.warning("settings are not kept: %s", error)
            if strict:
                raise


def _rows(version: Version) -> dict[str, bytes | None]:
    body = msgspec.json.encode(version)
    return {ACTIVE: body, f"{version.number:08d}": body}
