"""Another program as a child that nothing of the hub waits for, and that does not outlive the hub.

A thread of its own starts it and waits for its end: on a card that hangs, exec hangs too. The kernel ends the
program with that thread (PR_SET_PDEATHSIG, by util-linux's setpriv): a hub that is killed leaves none behind.
Of a death before that was set it does not tell: a shell looks whose child it is before it becomes the
program, so that one whose hub died while it was being started does not begin at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from drivers.waiting import came
from protocols.errors import AnbanError, Reason

# With vfork the interpreter stands still until exec returns, and on a card that hangs it does not.
# The switch is CPython's own (documented under "Disabling use of vfork() or posix_spawn()").
subprocess._USE_VFORK = False  # type: ignore[misc]

START_S: Final = 10.0
END_S: Final = 2.0
LAUNCH: Final = '[ "$PPID" = "$0" ] && exec "$@"'  # $0 is the hub; POSIX sets $PPID when the shell begins


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. What it prints is thrown away; `stdin` and `stdout` are descriptors that are its own, and
    are closed here once it has them."""

    command: tuple[str, ...]
    folder: Path | None = None
    environment: Mapping[str, str] = {}
    stdin: int = subprocess.DEVNULL
    stdout: int = subprocess.DEVNULL


class Child:
    """One run of a program. `await start()`; `ended` is set when it is over."""

    def __init__(self, name: str, order: Callable[[], Order]) -> None:
        """`order()` is called in the thread: it may write the program's files. AnbanError or OSError there
        means that it cannot be started."""
        self._name, self._order = name, order
        self.ended = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process; 0 where there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """AnbanError(NOT_READY) where it cannot be started."""
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()
        threading.Thread(target=self._live, args=(loop, started), name=self._name, daemon=True).start()
        try:
            async with asyncio.timeout(START_S):
                await started
        except TimeoutError:
            raise AnbanError(
                Reason.NOT_READY, f"{self._name} does not start", "Check the memory card."
            ) from None

    async def stop(self) -> None:
        """End it, politely, then hard."""
        for end in (subprocess.Popen.terminate, subprocess.Popen.kill):
            if self._process is None or self.ended.is_set():
                return
            end(self._process)
            await came(self.ended, END_S)

    def _live(self, loop: asyncio.AbstractEventLoop, started: asyncio.Future[None]) -> None:
        """In the process's own thread: start, wait, tell."""

        def tell(error: AnbanError | None) -> None:
            if started.cancelled():  # nobody waits any more: it must not live on unknown
                if self._process is not None:
                    self._process.kill()
            elif error is not None:
                started.set_exception(error)
            else:
                started.set_result(None)

        with contextlib.suppress(RuntimeError):  # the loop has ended
            try:
                self._process = _launch(self._order())
            except (OSError, AnbanError) as error:
                told = error if isinstance(error, AnbanError) else _missing(self._name, error)
                loop.call_soon_threadsafe(self.ended.set)
                loop.call_soon_threadsafe(tell, told)
                return
            loop.call_soon_threadsafe(tell, None)
            self._process.wait()
            loop.call_soon_threadsafe(self.ended.set)


def _launch(order: Order) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            bound(order.command, os.getpid()),
            cwd=order.folder,
            env={**os.environ, **order.environment},
            stdin=order.stdin,
            stdout=order.stdout,
            stderr=subprocess.DEVNULL,
        )
    finally:
        for descriptor in {order.stdin, order.stdout} - {subprocess.DEVNULL}:
            os.close(descriptor)


def bound(command: Sequence[str], parent: int) -> list[str]:
    """The command so that it ends with this parent, and does not begin without it."""
    return ["setpriv", "--pdeathsig", "KILL", "sh", "-c", LAUNCH, str(parent), *command]


def _missing(name: str, error: OSError) -> AnbanError:
    return AnbanError(
        Reason.NOT_READY, f"{name} cannot be started: {error.strerror}", f"Is {name} installed?"
    )


def private_file(path: Path, raw: bytes) -> None:
    """Replace a file by one that nobody else may read, at no moment. OSError."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(raw)


def private_folder(path: Path) -> None:
    """Make a folder that nobody else may enter. OSError."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
