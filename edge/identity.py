"""What makes this hub itself across restarts: its life, its reserved event numbers, its security counters."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Sequence
from pathlib import Path

from edge.credentials import OscoreKeys
from edge.mint import BLOCK, Numbers
from edge.stores.errors import CountersLost, StoreError
from edge.stores.files import write_durably
from edge.stores.state import State

log = logging.getLogger(__name__)

LIFE = ("identity", "life")


def begin_life(state: State) -> tuple[int, int, int] | None:
    """Reserve the first block of event numbers: (life, first, count) for `Numbers.begin`; of a new life where
    the old one's counter is not known. Call it off the loop.

    Never raises: with a disk that cannot be written there is none, and the life in memory goes on.
    """
    try:
        raw = state.get(*LIFE)
        life = int.from_bytes(raw, "big") if raw is not None else None
        if life is None or _events(life) not in state.counters():
            life = secrets.randbits(32)
            state.create_counter(_events(life))
            state.put(*LIFE, life.to_bytes(4, "big"))
        return life, state.reserve(_events(life), BLOCK).start, BLOCK
    except (StoreError, CountersLost) as error:
        log.warning("event numbers in memory only: %s", error)
        return None


def extend_life(state: State, numbers: Numbers) -> None:
    """Reserve a further block when the present one is half used. Call it off the loop."""
    raw = state.get(*LIFE)
    if raw is None or numbers.left > BLOCK // 2:
        return
    life = int.from_bytes(raw, "big")
    try:
        numbers.extend(life, state.reserve(_events(life), BLOCK).start, BLOCK)
    except (StoreError, CountersLost) as error:
        log.warning("no further event numbers: %s", error)


def adopt_contexts(state: State, keys: Sequence[OscoreKeys], used_file: Path) -> None:
    """Make the counters of OSCORE contexts that were never used before, and of no others.

    Which contexts this hub has begun to use stands in `used_file`, beside the credentials and away from the
    state: where the state is lost with its second copy, a used context stays without a counter, is dead, and
    a spare or a fresh one takes over. Never raises: without a counter a context is not used.
    """
    try:
        used = set(json.loads(used_file.read_text())) if used_file.exists() else set()
        fresh = {_fingerprint(key): key for key in keys if _fingerprint(key) not in used}
        if not fresh:
            return
        write_durably(used_file, json.dumps(sorted(used | fresh.keys())).encode())
        for key in fresh.values():
            if context_counter(key) not in state.counters():
                state.create_counter(context_counter(key))
    except (OSError, ValueError, TypeError, StoreError) as error:
        log.warning("security contexts are not adopted: %s", error)


def context_counter(key: OscoreKeys) -> str:
    """The name of a context's sequence numbers in `state.db`."""
    return f"oscore-{key.name}"  # as edge/paths/oscore.py asks for it


def _events(life: int) -> str:
    return f"events:{life:08x}"


def _fingerprint(key: OscoreKeys) -> str:
    whole = "|".join((key.name, key.sender_id, key.master_secret, key.master_salt, key.id_context or ""))
    return hashlib.sha256(whole.encode()).hexdigest()[:32]
