"""A person's mobile phone in the cell network: shows texts, texts back, rings, is answered and hung up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from protocols.errors import AnbanError
from protocols.sms_pdu import Deliver, decode, submits
from sim.modem.exchange import PhoneCall
from sim.modem.network import CellNetwork


@dataclass(frozen=True)
class Shown:
    """A text as the phone shows it."""

    number: str
    text: str
    at_ms: int


class Phone:
    """A phone that is on and has service. `on_change()`: something came."""

    def __init__(self, number: str, network: CellNetwork) -> None:
        self.number, self._network = number, network
        self.texts: list[Shown] = []
        self.heard_keys = ""  # tones of the other side
        self.rang: list[int] = []  # when
        self.on_change: Callable[[], None] = lambda: None
        network.join(number, self._came)
        network.exchange.join(number, self)

    # --- texts ---

    def _came(self, tpdu: bytes) -> None:
        with contextlib.suppress(AnbanError):
            message = decode("00" + tpdu.hex())
            if isinstance(message, Deliver):
                self.texts.append(Shown(message.number, message.text, round(time.time() * 1000)))
                self.on_change()

    def write(self, number: str, text: str) -> None:
        """Text somebody."""
        for pdu in submits(number, text):
            self._network.submit(self.number, bytes.fromhex(pdu.hex)[1:])

    def has(self, words: str, since_ms: int = 0) -> bool:
        """Whether a text with these words has come since then."""
        return any(words in shown.text and shown.at_ms >= since_ms for shown in self.texts)

    # --- calls ---

    @property
    def call(self) -> PhoneCall | None:
        """The call that it is in, or that rings."""
        return self._network.exchange.call_of(self.number)

    @property
    def state(self) -> str:
        """ "idle", "ringing", "answered", or "dialling"."""
        call = self.call
        if call is None or (call.callee == self.number and call.state == "dialling"):
            return "idle"
        return call.state

    def changed(self, call: PhoneCall) -> None:
        """See exchange.Terminal."""
        if call.state == "ringing" and call.callee == self.number:
            self.rang.append(call.at_ms["ringing"])
        self.on_change()

    def heard(self, call: PhoneCall, key: str) -> None:
        """See exchange.Terminal."""
        self.heard_keys += key

    def answer(self) -> None:
        """Take the call that rings."""
        if self.call is not None:
            self._network.exchange.answer(self.call)

    def press(self, key: str) -> None:
        """A key in a call."""
        if self.call is not None:
            self._network.exchange.press(self.call, self.number, key)

    def hang_up(self) -> None:
        """End the call, or refuse it."""
        if self.call is not None:
            self._network.exchange.hang_up(self.call)

    def dial(self, number: str) -> None:
        """Ring somebody."""
        self._network.exchange.dial(self.number, number)
