"""Runs the page as a process of its own beside the hub; its door gives links to people of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import uvicorn

from edge.api import Api
from edge.page.access import Access
from edge.page.app import Page
from edge.page.asking import Asking
from protocols.errors import AnbanError, Reason

DOOR: Final = "page.sock"  # beside the hub's; who may open that one may open this one
CONNECTIONS: Final = 48  # of all browsers together, six each
IDLE_S: Final = 20


class _Server(uvicorn.Server):
    """uvicorn that ends without raising the signal again: what is open is closed after it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        self.should_exit = True


def door_of(hub_socket: Path) -> Path:
    """Where the page that belongs to a hub gives out its links."""
    return hub_socket.parent / DOOR


def link_of(address: str, port: int, key: str) -> str:
    """The link that opens the page once."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(
        address, f"[{address}]" if ":" in address else address
    )
    return f"http://{shown}:{port}/?key={key}"


def bound(address: str, port: int) -> socket.socket:
    """A listening socket. AnbanError(CONFLICT) where the address or port is not to be had."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(CONNECTIONS)  # before the link is told
    except OSError as error:
        sock.close()
        raise AnbanError(
            Reason.CONFLICT,
            f"{address} port {port}: {error.strerror or error}",
            "Choose another with --port.",
        ) from error
    return sock


async def serve(
    hub_socket: Path, address: str, port: int, names: tuple[str, ...], ready: Callable[[str], None]
) -> None:
    """Until SIGTERM or SIGINT; `ready` gets the first link. AnbanError where it cannot listen."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    sock = bound(address, port)
    at = int(sock.getsockname()[1])
    access = Access()
    page = Page(Asking(hub_socket), access, address=address, port=at, names=names)

    async def link(_args: Mapping[str, Any]) -> dict[str, str]:
        return {"link": link_of(address, at, access.key(time.monotonic()))}

    config = uvicorn.Config(
        page.app,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=1,
    )
    try:
        async with await Api(door_of(hub_socket), {"link": link}).listen():
            server = _Server(config)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, server.end)
            ready((await link({}))["link"])
            await server.serve(sockets=[sock])
    except OSError as error:
        told = f"{door_of(hub_socket)}: {error.strerror or error}"
        raise AnbanError(Reason.CONFLICT, told, "Run it as the hub's own user.") from error
    finally:
        sock.close()


def run(
    hub_socket: Path, address: str, port: int, names: tuple[str, ...], ready: Callable[[str], None]
) -> None:
    """As `serve`, in a loop of its own."""
    asyncio.run(serve(hub_socket, address, port, names, ready))
