"""The hub's OSCORE contexts: numbers reserved before use, and which context takes over when one is dead.

Rules (RFC 8613 7.2.1: a key never sees the same partial IV twice)
- A provisioned context sends only with sequence numbers that the reserve port has made durable beforehand.
  Blocks are reserved ahead and off the loop, so that no message ever waits for the disk.
- Counters lost (the port says COUNTERS_LOST) make a context dead for good; its spare takes over.
- When no provisioned context has a number (disk hanging at start, full, dead; spare dead too) a *fresh*
  context does: the same master secret under an ID context of 64 new random bits has other keys (RFC 8613
  3.2.1), so numbers may start at 0 and need no disk. The platform proves by Echo (appendix B.1.2) that it is
  no replay.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence

from aiocoap import oscore  # type: ignore[import-untyped]

from edge.credentials import OscoreKeys
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

Reserve = Callable[[str, int], int]
"""reserve(name, count) -> first: `count` numbers from `first` on are durably taken. Called in a thread.

AnbanError(COUNTERS_LOST) says that used numbers may have been forgotten; anything else that storage raises
(AnbanError, OSError, sqlite3.Error) says "not now".
"""

BLOCK = 512  # numbers a reservation: a check a minute and a call's retries for > 4 h between two commits
OPEN_WAIT_S = 1.0  # a start waits this long for the first block; then calls go out on a fresh context
FRESH_LIMIT = 1 << 16  # a fresh context is made anew after so many: its numbers live in memory only
ID_CONTEXT_BYTES = 8  # random: two starts share one with a chance of 1 in 2^64


class NoNumber(oscore.ContextUnavailable):  # type: ignore[misc]
    """This context may not send now: no reserved number is left."""


class Numbers:
    """Sequence numbers of one provisioned context: blocks reserved ahead, taken in order, each once."""

    def __init__(self, name: str, reserve: Reserve, block: int = BLOCK) -> None:
        self.name = name
        self.dead = False
        self._reserve = reserve
        self._block = block
        self._ranges: deque[range] = deque()
        self._reserving: asyncio.Task[None] | None = None

    @property
    def left(self) -> int:
        """How many numbers may be taken without a reservation."""
        return sum(map(len, self._ranges))

    def take(self) -> int:
        """The next number. NoNumber when there is none. Starts a reservation below half a block."""
        while self._ranges and not self._ranges[0]:
            self._ranges.popleft()
        if not self._ranges:
            self.reserve_soon()
            raise NoNumber(self.name)
        number = self._ranges[0][0]
        self._ranges[0] = self._ranges[0][1:]
        if self.left < self._block // 2:
            self.reserve_soon()
        return number

    def reserve_soon(self) -> asyncio.Task[None] | None:
        """Begin to reserve a block, unless one is being reserved or the context is dead."""
        if self._reserving is None and not self.dead:
            self._reserving = asyncio.create_task(self._reserve_block(), name=f"reserve {self.name}")
        return self._reserving

    async def _reserve_block(self) -> None:
        try:
            first = await in_thread(self.name, self._reserve, self.name, self._block)
            self._ranges.append(range(first, first + self._block))
        except AnbanError as error:
            self.dead = error.reason is Reason.COUNTERS_LOST
            log.warning("OSCORE context %s: %s", self.name, error.sentence)
        except (OSError, RuntimeError, sqlite3.Error) as error:
            log.warning("OSCORE context %s: no numbers reserved: %s", self.name, type(error).__name__)
        finally:
            self._reserving = None


class HubContext(
    oscore.CanProtect,  # type: ignore[misc]
    oscore.CanUnprotect,  # type: ignore[misc]
    oscore.SecurityContextUtils,  # type: ignore[misc]
):
    """One OSCORE context of the hub as aiocoap's transport uses it; it sends requests and opens answers."""

    alg_aead = oscore.algorithms[oscore.DEFAULT_ALGORITHM]
    hashfun = oscore.hashfunctions[oscore.DEFAULT_HASHFUNCTION]
    echo_recovery = None  # the hub serves no requests

    def __init__(self, keys: OscoreKeys, take: Callable[[], int], id_context: bytes | None = None) -> None:
        self.label = keys.name
        self.sender_id = bytes.fromhex(keys.sender_id)
        self.recipient_id = bytes.fromhex(keys.recipient_id)
        provisioned = bytes.fromhex(keys.id_context) if keys.id_context else None
        self.id_context = provisioned if id_context is None else id_context
        self.authenticated_claims = ["platform"]
        self.recipient_replay_window = oscore.ReplayWindow(32, lambda: None)
        self._take = take
        self.derive_keys(bytes.fromhex(keys.master_salt), bytes.fromhex(keys.master_secret))

    def new_sequence_number(self) -> int:
        """aiocoap's hook: a number that was never used with this key. NoNumber."""
        return self._take()

    def post_seqnoincrease(self) -> None:
        """aiocoap's hook: nothing to store, the number was durably taken beforehand."""


class Keyring:
    """The contexts for one purpose ("sos" or "main"), in the order in which they take over."""

    def __init__(
        self, purpose: str, keys: Sequence[OscoreKeys], reserve: Reserve, block: int = BLOCK
    ) -> None:
        names = (purpose, f"spare-{purpose}")
        chosen = [key for name in names for key in keys if key.name == name]
        if not chosen:
            raise AnbanError(
                Reason.BAD_CREDENTIALS, f"no OSCORE context named {purpose}", "Provision this hub again."
            )
        self.purpose = purpose
        self._fresh_keys = chosen[0]
        self._fresh: HubContext | None = None
        self._numbers = [Numbers(f"oscore-{key.name}", reserve, block) for key in chosen]
        self._contexts = [
            HubContext(key, numbers.take) for key, numbers in zip(chosen, self._numbers, strict=True)
        ]

    async def open(self, wait_s: float = OPEN_WAIT_S) -> None:
        """Reserve the first block of the first living context; after `wait_s` go on without."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        for numbers in self._numbers:
            task = numbers.reserve_soon()
            if task is not None:
                await asyncio.wait({task}, timeout=max(0.0, end - loop.time()))
            if not numbers.dead:
                return

    def context(self) -> HubContext:
        """The context to send with now. Never waits, never fails: at the chain's end stands a fresh one."""
        for numbers, context in zip(self._numbers, self._contexts, strict=True):
            if numbers.dead:
                continue
            if numbers.left:
                return context
            numbers.reserve_soon()
            break  # alive but without numbers just now: its spare is kept for its death
        return self.fresh()

    def fresh(self) -> HubContext:
        """The context under this start's own random ID context."""
        if self._fresh is None:
            self._fresh = self._make_fresh()
        return self._fresh

    def _make_fresh(self) -> HubContext:
        numbers = iter(range(FRESH_LIMIT))

        def take() -> int:
            number = next(numbers, None)
            if number is None:
                self._fresh = None
                raise NoNumber(self.purpose)
            return number

        context = HubContext(self._fresh_keys, take, secrets.token_bytes(ID_CONTEXT_BYTES))
        context.label = f"fresh-{self.purpose}"
        return context

    def in_use(self) -> str:
        """The name of the context that would be used now: "sos", "spare-sos" or "fresh-sos"."""
        return self.context().label
