"""What is known of a modem, and what is known of its SIM's PIN."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a modem. `trouble` is "" while it can send; else "lost", "silent", "card", "pin",
    "puk", "denied" or "no-service"."""

    trouble: str = "lost"
    family: str = ""
    signal_dbm: int | None = None
    registration: int | None = None
    stored: int = 0
    room: int = 0

    @property
    def good(self) -> bool:
        """Whether it can send as far as is known."""
        return not self.trouble


class PinKeeper(msgspec.Struct):
    """A SIM's PIN. One that was refused is never tried again, nor one whose end nobody knows.

    `may_try()` asks; `tried()` keeps durably that it is about to be entered; `worked()` that it was right, so
    that it may be entered again when the SIM next asks. All are called in a thread.
    """

    pin: str = ""
    may_try: Callable[[], bool] = lambda: False
    tried: Callable[[], None] = lambda: None
    worked: Callable[[], None] = lambda: None
