"""Run one child process: its log in a file, its readiness awaited, its end by handle and never by name."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

READY_S = 60.0  # a Python process with its imports on two busy cores
STOP_S = 6.0  # after SIGTERM; then SIGKILL
POLL_S = 0.02
PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)  # loaded here: between fork and exec nothing may be loaded


class ChildError(RuntimeError):
    """A child ended or did not become ready; the sentence names its log."""


class Child:
    """`python -m MODULE ARGUMENTS` with its output in LOG_DIR/NAME.log (appended over restarts).

    It gets a process group of its own, so that Ctrl-C reaches the orchestrator alone, and is killed by the
    kernel if the orchestrator dies without a word.
    """

    def __init__(self, name: str, arguments: Sequence[str], log_dir: Path) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.log = log_dir / f"{name}.log"
        self.process: asyncio.subprocess.Process | None = None
        self.starts = 0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(
        self,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        timeout_s: float = READY_S,
    ) -> float:
        """Start and wait until `ready()`; gives the seconds it took. ChildError names the log."""
        if self.running:
            raise ChildError(f"{self.name} is running already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("ab") as log:
            log.write(f"--- {self.name}: start {self.starts + 1} ---\n".encode())
            log.flush()
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                process_group=0,
                preexec_fn=_die_with_parent,
            )
        self.starts += 1
        while not ready():
            if self.process.returncode is not None:
                raise ChildError(f"{self.name} ended with {self.process.returncode}; see {self.log}")
            if time.monotonic() - began > timeout_s:
                raise ChildError(f"{self.name} was not ready within {timeout_s:.0f} s; see {self.log}")
            await asyncio.sleep(POLL_S)
        return time.monotonic() - began

    async def kill(self) -> None:
        """SIGKILL, as a power cut or the kernel's memory killer would; waits until it is gone."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int | None:
        """SIGTERM, then SIGKILL after STOP_S; gives the exit code."""
        await self._end(signal.SIGTERM)
        return None if self.process is None else self.process.returncode

    def pause(self) -> None:
        """SIGSTOP: the process hangs, its sockets stay open."""
        if self.running and self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self.running and self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    async def _end(self, number: signal.Signals) -> None:
        if not self.running or self.process is None:
            return
        self.process.send_signal(number)
        if number is not signal.SIGKILL:
            self.resume()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
