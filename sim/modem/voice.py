"""A modem's second AT port, for phone calls: ATD, +CLCC, codes of its family, keys both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from sim.modem.exchange import Exchange, PhoneCall
from sim.modem.sound import SimSound
from sim.modem.wire import AnyWire, Wire

STATS = {"dialling": 2, "ringing": 3, "answered": 0}
DSCI = {"dialling": 2, "ringing": 7, "answered": 3, "ended": 6}
RING_S = 3.0
SIMCOM = ("simcom7600", "a7670")
QUECTEL = ("ec25", "ec200", "eg91")


class SimVoice:
    """What the port of `number`'s modem says. `tells` False: a modem that must be asked for everything."""

    def __init__(
        self,
        number: str,
        path: Path,
        exchange: Exchange,
        family: str,
        identity: str,
        wire: Callable[[Path, Callable[[bytes], None]], AnyWire] = Wire,
    ) -> None:
        self.number, self.path, self.exchange = number, path, exchange
        self.family, self.identity = family, identity
        self.written: list[str] = []
        self.tells = family != "generic"
        self.lists = True  # it knows +CLCC
        self.refuses = ""  # the final line to every ATD
        self.served: Callable[[], bool] = lambda: True  # whether there is a network
        self.knows_chup = True
        self.ring_s = RING_S
        self.sound: SimSound | None = None  # where it brings a call's sound on a port (SIM7600)
        self._wire = wire(path, self._read)
        self._held, self._echo = b"", True
        self._codes = self._tones = False
        self._ringing: asyncio.TimerHandle | None = None

    @property
    def talking(self) -> bool:
        """Whether it is in a call that was answered."""
        call = self.exchange.call_of(self.number)
        return call is not None and call.state == "answered"

    def plug(self) -> None:
        """With its modem."""
        self._held, self._echo, self._codes, self._tones = b"", True, False, False
        self._wire.plug()
        self.exchange.join(self.number, self)

    def unplug(self) -> None:
        """A brown-out: a call on it ends."""
        self.exchange.leave(self.number)
        self._wire.unplug()
        self.close()

    def close(self) -> None:
        if self._ringing is not None:
            self._ringing.cancel()

    # --- the network ---

    def changed(self, call: PhoneCall) -> None:
        """See exchange.Terminal."""
        incoming = call.callee == self.number
        if incoming and call.state == "ringing":
            self._ring(call)
        if self._codes and self.tells and self.family in SIMCOM and call.state in STATS:
            self._line(self._listed(call))
        elif self._codes and self.tells and self.family in QUECTEL:
            self._line(f'^DSCI: 1,{int(incoming)},{DSCI[call.state]},0,"{call.other(self.number)}",145')
        if call.state == "ended" and (self.tells or not incoming):
            self._line(call.cause)

    def heard(self, call: PhoneCall, key: str) -> None:
        """See exchange.Terminal."""
        if self._tones:
            self._line(f"+QTONEDET: {ord(key)}" if self.family in QUECTEL else f"+RXDTMF: {key}")

    def _ring(self, call: PhoneCall) -> None:
        if call.state != "ringing":
            return
        self._line("RING", f'+CLIP: "{call.caller}",145,,,,0')
        self._ringing = asyncio.get_running_loop().call_later(self.ring_s, self._ring, call)

    # --- the wire ---

    def _line(self, *lines: str) -> None:
        for line in lines:
            self._wire.write(b"\r\n" + line.encode() + b"\r\n")

    def _read(self, data: bytes) -> None:
        self._held = (self._held + data).replace(b"\x1b", b"")
        while b"\r" in self._held:
            command, _, self._held = self._held.partition(b"\r")
            text = command.decode("ascii", "replace").strip()
            if self._echo:
                self._wire.write(text.encode() + b"\r")
            if text:
                self.written.append(text)
                self._line(*self._answer(text))

    def _answer(self, text: str) -> list[str]:
        call = self.exchange.call_of(self.number)
        if text in ("ATE0", "ATE1"):
            self._echo = text == "ATE1"
        elif text == "ATI":
            return [*self.identity.split("\r\n"), "OK"]
        elif text in ("AT+CLCC=1", "AT^DSCI=1"):
            if (text == "AT+CLCC=1") is not (self.family in SIMCOM):
                return ["ERROR"]
            self._codes = True
        elif text in ("AT+DDET=1", "AT+QTONEDET=1"):
            self._tones = True
        elif text in ("AT+CPCMREG=1", "AT+QPCMV=1,2"):
            if (text == "AT+CPCMREG=1") is not (self.family == "simcom7600"):
                return ["ERROR"]
            if self.sound is not None:
                self.sound.registered = True
        elif text == "AT+CLCC":
            if not self.lists:
                return ["ERROR"]
            return [*([self._listed(call)] if call is not None else []), "OK"]
        elif text.startswith("ATD"):
            return self._dial(text[3:].rstrip(";"), call)
        elif text == "ATA":
            if call is None or call.callee != self.number:
                return ["NO CARRIER"]
            self.exchange.answer(call)
        elif text in ("AT+CHUP", "ATH"):
            if text == "AT+CHUP" and not self.knows_chup:
                return ["ERROR"]
            if call is not None:
                self.exchange.hang_up(call)
        elif text.startswith("AT+VTS=") and call is not None:
            self.exchange.press(call, self.number, text[7:].strip('"'))
        return ["OK"]

    def _dial(self, number: str, call: PhoneCall | None) -> list[str]:
        if not self.served():
            return ["NO CARRIER"]
        if self.refuses or call is not None:
            return [self.refuses or "+CME ERROR: 3"]
        self.exchange.dial(self.number, number)
        return ["OK"]

    def _listed(self, call: PhoneCall) -> str:
        incoming = call.callee == self.number
        stat = 4 if incoming and call.state == "ringing" else STATS[call.state]
        return f'+CLCC: 1,{int(incoming)},{stat},0,0,"{call.other(self.number)}",145'
