"""Talks to one baresip through its module ctrl_tcp: JSON in netstrings, one command in flight.

An answer bears the token of its command; what bears another is late, and dropped. Whatever else comes is an
event. What is no netstring or no JSON ends the connection: who speaks so is not what was started.
Format: baresip 1.0.0, modules/ctrl_tcp.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Any, Final

import msgspec

from protocols import netstring
from protocols.errors import AnbanError, Reason

ANSWER_S: Final = 5.0  # it answers in milliseconds; a sound card that hangs takes seconds
CONNECT_S: Final = 5.0
READ: Final = 4096


class Said(msgspec.Struct, frozen=True):
    """What baresip says: an answer (`response`) or an event; keys that are not here are left out."""

    response: bool = False
    ok: bool = False
    data: str = ""
    token: str = ""
    event: bool = False
    type: str = ""
    direction: str = ""
    peeruri: str = ""
    id: str = ""
    param: str = ""


def said(raw: bytes) -> Said:
    """One message. AnbanError(BAD_VALUE)."""
    try:
        return msgspec.json.decode(raw, type=Said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise AnbanError(Reason.BAD_VALUE, "what baresip says is not what its control speaks") from None


class Control:
    """One connection. `on_event` is called on the loop; `lost` is set when it is over."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_event: Callable[[Said], None]
    ) -> None:
        self._reader, self._writer, self._on_event = reader, writer, on_event
        self.lost = asyncio.Event()
        self._tokens = itertools.count(1)
        self._one = asyncio.Lock()
        self._waiting: tuple[str, asyncio.Future[Said]] | None = None
        self._task = asyncio.create_task(self._read(), name="sip control")

    @classmethod
    async def connect(cls, port: int, on_event: Callable[[Said], None]) -> Control:
        """Connect to the port on this machine. AnbanError(NOT_READY) where nothing listens."""
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except (OSError, TimeoutError):
            raise AnbanError(Reason.NOT_READY, "baresip's control does not answer") from None
        return cls(reader, writer, on_event)

    async def ask(self, command: str, params: str = "") -> str:
        """Its answer's text. AnbanError: NOT_READY (connection lost), DEVICE_TIMEOUT, PATH_REFUSED."""
        async with self._one:
            if self.lost.is_set():
                raise _gone()
            token = str(next(self._tokens))
            body: dict[str, Any] = {"command": command, "params": params, "token": token}
            answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
            self._waiting = token, answer
            self._writer.write(netstring.encode(msgspec.json.encode(body)))
            try:
                async with asyncio.timeout(ANSWER_S):
                    found = await answer
            except TimeoutError:
                self._writer.close()  # who hangs is ended: nothing of it is waited for again
                self.lost.set()
                raise AnbanError(Reason.DEVICE_TIMEOUT, f"baresip does not answer {command!r}") from None
            finally:
                self._waiting = None
        if not found.ok:
            raise AnbanError(Reason.PATH_REFUSED, f"baresip refuses {command!r}")
        return found.data

    async def close(self) -> None:
        """End the connection; nothing is told after this."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        incoming = netstring.Reader()
        try:
            while data := await self._reader.read(READ):
                for raw in incoming.feed(data):
                    self._take(said(raw))
        except (AnbanError, OSError):  # nothing more is believed of it
            pass
        finally:
            self.lost.set()
            if self._waiting is not None and not self._waiting[1].done():
                self._waiting[1].set_exception(_gone())
            with contextlib.suppress(OSError, RuntimeError):
                self._writer.close()

    def _take(self, message: Said) -> None:
        if message.response:
            if self._waiting is not None and self._waiting[0] == message.token:
                answer = self._waiting[1]
                if not answer.done():
                    answer.set_result(message)
        elif message.event:
            self._on_event(message)


def _gone() -> AnbanError:
    return AnbanError(Reason.NOT_READY, "baresip's control is gone", "It is started again by itself.")
