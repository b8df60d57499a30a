"""The platform's side of OSCORE: contexts in a dictionary by key id, no replay taken, no nonce used twice.

- Nothing of a replay window is stored. A context begins each start uninitialised: its first request is
  answered by an Echo (RFC 8613 B.1.2) and counts only when it comes again with that Echo, so a recording
  proves nothing.
- A known key id under an ID context that was never seen is a hub that lost its counters and chose new keys.
  The keys are derived on the spot; only an answered Echo makes the context one that is kept.
- The platform's own sequence numbers (for its Echo answers) are epoch * 2^20 + count, where the epoch grows
  durably by one each start and the count is kept for a key id through all its ID contexts. One write a start.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiocoap import oscore

from sim.platform.registry import ContextRow, Register

COUNT_BITS = 20  # of the 40 bits of a partial IV: a million Echo answers a start and hub, a million starts
WINDOW = 64  # a hub has at most 8 + 2 + 1 + 2 requests on their way at once
KEPT = 4  # ID contexts kept for a key id: a hub has a new one each start that finds no counters
MAX_ID_CONTEXT = 16


def next_epoch(db: sqlite3.Connection) -> int:
    """The epoch of this start, durably taken."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE meta SET value = value + 1 WHERE key = 'oscore_epoch'")
    epoch = db.execute("SELECT value FROM meta WHERE key = 'oscore_epoch'").fetchone()[0]
    db.execute("COMMIT")
    return int(epoch)


class _Window(oscore.ReplayWindow):
    """A replay window that says when an Echo has proven its first number."""

    def __init__(self, proven: Any) -> None:
        super().__init__(WINDOW, lambda: None)
        self._proven = proven

    def initialize_from_freshlyseen(self, seen: int) -> None:
        super().initialize_from_freshlyseen(seen)
        self._proven()


class PlatformContext(oscore.CanProtect, oscore.CanUnprotect, oscore.SecurityContextUtils):
    """One OSCORE context of one hub; its claims name the hub."""

    alg_aead = oscore.algorithms[oscore.DEFAULT_ALGORITHM]
    hashfun = oscore.hashfunctions[oscore.DEFAULT_HASHFUNCTION]

    def __init__(
        self, row: ContextRow, id_context: bytes | None, numbers: Iterator[int], echo: bytes
    ) -> None:
        self.row = row
        self.sender_id = row.server_id
        self.recipient_id = row.kid
        self.id_context = id_context
        self.authenticated_claims = [f"hub:{row.hub}"]
        self.echo_recovery = echo
        self._numbers = numbers
        self.recipient_replay_window = _Window(lambda: None)
        self.derive_keys(row.master_salt, row.master_secret)

    def when_proven(self, call: Any) -> None:
        """Have `call(self)` called once an Echo has proven that the hub is there now."""
        self.recipient_replay_window = _Window(lambda: call(self))

    def new_sequence_number(self) -> int:
        """aiocoap's hook."""
        return next(self._numbers)

    def post_seqnoincrease(self) -> None:
        """aiocoap's hook: the epoch was made durable at the start, nothing to store."""


class _Known:
    """What is known of one key id."""

    def __init__(self, row: ContextRow, epoch: int) -> None:
        self.row = row
        self.numbers = iter(range(epoch << COUNT_BITS, (epoch + 1) << COUNT_BITS))
        self.contexts: OrderedDict[bytes | None, PlatformContext] = OrderedDict()
        self.generation = 0  # grows when a proven context is forgotten: Echo values of before are void


class Contexts:
    """aiocoap's `server_credentials`: finds the context of a request, and nothing else."""

    def __init__(self, register: Register, epoch: int) -> None:
        self._register = register
        self._epoch = epoch
        self._secret = secrets.token_bytes(32)
        self._known: dict[bytes, _Known] = {}
        self._counter = itertools.count()

    def find_oscore(self, unprotected: dict[int, Any]) -> PlatformContext:
        """The context for a request's unprotected header. KeyError if there is none."""
        kid, id_context = unprotected.get(oscore.COSE_KID), unprotected.get(oscore.COSE_KID_CONTEXT)
        if not isinstance(kid, bytes) or (id_context is not None and len(id_context) > MAX_ID_CONTEXT):
            raise KeyError(kid)
        row = self._register.context_of(kid)
        if row is None:
            raise KeyError(kid)
        known = self._known.get(kid)
        if known is None or known.row != row:
            known = self._known[kid] = _Known(row, self._epoch)
        found = known.contexts.get(id_context)
        if found is not None:
            return found
        made = PlatformContext(row, id_context, known.numbers, self._echo(known, id_context))
        made.when_proven(lambda context: self._keep(known, context))
        return made

    def _echo(self, known: _Known, id_context: bytes | None) -> bytes:
        words = known.row.kid + b"|%d|" % known.generation + (id_context or b"")
        return hmac.new(self._secret, words, hashlib.sha256).digest()[:8]

    def _keep(self, known: _Known, context: PlatformContext) -> None:
        known.contexts[context.id_context] = context
        while len(known.contexts) > KEPT:
            # Requests of the forgotten context bear a good Echo: a new generation voids it.
            known.contexts.popitem(last=False)
            known.generation += 1

    def get(self, _key: Any, default: Any = None) -> Any:
        """No other credentials than these are known (aiocoap asks for EDHOC identities here)."""
        return default
