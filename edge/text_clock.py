"""Whether the time that a receipt by text bears may set the hub's clock: pure.

A text may come hours after it was written. But a receipt cannot be older than the text that it answers: its
writer's time, plus at most what has passed since that text was handed over, is the time now. So only a
receipt of something that this run has sent, not long ago, says what time it is, and half of that span is the
best guess. A clock that IP has confirmed is not touched.
"""

from __future__ import annotations

import datetime
from typing import Final

ANSWER_MS: Final = 600_000  # an error of 5 minutes at most; ETSI: 6 to 8 s are typical each way
EARLIEST_MS: Final = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp() * 1000)
LATEST_MS: Final = int(datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC).timestamp() * 1000)
ASK_AFTER_MS: Final = 180_000  # without IP and without the time for so long: it is asked for by text
ASK_AGAIN_MS: Final = 6 * 3_600_000


def time_of(written_ms: int, asked_ms: int | None, now_ms: int, known_ms: int) -> int | None:
    """The time now in Unix ms, or None where the receipt proves none.

    `written_ms` is the platform's time in the receipt; `asked_ms` when this run first handed over what it
    answers, and `now_ms`, are monotonic; `known_ms` is the newest wall time that was ever confirmed, or 0.
    """
    if asked_ms is None or not 0 <= now_ms - asked_ms <= ANSWER_MS:
        return None
    if not max(EARLIEST_MS, known_ms - ANSWER_MS) <= written_ms <= LATEST_MS:
        return None
    return written_ms + (now_ms - asked_ms) // 2


def is_to_ask(up_ms: int, asked_ago_ms: int | None, *, trusted: bool, by_ip: bool) -> bool:
    """Whether a text that asks for nothing but a receipt is worth what it costs: this run is `up_ms` old."""
    if trusted or by_ip or up_ms < ASK_AFTER_MS:
        return False
    return asked_ago_ms is None or asked_ago_ms >= ASK_AGAIN_MS
