"""What the platform may ask of the home beside its settings and its speech: to try the ways, to phone back.

Each gives how it ended: an outcome and a reason, both of the words in `protocols/sms_payload.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from edge.commands import DONE, REFUSED
from edge.proofs import GOOD, UNTESTED
from edge.proving import Proving
from protocols.errors import AnbanError

if TYPE_CHECKING:  # of the modem's side nothing is loaded where there is none
    from edge.incoming import Incoming

FAILED: Final = "failed"
SHARE: Final = 0.9  # of the day's phone calls: some stay for the list of an SOS

Run = Callable[[], Awaitable[tuple[str, str]]]


def runs(proving: Proving, incoming: Incoming | None, seat: Callable[[str], str] | None) -> Mapping[str, Run]:
    """Kind of command -> what is done: its outcome and reason, at its end. `seat(way)`: whom a telephone
    rings when the platform asks to talk."""

    async def test_paths() -> tuple[str, str]:
        try:
            await proving.test({})
        except AnbanError:
            return REFUSED, "call-open"
        await proving.ended()
        rows = (await proving.table({}))["paths"]
        if not all(row["fresh"] for row in rows):
            return FAILED, "call-open"  # one that began ended the test
        works = all(row["outcome"] in (GOOD, UNTESTED) for row in rows)
        return (DONE, "") if works else (FAILED, "ways-failed")

    async def call_back() -> tuple[str, str]:
        if incoming is None or seat is None:
            return REFUSED, "no-phone"
        reason = await incoming.ring_back(seat, SHARE)
        return (DONE, "") if not reason else (FAILED, reason)

    return {"paths.test": test_paths, "call.back": call_back}
