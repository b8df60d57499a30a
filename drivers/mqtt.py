"""Listens to topics of one MQTT broker: connects, subscribes, hands on each message, pings, until it is lost.

One connection's life is one call of `listen`; whoever calls it begins anew (with back-off: it is theirs).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from protocols import mqtt
from protocols.errors import AnbanError, Reason

KEEPALIVE_S: Final = 30  # the broker drops us after one and a half of it; we ping after half
WITHIN_S: Final = 10.0  # a broker in the home answers in milliseconds
READ_BYTES: Final = 16_384


async def listen(
    host: str,
    port: int,
    client: str,
    topics: tuple[str, ...],
    on_message: Callable[[mqtt.Publish], None],
    on_ready: Callable[[], None],
    *,
    user: str | None = None,
    password: str | None = None,
) -> None:
    """Until the connection is lost: AnbanError(PATH_DOWN), or (NOT_AUTHENTIC) where the broker says no."""
    try:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise _lost(f"no broker answers at {host}:{port}") from error
    link = _Link(reader, writer)
    try:
        await link.send(mqtt.connect(client, KEEPALIVE_S, user, password))
        answer = await link.next(WITHIN_S)
        if not isinstance(answer, mqtt.ConnAck) or answer.code:
            raise _refused(f"the broker at {host}:{port} refuses the connection")
        await link.send(mqtt.subscribe(1, topics))
        while True:
            packet = await link.next(KEEPALIVE_S / 2)
            if packet is None or link.is_quiet:
                await link.ping(silent=packet is None)
            if isinstance(packet, mqtt.Publish):
                on_message(packet)
                if packet.qos:
                    await link.send(mqtt.puback(packet.packet_id))
            elif isinstance(packet, mqtt.SubAck):
                if any(code == 0x80 for code in packet.codes):
                    raise _refused("the broker refuses a topic")
                on_ready()
    except (OSError, asyncio.IncompleteReadError) as error:
        raise _lost("the connection to the broker broke") from error
    finally:
        with contextlib.suppress(OSError):
            writer.write(mqtt.DISCONNECT)
        writer.close()


class _Link:
    """Packets in their order; None when nothing came in time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._parser, self._waiting = mqtt.Parser(), list[mqtt.Packet]()
        self._pinged, self._sent = False, 0.0

    @property
    def is_quiet(self) -> bool:
        """Whether we have sent nothing for so long that the broker may take us for dead."""
        return asyncio.get_running_loop().time() - self._sent >= KEEPALIVE_S / 2

    async def send(self, data: bytes) -> None:
        self._sent = asyncio.get_running_loop().time()
        self._writer.write(data)
        async with asyncio.timeout(WITHIN_S):
            await self._writer.drain()

    async def ping(self, *, silent: bool) -> None:
        """Ask for a sign of life; the second in a silence is the end."""
        if self._pinged and silent:
            raise _lost("the broker does not answer")
        self._pinged = True
        await self.send(mqtt.PINGREQ)

    async def next(self, within_s: float) -> mqtt.Packet | None:
        while not self._waiting:
            try:
                async with asyncio.timeout(within_s):
                    data = await self._reader.read(READ_BYTES)
            except TimeoutError:
                return None
            if not data:
                raise _lost("the broker closed the connection")
            self._pinged = False
            self._waiting += self._parser.feed(data)
        return self._waiting.pop(0)


def _lost(sentence: str) -> AnbanError:
    return AnbanError(
        Reason.PATH_DOWN, sentence, "Look whether the broker runs (`systemctl status mosquitto`)."
    )


def _refused(sentence: str) -> AnbanError:
    return AnbanError(
        Reason.NOT_AUTHENTIC, sentence, "Look at the user in [mqtt] and the broker's own settings."
    )
