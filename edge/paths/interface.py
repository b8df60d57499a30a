"""Keeps the sockets of a way to one network interface: the modem's, where it is the second line of a home.

Linux's SO_BINDTODEVICE (socket(7)): what is sent goes out there by its own routes, or not at all.
Names are still looked up by whatever way the system has.
"""

from __future__ import annotations

import socket
from types import ModuleType
from typing import Any, Protocol


class Socket(Protocol):
    """A socket, or what asyncio shows of one."""

    def setsockopt(self, level: int, option: int, value: bytes, /) -> None: ...


def bind(sock: Socket, interface: str) -> None:
    """Nothing goes by another interface from now on; "" leaves it to the system. OSError: there is none."""
    if interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())


def adapter(requests: ModuleType, interface: str) -> Any:
    """What a session of `requests` mounts so that each of its connections is bound."""
    from urllib3.connection import HTTPConnection

    option = (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())

    class Bound(requests.adapters.HTTPAdapter):  # type: ignore[name-defined,misc]
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            """As HTTPAdapter's, with the interface among the options of its sockets."""
            options["socket_options"] = [*HTTPConnection.default_socket_options, option]
            super().init_poolmanager(*args, **options)

    return Bound()
