"""Messages in: the modem's memory is read, what is whole is handed over, and what is kept is deleted.

A message is deleted from the modem's memory only when whoever took it says that it is kept; what can never be
read is deleted too, or the memory would fill with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from drivers.modem.channel import Channel
from protocols import sms_pdu
from protocols.at import fields, number_at
from protocols.errors import AnbanError

log = logging.getLogger(__name__)

LIST_S: Final = 30.0  # a memory that is full, read out line by line

OnMessage = Callable[[sms_pdu.Deliver], Awaitable[bool]]
"""A message came: whether it is kept, so that the modem may forget it. Never raises."""

OnReport = Callable[[sms_pdu.Report], None]
"""A message that was sent has come, or never will."""


class Inbox:
    """`now_ms` is monotonic: parts of a long message wait for each other by it, over openings of the port."""

    def __init__(self, on_message: OnMessage, on_report: OnReport, now_ms: Callable[[], int]) -> None:
        self._on_message, self._on_report, self._now_ms = on_message, on_report, now_ms
        self._known: dict[tuple[int, str], int] = {}  # place and PDU of a message in memory -> since
        self._direct_tasks: set[asyncio.Future[bool]] = set()

    def code(self, line: str, body: str) -> bool:
        """An unsolicited code: whether it says that the memory is to be looked through. Returns at once."""
        if line.startswith("+CDS:"):
            self._reported(body)
        elif line.startswith("+CMT:"):
            self._direct(body)
        return line.startswith(("+CMTI:", "+CDSI:", "+CMT:"))

    def _reported(self, body: str) -> None:
        with contextlib.suppress(AnbanError):
            report = sms_pdu.decode(body)
            if isinstance(report, sms_pdu.Report):
                self._on_report(report)

    def _direct(self, body: str) -> None:
        """A message that the modem did not store: handed over at once; if it is not kept, it is lost."""
        with contextlib.suppress(AnbanError):
            message = sms_pdu.decode(body)
            if isinstance(message, sms_pdu.Deliver):
                self._direct_tasks.add(task := asyncio.ensure_future(self._on_message(message)))
                task.add_done_callback(self._direct_tasks.discard)

    async def drain(self, channel: Channel, bear: Callable[[str], Awaitable[object]]) -> None:
        """Read the memory, hand over what is whole, and delete what is kept; `bear` asks what may be refused.
        AnbanError as `Channel.ask`."""
        lines = await channel.ask("AT+CMGL=4", "+CMGL:", timeout_s=LIST_S)
        held, done, now_ms = [], [], self._now_ms()
        known, self._known = self._known, {}
        for index, pdu in _listed(lines):
            since_ms = self._known[index, pdu] = known.get((index, pdu), now_ms)
            try:
                message = sms_pdu.decode(pdu)
            except AnbanError as error:
                log.warning("modem: a message that cannot be read is deleted: %s", error.sentence)
                done.append(index)
                continue
            if isinstance(message, sms_pdu.Report):
                self._on_report(message)
                done.append(index)
            else:
                held.append(sms_pdu.Held(index, since_ms, message))
        for message, places in sms_pdu.assemble(held, now_ms):
            if await self._on_message(message):
                done += places
        for index in done:
            await bear(f"AT+CMGD={index}")


def _listed(lines: list[str]) -> list[tuple[int, str]]:
    """(place, PDU) of an answer to AT+CMGL, read leniently: what does not fit is passed over."""
    found, index = [], None
    for line in lines:
        if line.startswith("+CMGL:"):
            index = number_at(line, 0) if fields(line) else None
        elif index is not None:
            found.append((index, line))
            index = None
    return found
