"""Runs the page as a process of its own beside the hub; its door gives links to people of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn

from edge.api import Api
from edge.page.access import Access
from edge.page.app import Page
from edge.page.asking import Asking
from protocols.errors import AnbanError, Reason

DOOR: Final = "page.sock"  # beside the hub's; who may open that one may open this one
CONNECTIONS: Final = 48  # of all browsers together, six each
IDLE_S: Final = 20


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where the page listens, the host names that it answers beside, and its certificate: PEM files, both or
    neither; the second is the private key."""

    address: str
    port: int
    names: tuple[str, ...] = ()
    certificate: tuple[Path, Path] | None = None


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


def link_of(address: str, port: int, key: str, scheme: str = "http") -> str:
    """The link that opens the page once."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(
        address, f"[{address}]" if ":" in address else address
    )
    return f"{scheme}://{shown}:{port}/?key={key}"


def checked(certificate: Path, private_key: Path) -> tuple[Path, Path]:
    """The two, if they belong together and others cannot read the key. AnbanError(BAD_CREDENTIALS)."""
    try:
        mode = stat.S_IMODE(private_key.stat().st_mode)
        if mode & 0o077:
            raise AnbanError(
                Reason.BAD_CREDENTIALS,
                f"{private_key} has mode {mode:04o}: others on this machine may read it",
                f"chmod 600 {private_key}",
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private_key, password="")  # never asks a terminal
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise AnbanError(
            Reason.BAD_CREDENTIALS,
            f"{certificate} and {private_key} are no certificate and its key: {error}",
            "Give both as PEM files, the key without a passphrase.",
        ) from None
    return certificate, private_key


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


async def serve(hub_socket: Path, site: Site, ready: Callable[[str], None]) -> None:
    """Until SIGTERM or SIGINT; `ready` gets the first link. AnbanError where it cannot listen, or the
    certificate is of no use."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    certificate, private_key = checked(*site.certificate) if site.certificate else (None, None)
    scheme = "https" if certificate else "http"
    sock = bound(site.address, site.port)
    at = int(sock.getsockname()[1])
    access = Access()
    page = Page(Asking(hub_socket), access, address=site.address, port=at, names=site.names)

    async def link(_args: Mapping[str, Any]) -> dict[str, str]:
        return {"link": link_of(site.address, at, access.key(time.monotonic()), scheme)}

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
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
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


def run(hub_socket: Path, site: Site, ready: Callable[[str], None]) -> None:
    """As `serve`, in a loop of its own."""
    asyncio.run(serve(hub_socket, site, ready))
