"""Listens to topics of one MQTT broker: connects, subscribes, hands on each message, pings, until it is lost.

paho-mqtt speaks the protocol on a socket that asyncio watches: one packet a turn of the loop, and so many
a second, so that a broker that floods waits and nobody else does. One connection's life is one call of
`listen`; whoever calls it begins anew (with back-off: it is theirs). Imported when a broker is set, and not
before.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from drivers.waiting import came
from protocols.errors import AnbanError, Reason
from protocols.home_topics import Message

KEEPALIVE_S: Final = 15  # we ping after as much silence, and hang up after as much again
WITHIN_S: Final = 10.0  # a broker in the home answers in milliseconds
TICK_S: Final = 1.0
MOST_A_TICK: Final = 200  # packets: a busy home's sensors send a few a second
MOST_WAITING: Final = 8  # messages that whoever takes them has not had yet
MOST_TOPICS: Final = 512  # of one connection; a sensor has two or three
MAX_PACKET: Final = 65_536  # a sensor's message has some hundred bytes
# What paho raises on bytes that are no packet, as the fuzzer found them.
MALFORMED: Final = (struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError)


async def listen(
    host: str,
    port: int,
    client: str,
    topics: Callable[[], tuple[str, ...]],
    on_message: Callable[[Message], None],
    on_ready: Callable[[], None],
    *,
    user: str | None = None,
    password: str | None = None,
) -> None:
    """Until the connection is lost: AnbanError(PATH_DOWN), or (NOT_AUTHENTIC) where the broker says no.

    `topics` is asked again after each message: one may tell of others.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            sock = await _connected(host, port)
    except (OSError, TimeoutError) as error:
        raise _lost(f"no broker answers at {host}:{port}") from error
    paho = _Client(client, sock)
    if user is not None:
        paho.username_pw_set(user, password)
    link = _Link(paho, sock, f"{host}:{port}", topics, on_message, on_ready)
    try:
        await link.run()
    finally:
        link.close()


async def _connected(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for number, (family, kind, protocol, _, address) in enumerate(found, 1):
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except BaseException as error:
            sock.close()
            if number == len(found) or not isinstance(error, OSError):
                raise
        else:
            return sock
    raise OSError("the name has no address")


class _Client(Client):
    """paho's client on a socket that stands already, with bounds that it has not: a packet's size, and no
    message of quality 2, which it would keep until the broker releases it.
    """

    def __init__(self, name: str, sock: socket.socket) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, name, clean_session=True)
        self._connected_socket = sock

    def _create_socket(self) -> socket.socket:
        return self._connected_socket

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MAX_PACKET:
            raise ConnectionError(f"a packet of {bufsize} bytes")
        return super()._sock_recv(bufsize)

    def _handle_publish(self) -> MQTTErrorCode:
        if self._in_packet["command"] & 0x04:  # no subscription of ours is of more than 1
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        return super()._handle_publish()


class _Link:
    """One connection: paho's callbacks, and the loop's."""

    def __init__(
        self,
        paho: _Client,
        sock: socket.socket,
        where: str,
        topics: Callable[[], tuple[str, ...]],
        on_message: Callable[[Message], None],
        on_ready: Callable[[], None],
    ) -> None:
        self._paho, self._sock, self._where, self._topics = paho, sock, where, topics
        self._on_message, self._on_ready = on_message, on_ready
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._left, self._reads, self._ready = MOST_A_TICK, False, False
        self._came: list[Message] = []
        self._news = asyncio.Event()
        self._asked: set[str] = set()
        paho.on_connect, paho.on_subscribe = self._connect, self._subscribed
        paho.on_message, paho.on_disconnect = self._message, self._disconnect
        paho.on_socket_register_write, paho.on_socket_unregister_write = self._owes, self._owes_no_more
        paho.on_socket_close = self._unwatch

    async def run(self) -> None:
        """Until it is over, which is an AnbanError, or what whoever takes messages raised."""
        self._paho.connect(self._where, keepalive=KEEPALIVE_S)
        self._watch()
        began = ticked = self._loop.time()
        while not self._over.done():
            await came(self._news, ticked + TICK_S - self._loop.time())
            self._hand_on()
            if (now := self._loop.time()) >= ticked + TICK_S:
                ticked, self._left = now, MOST_A_TICK
                self._do(self._paho.loop_misc)
                self._watch()
                if not self._ready and now - began >= WITHIN_S:
                    self._end(_lost(f"what listens at {self._where} does not answer as a broker"))
        self._hand_on()
        await self._over

    def _hand_on(self) -> None:
        self._news.clear()
        came, self._came = self._came, []
        for message in came:
            self._on_message(message)
        if came and not self._over.done():
            self._subscribe()

    def _subscribe(self) -> None:
        new = [topic for topic in self._topics() if topic not in self._asked]
        if len(self._asked) + len(new) > MOST_TOPICS:
            self._end(_lost("the broker names topics without end"))
        elif new:
            self._asked.update(new)
            self._do(lambda: self._paho.subscribe([(topic, 1) for topic in new])[0])

    def close(self) -> None:
        """Say goodbye if that goes out at once, and close the socket."""
        self._over.cancel()
        with contextlib.suppress(OSError, *MALFORMED):
            self._paho.disconnect()
            self._paho.loop_write()
        self._unwatch()
        self._sock.close()
        if not self._over.cancelled():
            self._over.exception()  # it was told, or whoever waited has gone

    def _watch(self) -> None:
        """Read on, unless it is enough for this tick, or what we owe the broker does not go out."""
        if not self._reads and self._left > 0 and not self._over.done() and not self._paho.want_write():
            self._reads = True
            self._loop.add_reader(self._sock, self._read)

    def _unwatch(self, *_: Any) -> None:
        self._reads = False
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)

    def _read(self) -> None:
        if len(self._came) >= MOST_WAITING:
            return  # they are handed on in this turn of the loop
        if self._left <= 0 or self._paho.want_write():
            self._reads = False
            self._loop.remove_reader(self._sock)  # until the next tick, or until it has gone out
            return
        self._left -= 1
        self._do(self._paho.loop_read)

    def _owes(self, *_: Any) -> None:
        self._loop.add_writer(self._sock, self._write)

    def _owes_no_more(self, *_: Any) -> None:
        self._loop.remove_writer(self._sock)
        self._loop.call_soon(self._watch)

    def _write(self) -> None:
        self._do(self._paho.loop_write)

    def _do(self, work: Callable[[], Any]) -> None:
        try:
            broken = work()
        except (OSError, *MALFORMED):
            broken = True
        if broken:
            self._end(_lost("the connection to the broker broke"))

    def _end(self, error: AnbanError) -> None:
        if not self._over.done():
            self._unwatch()
            self._over.set_exception(error)
            self._news.set()

    def _connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._end(_refused(f"the broker at {self._where} refuses the connection"))
        else:
            self._subscribe()

    def _subscribed(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._end(_refused("the broker refuses a topic"))
        elif not self._ready:
            self._ready = True
            self._on_ready()

    def _message(self, _client: Any, _data: Any, message: Any) -> None:
        self._came.append(Message(message.topic, bytes(message.payload), bool(message.retain)))
        self._news.set()

    def _disconnect(self, *_: Any) -> None:
        self._end(_lost("the broker closed the connection"))


def _lost(sentence: str) -> AnbanError:
    return AnbanError(
        Reason.PATH_DOWN, sentence, "Look whether the broker runs (`systemctl status mosquitto`)."
    )


def _refused(sentence: str) -> AnbanError:
    return AnbanError(
        Reason.NOT_AUTHENTIC, sentence, "Look at the user in [mqtt] and the broker's own settings."
    )
