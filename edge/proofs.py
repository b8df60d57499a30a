"""Which way was proved when, and when the next proof is due: pure, with the time as an argument.

A fallback that nobody tries fails on the day it is needed. Once a week, by day, at an hour that the hub's own
id spreads over a town, each way is tried; one that failed is tried again daily.

Public: `Proof`, `due`, `slot_ms`, `good`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from edge.entries import Stamp

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS  # 1970-01-05: the first Monday of Unix time
BY_DAY_MS: Final = (10 * HOUR_MS, 16 * HOUR_MS)  # a phone that rings for a test wakes nobody
GOOD, FAILED, UNTESTED = "good", "failed", "untested"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The last try of a way: outcome, why, how long it took, when; `worked` is when it last was good."""

    path: str
    outcome: str
    cause: str = ""
    took_ms: int = 0
    at: Stamp
    worked: Stamp | None = None


def slot_ms(hub: str, local_ms: int) -> int:
    """The last weekly hour of this hub that is not after this local time, in the same milliseconds."""
    digest = hashlib.sha256(f"proof {hub}".encode()).digest()
    day = digest[0] % 7
    of_day = BY_DAY_MS[0] + int.from_bytes(digest[1:5], "big") % (BY_DAY_MS[1] - BY_DAY_MS[0])
    offset = MONDAY_MS + day * DAY_MS + of_day
    return (local_ms - offset) // WEEK_MS * WEEK_MS + offset


def due(
    proofs: Mapping[str, Proof], paths: Collection[str], now: Stamp, utc_offset_minutes: int, hub: str
) -> bool:
    """Whether the ways are to be tried now: the weekly hour has come since the last try, or a day after one
    that failed. Only by day, and only by a clock that is trusted: else it would ring at night."""
    local_ms = now.wall_ms + utc_offset_minutes * 60_000
    if not now.trusted or not BY_DAY_MS[0] <= local_ms % DAY_MS < BY_DAY_MS[1] + HOUR_MS:
        return False
    known = [proofs[path] for path in paths if path in proofs]
    last = [proof.at for proof in known if proof.at.trusted]
    if len(last) < len(paths):
        return True
    slot = slot_ms(hub, local_ms) - utc_offset_minutes * 60_000
    oldest = min(at.wall_ms for at in last)
    failed = any(proof.outcome == FAILED for proof in known)
    return oldest < slot or (failed and now.wall_ms - oldest >= DAY_MS - HOUR_MS)


def good(proofs: Iterable[Proof]) -> bool:
    """Whether no way has failed."""
    return all(proof.outcome != FAILED for proof in proofs)
