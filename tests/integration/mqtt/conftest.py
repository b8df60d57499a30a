"""A real Mosquitto for tests: on a port of its own, with a user, ended by its handle."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from paho.mqtt.publish import single

MOSQUITTO = "/usr/sbin/mosquitto"
STARTS_S = 60.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Mosquitto:
    """The broker's process; `publish` is another client's hand."""

    def __init__(self, directory: Path) -> None:
        self.port, self.directory = free_port(), directory
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Begin. A port that somebody else has taken since it was found free is changed for another; at a
        restart it is waited for.
        """
        first = not (self.directory / "users").exists()
        async with asyncio.timeout(STARTS_S):
            while not await self._starts():
                if first:
                    self.port = free_port()

    async def _starts(self) -> bool:
        """Whether it listens; it ends where it cannot."""
        users = self.directory / "users"
        if not users.exists():
            users.write_text("hub:secret\n")
            users.chmod(0o600)
            await self._run("/usr/bin/mosquitto_passwd", "-U", str(users))
        config = self.directory / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {users}\n"
            f"persistence true\npersistence_location {self.directory}/\nuser root\n"
        )
        told = self.directory / "mosquitto.log"
        with told.open("ab") as log:
            before = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                MOSQUITTO, "-c", str(config), stdout=log, stderr=log
            )
        while self.process.returncode is None:
            if b" running" in told.read_bytes()[before:]:  # it has its port
                return True
            await asyncio.sleep(0.02)
        return False

    async def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            await self.process.wait()
            self.process = None

    async def publish(self, topic: str, message: str, *, retain: bool = False) -> None:
        """As another device of the home would: over a connection of its own, acknowledged."""
        await asyncio.to_thread(
            single,
            *(topic, message, 1, retain),
            hostname="127.0.0.1",
            port=self.port,
            auth={"username": "hub", "password": "secret"},
        )

    async def _run(self, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(*command)
        assert await process.wait() == 0


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()
