"""Runs one baresip: its configuration in a private folder, its process, its end.

The folder has mode 0700 and its files 0600; the account's password stands in its file alone, never on a
command line, and what baresip prints is thrown away. A hub that is killed leaves no open line behind
(`drivers/child.py`).
"""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from drivers.child import Child, Order, private_file, private_folder
from drivers.sip.attention import write_attention
from protocols.errors import AnbanError, Reason

PROGRAM: Final = "baresip"
MODULES: Final = (Path("/usr/lib/baresip/modules"), Path("/usr/local/lib/baresip/modules"))
RATE: Final = 8000  # G.711: what every gateway speaks
CODECS: Final = "PCMU/8000/1,PCMA/8000/1"
QUIET_SPEAKER: Final = "aubridge,quiet"  # a bridge with one end: sound that nobody hears
ATTENTION: Final = "attention.wav"
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

    def __init__(
        self,
        account: Account,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self._account, self._folder = account, folder
        self._prepare = prepare or (lambda: None)
        self._environment = environment or {}
        self.port = 0
        self._child = Child(PROGRAM, self._order)
        self.ended = self._child.ended
        self.start, self.stop = self._child.start, self._child.stop

    @property
    def pid(self) -> int:
        """Of the process; 0 where there is none."""
        return self._child.pid

    def _order(self) -> Order:
        """Write its files. AnbanError, OSError."""
        program, modules = shutil.which(PROGRAM), next((p for p in modules_of() if p.is_dir()), None)
        if program is None or modules is None:
            raise AnbanError(Reason.NOT_READY, "baresip is not installed", "apt install baresip-core")
        self._prepare()
        private_folder(self._folder)
        sip, self.port, rtp = free_ports()
        for name, text in files(self._account, self._folder, modules, sip, self.port, rtp).items():
            private_file(self._folder / name, text.encode())
        write_attention(self._folder / ATTENTION, RATE)
        command = (program, "-4", "-f", str(self._folder))
        return Order(command=command, folder=self._folder, environment=self._environment)


def modules_of() -> tuple[Path, ...]:
    """Where Debian (by its architecture's name too) and others put baresip's modules."""
    return (*MODULES, *Path("/usr/lib").glob("*-linux-gnu*/baresip/modules"))


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
