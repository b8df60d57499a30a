"""A virtual machine under qemu: it runs one program of tests/vm/guest with the product in this checkout.

KVM where it works, else qemu's own emulation. What the program tells comes line by
line, as JSON, over a virtio port: what has been read here was told, whatever happens to the machine after.
"""

from __future__ import annotations

import asyncio
import compileall
import contextlib
import json
import os
import shlex
import shutil
import socket
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any, Final, Literal

from firmware import build
from sim.pendant.board import mpy_cache
from tests.vm import initrd, packages
from tests.vm.packages import BUILD, Missing

CHECKOUT: Final = Path(__file__).parents[2]
ROOMS: Final = ("protocols", "drivers", "edge", "firmware", "sim", "tests/vm")
QEMU: Final = "qemu-system-x86_64"
PORT: Final = "anban"  # name of the virtio port; the guest looks for it in /sys/class/virtio-ports
BOOT_S: Final = 600.0  # of the host: until all of Bluetooth listens, emulated on a busy machine
_LINE_LIMIT: Final = 1 << 20
Pace = Literal["free", "counted", "skipping"]  # see `acceleration`


class GuestFailed(AssertionError):
    """The program in the guest ended badly, or told nothing in time; carries the end of its log."""


class Machine:
    """One run of one program. `async with Machine(...) as machine: await machine.told("ready")`."""

    def __init__(
        self,
        folder: Path,
        program: str,
        *,
        disk: str | None = None,
        memory_mb: int = 1024,
        pace: Pace = "counted",
        **arguments: Any,
    ) -> None:
        """`program`: a module of tests.vm.guest; `arguments` reach its `main` as keywords (JSON). `disk`:
        what qemu takes as a file, the guest's /dev/vda; a flush of the guest is a flush there. `pace`:
        see `acceleration`."""
        self.folder, self.program, self.arguments = folder, program, arguments
        self.disk, self.memory_mb, self.pace = disk, memory_mb, pace
        self.lines: list[dict[str, Any]] = []
        self.ended = False
        self._news = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._server: asyncio.AbstractServer | None = None
        self._sockets = tempfile.TemporaryDirectory(prefix="vm")  # short: a socket's name has 107 bytes

    async def __aenter__(self) -> Machine:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        """Begin to boot."""
        if shutil.which(QEMU) is None:
            raise Missing(f"No {QEMU}: apt-get install qemu-system-x86, or `make test-vm`.")
        self.folder.mkdir(parents=True, exist_ok=True)
        build.cached("unix", mpy_cache())  # compiled here, seen there
        for room in ROOMS:
            compileall.compile_dir(CHECKOUT / room, quiet=1)
        (self.folder / "run.sh").write_text(self._script())
        port = f"{self._sockets.name}/port"
        self._server = await asyncio.start_unix_server(self._listen, port, limit=_LINE_LIMIT)
        with (self.folder / "console.log").open("wb") as console:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(port), stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console
            )

    def _script(self) -> str:
        arguments = shlex.quote(json.dumps(self.arguments))
        tools = shlex.quote(str(Path(sys.executable).parent))  # micropython is there
        return (
            f"export PATH=/usr/sbin:/usr/bin:/sbin:/bin:{tools}\n"
            "export HOME=/root LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1\n"
            f"cd {shlex.quote(str(CHECKOUT))}\n"
            f"{interpreter()} -m tests.vm.guest.begin {self.program} {arguments}\n"
        )

    def _command(self, port: str) -> list[str]:
        kernel = packages.kernel()
        ram_disk = BUILD / f"initrd-{kernel.modules.name}.gz"
        if not ram_disk.exists() or ram_disk.stat().st_mtime < Path(initrd.__file__).stat().st_mtime:
            initrd.build(kernel, ram_disk)
        share = "security_model=none,multidevs=remap"
        command = [QEMU, "-M", "q35", *acceleration(self.pace), "-m", str(self.memory_mb)]
        command += ["-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-monitor", "none"]
        command += ["-kernel", str(kernel.image), "-initrd", str(ram_disk)]
        # no_timer_check: a host that stops qemu in those milliseconds would end the boot
        command += ["-append", "console=ttyS0 quiet panic=-1 oops=panic no_timer_check"]
        command += ["-virtfs", f"local,path=/,mount_tag=host,readonly=on,{share}"]
        command += ["-virtfs", f"local,path={self.folder},mount_tag=out,{share}"]
        command += ["-device", "virtio-serial-pci", "-chardev", f"socket,id=port,path={port}"]
        command += ["-device", f"virtserialport,chardev=port,name={PORT}"]
        if self.disk:
            command += ["-drive", f"file={self.disk},format=raw,if=virtio,cache=writeback,discard=ignore"]
        return command

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = (self.folder / "told.jsonl").open("wb", buffering=0)
        with kept, contextlib.suppress(ConnectionError):
            while (line := await reader.readline()).endswith(b"\n"):
                kept.write(line)
                self.lines.append(json.loads(line) | {"at_s": time.monotonic()})
                self._news.set()
        self.ended = True
        self._news.set()
        writer.close()

    # ---- what it tells ----

    def all(self, key: str) -> list[Any]:
        """The values of every line so far that has the key."""
        return [line[key] for line in list(self.lines) if key in line]

    async def told(self, key: str, timeout_s: float, count: int = 1) -> Any:
        """The value of the count-th line with the key, awaited. GuestFailed when the program ends without."""
        try:
            async with asyncio.timeout(timeout_s):
                while len(found := self.all(key)) < count:
                    if self.ended or (self._process and self._process.returncode is not None):
                        raise GuestFailed(f"{self.program} ended without {key!r}.\n{self.tail()}")
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):  # qemu itself may end without a word
                        await asyncio.wait_for(self._news.wait(), 1.0)
        except TimeoutError:
            raise GuestFailed(f"{self.program} told no {key!r} in {timeout_s} s.\n{self.tail()}") from None
        return found[count - 1]

    def tail(self) -> str:
        """The ends of the console and of the program's log, and where the rest is."""
        parts = [f"(all logs in {self.folder})"]
        for name in ("console.log", "program.log"):
            with contextlib.suppress(OSError):
                parts.append(f"--- {name}\n" + (self.folder / name).read_text(errors="replace")[-3000:])
        return "\n".join(parts)

    # ---- its end ----

    async def kill(self) -> None:
        """SIGKILL: the machine is gone in the middle of whatever it did."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._server:
            self._server.close()
        self._sockets.cleanup()


def interpreter() -> str:
    """The Python of the guest, for a shell: this one, or Debian's own with the packages of this one.

    The recovery of an adapter needs a Python that was built with Bluetooth sockets. Debian's and Raspberry Pi
    OS's are; one that pyenv compiled may not be. Missing when there is neither.
    """
    if hasattr(socket, "AF_BLUETOOTH"):
        return shlex.quote(sys.executable)
    theirs = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if not Path(theirs).exists():
        raise Missing(f"{sys.executable} has no Bluetooth sockets, and there is no {theirs}.")
    return f"PYTHONPATH={shlex.quote(sysconfig.get_path('purelib'))} {theirs}"


def acceleration(pace: Pace) -> tuple[str, ...]:
    """What qemu is told about the processor: KVM where the hardware virtualises and this user may use it.

    Else it is emulated, at a pace. `free`: as fast as the host is, by the host's clock. `counted`: while the
    guest works, its clock goes by its instructions, a nanosecond each: it is one core of a thousand million
    instructions a second (less than a Raspberry Pi 4's), however slow and busy the host is, and milliseconds
    and timeouts in it mean what they say. `skipping`: and what it would idle away is skipped; it also leaps
    ahead while it waits for the host's files, so what is timed may not touch them.

    A /dev/kvm alone says little: a software KVM (kvm_pvm) does not run a stock kernel. ANBAN_VM_ACCEL=kvm or
    tcg decides otherwise.
    """
    hardware = any(Path("/sys/module", name).exists() for name in ("kvm_intel", "kvm_amd"))
    usable = hardware and os.access("/dev/kvm", os.R_OK | os.W_OK)
    if os.environ.get("ANBAN_VM_ACCEL", "kvm" if usable else "tcg") == "kvm":
        return ("-accel", "kvm", "-cpu", "host", "-smp", "2")
    if pace == "free":
        return ("-accel", "tcg", "-cpu", "max")
    sleep = "on" if pace == "counted" else "off"
    return ("-accel", "tcg,thread=single", "-icount", f"shift=0,sleep={sleep}", "-cpu", "max")
