"""Runs one baresip: its configuration in a private folder, its process, its end.

The folder has mode 0700 and its files 0600; the account's password stands in its file alone, never on a
command line, and what baresip prints is thrown away. Nothing of it blocks the loop: a thread of the process's
own starts it and waits for its end, and the kernel ends it with that thread (PR_SET_PDEATHSIG), so that a hub
that is killed leaves no open line behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Final

import msgspec

from drivers.sip.attention import write_attention
from protocols.errors import AnbanError, Reason

PROGRAM: Final = "baresip"
MODULES: Final = (Path("/usr/lib/baresip/modules"), Path("/usr/local/lib/baresip/modules"))
RATE: Final = 8000  # G.711: what every gateway speaks
CODECS: Final = "PCMU/8000/1,PCMA/8000/1"
QUIET_SPEAKER: Final = "aubridge,quiet"  # a bridge with one end: sound that nobody hears
ATTENTION: Final = "attention.wav"
START_S: Final = 10.0
END_S: Final = 2.0
RTP_PORTS: Final = 20


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls. `address`: sip:user@domain; `interface`: an interface or address of this machine to use
    alone; `modules`: those for sound; `register_s` 0: an account without a registrar."""

    address: str
    user: str = ""
    password: str = ""
    transport: str = "udp"
    ca_file: str = ""
    interface: str = ""
    modules: tuple[str, ...] = ("alsa",)
    register_s: int = 60

    def __repr__(self) -> str:
        return "Account()"


class Program:
    """One process. `await start()`, then `port` is that of its control; `ended` is set when it is over."""

    def __init__(self, account: Account, folder: Path, environment: dict[str, str] | None = None) -> None:
        self._account, self._folder = account, folder
        self._environment = environment or {}
        self.port = 0
        self.ended = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process; 0 where there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """Write its files and start it. AnbanError(NOT_READY) where it is not installed or does not start."""
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()
        threading.Thread(target=self._live, args=(loop, started), name="baresip", daemon=True).start()
        try:
            async with asyncio.timeout(START_S):
                await started
        except TimeoutError:
            raise AnbanError(Reason.NOT_READY, "baresip does not start", "Check the memory card.") from None

    async def stop(self) -> None:
        """End it, politely, then hard."""
        for end in (subprocess.Popen.terminate, subprocess.Popen.kill):
            if self._process is None or self.ended.is_set():
                return
            end(self._process)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await self.ended.wait()

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
                self._process = self._launch()
            except (OSError, AnbanError) as error:
                refused = AnbanError(
                    Reason.NOT_READY,
                    f"baresip cannot be started: {type(error).__name__}",
                    "apt install baresip-core",
                )
                loop.call_soon_threadsafe(self.ended.set)
                loop.call_soon_threadsafe(tell, error if isinstance(error, AnbanError) else refused)
                return
            loop.call_soon_threadsafe(tell, None)
            self._process.wait()
            loop.call_soon_threadsafe(self.ended.set)

    def _launch(self) -> subprocess.Popen[bytes]:
        program, modules = shutil.which(PROGRAM), next((p for p in MODULES if p.is_dir()), None)
        if program is None or modules is None:
            raise AnbanError(Reason.NOT_READY, "baresip is not installed", "apt install baresip-core")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        sip, self.port, rtp = free_ports()
        for name, text in files(self._account, self._folder, modules, sip, self.port, rtp).items():
            _write_private(self._folder / name, text.encode())
        write_attention(self._folder / ATTENTION, RATE)
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", program, "-4", "-f", str(self._folder)],
            cwd=self._folder,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def files(account: Account, folder: Path, modules: Path, sip: int, control: int, rtp: int) -> dict[str, str]:
    """Name -> text of what baresip reads at its start. AnbanError(BAD_VALUE) for an account that would be
    read as something else. The microphone is no part of it: the line is opened by a command."""
    for value in (account.address, account.user, account.password):
        if not value.isascii() or any(c in " ;,<>\"'\\" or not c.isprintable() for c in value):
            raise AnbanError(
                Reason.BAD_VALUE,
                "an account of SIP has letters, digits and signs, but no blank, quote or any of ;,<>\\",
            )
    own = account.interface or "0.0.0.0"
    lines = [
        "poll_method epoll",
        f"sip_listen {own}:{sip}",
        f"sip_trans_def {account.transport}",
        "call_local_timeout 120",
        "call_max_calls 1",
        f"audio_player {QUIET_SPEAKER}",
        f"audio_source aufile,{folder / ATTENTION}",
        "audio_alert aubridge,quiet-alert",
        f"ausrc_srate {RATE}",
        f"auplay_srate {RATE}",
        "ausrc_channels 1",
        "auplay_channels 1",
        f"rtp_ports {rtp}-{rtp + RTP_PORTS}",
        f"module_path {modules}",
        "module_tmp account.so",
        *(f"module {name}.so" for name in ("g711", "aufile", "aubridge", *account.modules)),
        "module_app menu.so",
        "module_app ctrl_tcp.so",
        f"ctrl_tcp_listen 127.0.0.1:{control}",
    ]
    if account.interface:
        lines.append(f"net_interface {account.interface}")
    if account.ca_file:
        lines.append(f"sip_cafile {account.ca_file}")
    row = f"<{account.address};transport={account.transport}>;regint={account.register_s}"
    row += f";answermode=manual;audio_codecs={CODECS}"
    if account.user:
        row += f";auth_user={account.user};auth_pass={account.password}"
    return {"config": "\n".join(lines) + "\n", "accounts": row + "\n", "contacts": ""}


def free_ports() -> tuple[int, int, int]:
    """Ports that are free now: of SIP (even: TLS takes the next one), of the control, the first of RTP."""
    with contextlib.ExitStack() as stack:
        while True:
            own = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            own.bind(("127.0.0.1", 0))
            sip = own.getsockname()[1] & ~1
            if 10_000 <= sip <= 60_000:
                break
        control = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        control.bind(("127.0.0.1", 0))
        while True:
            media = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            media.bind(("127.0.0.1", 0))
            rtp = media.getsockname()[1] & ~1
            if rtp <= 65_000 and abs(rtp - sip) > RTP_PORTS:
                return sip, control.getsockname()[1], rtp


def _write_private(path: Path, raw: bytes) -> None:
    """Replace a file by one that nobody else may read, at no moment."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(raw)
