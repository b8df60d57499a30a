"""One AT port as a conversation: one command in flight, its answer told from all that comes unasked.

A line belongs to the pending command only if it bears a prefix that this command expects; all else is an
unsolicited code, even in the middle of a command. After a timeout the channel is brought back into step
before the next command, and what comes late is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.modem.port import Opener, Port, lost
from drivers.waiting import came
from protocols.at import FINALS, PROMPT, TWO_LINES, Lines, error_number, is_final, masked
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0
PROMPT_S: Final = 10.0  # field: slow prompts take 3-5 s
RESULT_S: Final = 180.0  # of CMGS: the network's own limit is 120 s and more
QUIET_S: Final = 0.3  # without a byte: a late answer has come to its end
SYNC_TRIES: Final = 5
ESCAPE: Final = b"\x1b"
END: Final = b"\x1a"
_PDU = re.compile(r"\A[0-9A-Fa-f]{2,}\Z")


class AtError(AnbanError):
    """A command was refused: `family` is "CMS", "CME" or "", `number` the error's, or None."""

    def __init__(self, line: str) -> None:
        self.family, self.number = error_number(line)
        super().__init__(Reason.MODEM_REFUSED, f"the modem answered {line}", "Its number says why.")


class AtTimeout(AnbanError):
    """A command was not answered to its end in time: `lines` of its answer that came all the same."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self.lines = list(lines)
        super().__init__(
            Reason.DEVICE_TIMEOUT, "the modem did not answer", "It is brought into step, or reset."
        )


@dataclass
class _Pending:
    command: str
    prefixes: tuple[str, ...]
    dialling: bool = False
    lines: list[str] = field(default_factory=list)
    done: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    prompt: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    body_next: bool = False


class Channel:
    """Feed it what the port reads. `on_code(line, body)` gets each unsolicited code, in their order; body is
    the second line of one that has two, else empty. It is called by the loop and never by the reader, which
    no handler can hold up or bring down."""

    def __init__(
        self,
        port: Port,
        on_code: Callable[[str, str], None],
        *,
        quiet_s: float = QUIET_S,
        prompt_s: float = PROMPT_S,
    ) -> None:
        self._port, self._handler = port, on_code
        self._quiet_s, self._prompt_s = quiet_s, prompt_s
        self._lines = Lines()
        self._lock = asyncio.Lock()
        self._pending: _Pending | None = None
        self._first_line = ""  # of a code that has two
        self._heard = asyncio.Event()
        self._dropping = False
        self.in_step = False
        self.lost = False

    @classmethod
    async def opened(
        cls, open_port: Opener, on_code: Callable[[str, str], None], on_lost: Callable[[], None]
    ) -> Channel:
        """A channel on a port that is opened for it; `on_lost` is called when that is gone.
        AnbanError(MODEM_LOST)."""
        channel: Channel | None = None
        early: list[bytes] = []

        def gone() -> None:
            if channel is not None:
                channel.port_lost()
            on_lost()

        port: Port = await open_port(lambda data: channel.feed(data) if channel else early.append(data), gone)
        channel = cls(port, on_code)
        for data in early:
            channel.feed(data)
        return channel

    async def close(self) -> None:
        """Close the port."""
        await self._port.close()

    # --- in ---

    def feed(self, data: bytes) -> None:
        """Bytes of the port's one reader, on the loop."""
        self._heard.set()
        for line in self._lines.feed(data):
            log.debug("< %s", masked(line))
            self._line(line)

    def port_lost(self) -> None:
        """The port is gone: whoever waits is told."""
        self.lost = True
        pending = self._pending
        if pending is not None:
            for future in (pending.done, pending.prompt):
                if not future.done():
                    future.set_exception(lost())
                    future.exception()  # nobody need wait for both

    def _line(self, line: str) -> None:
        pending = self._pending
        if line == PROMPT:
            if pending is not None and not pending.prompt.done():
                pending.prompt.set_result(None)
        elif self._first_line:
            first, self._first_line = self._first_line, ""
            self._on_code(first, line)
        elif line.startswith(TWO_LINES):
            self._first_line = line
        elif pending is not None and self._answers(pending, line):
            return
        elif not (self._dropping and (is_final(line) or line.startswith("+CMGS:"))) and line not in FINALS:
            self._on_code(line, "")

    def _on_code(self, line: str, body: str) -> None:
        asyncio.get_running_loop().call_soon(self._handler, line, body)

    def _answers(self, pending: _Pending, line: str) -> bool:
        """Whether the line is of the pending command; if so it is taken."""
        if line == pending.command:  # echo
            return True
        if is_final(line, dialling=pending.dialling):
            if not pending.done.done():
                pending.done.set_result(line)
            return True
        if pending.body_next and _PDU.match(line):
            pending.lines.append(line)
            pending.body_next = False
            return True
        if any(line.startswith(prefix) if prefix else line[0] not in "+^*" for prefix in pending.prefixes):
            pending.lines.append(line)
            pending.body_next = line.startswith("+CMGL:")
            return True
        return False

    # --- out ---

    async def ask(self, command: str, *prefixes: str, timeout_s: float = ANSWER_S) -> list[str]:
        """The lines that answer a command and bear one of `prefixes` ("" takes lines without any).

        AtError, or AnbanError: DEVICE_TIMEOUT without an answer in time, MODEM_LOST.
        """
        async with self._lock:
            await self._into_step()
            pending = self._pending = _Pending(command, prefixes, dialling=command.startswith("ATD"))
            try:
                await self._write(command.encode() + b"\r")
                await self._finish(pending, timeout_s)
                return pending.lines
            finally:
                self._pending = None

    async def send_pdu(self, length: int, pdu: str, *, result_s: float = RESULT_S) -> int:
        """AT+CMGS: the message's reference. AtError; AnbanError(DEVICE_TIMEOUT) before the text was given: it
        has not gone; (OUTCOME_UNKNOWN) after it: it may have gone."""
        async with self._lock:
            await self._into_step()
            command = f"AT+CMGS={length}"
            pending = self._pending = _Pending(command, ("+CMGS:",))
            self._lines.wants_prompt = True
            try:
                await self._write(command.encode() + b"\r")
                await self._prompted(pending)
                await self._write(pdu.encode() + END)
                try:
                    await self._finish(pending, result_s)
                except AnbanError as error:
                    if error.reason in (Reason.DEVICE_TIMEOUT, Reason.MODEM_LOST):
                        raise AnbanError(
                            Reason.OUTCOME_UNKNOWN,
                            "the modem has the message and did not say what became of it",
                            "It is sent again; the receiver knows it by its id.",
                        ) from error
                    raise
            finally:
                self._pending = None
                self._lines.wants_prompt = False
            word = next((line.partition(":")[2].strip() for line in pending.lines), "")
            return int(word) if word.isascii() and word.isdigit() else -1

    async def _prompted(self, pending: _Pending) -> None:
        """Wait for the prompt, or for the error that comes in its place."""
        waiting: set[asyncio.Future[Any]] = {pending.prompt, pending.done}
        await asyncio.wait(waiting, timeout=self._prompt_s, return_when=asyncio.FIRST_COMPLETED)
        if pending.done.done() and not pending.prompt.done():
            raise AtError(pending.done.result())
        if not pending.prompt.done():
            self.in_step = False
            raise AnbanError(Reason.DEVICE_TIMEOUT, "the modem gave no prompt", "It is brought into step.")
        pending.prompt.result()

    async def _finish(self, pending: _Pending, timeout_s: float) -> None:
        await asyncio.wait({pending.done}, timeout=timeout_s)
        if not pending.done.done():
            self.in_step = False
            raise AtTimeout(pending.lines)
        final = pending.done.result()
        if final != "OK":
            raise AtError(final)

    async def _write(self, data: bytes) -> None:
        if self.lost:
            raise lost()
        log.debug("> %s", masked(data.decode("ascii", "replace").strip()))
        await self._port.write(data)

    async def _into_step(self) -> None:
        """After a timeout, or at first: leave any prompt, let what is late pass, then AT until OK."""
        if self.in_step:
            return
        self._dropping = True
        try:
            await self._write(ESCAPE + b"\r")
            for _ in range(SYNC_TRIES):
                await self._quiet()
                pending = self._pending = _Pending("AT", ())
                await self._write(b"AT\r")
                await asyncio.wait({pending.done}, timeout=2 * self._quiet_s)
                self._pending = None
                if pending.done.done() and pending.done.result() == "OK":
                    await self._quiet()
                    self.in_step = True
                    return
        finally:
            self._pending, self._dropping = None, False
        raise AnbanError(Reason.DEVICE_TIMEOUT, "the modem answers nothing", "It is reset.")

    async def _quiet(self) -> None:
        """Until nothing has come for `quiet_s`."""
        self._heard.clear()
        while await came(self._heard, self._quiet_s):
            self._heard.clear()
        self._lines.drop()
