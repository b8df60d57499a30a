"""Bluetooth in the guest: D-Bus, a real bluetoothd, the air that gives the kernel its adapter."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus

from drivers.ble.bluez import BluezAdapter, adapters
from sim.air.client import AirControl

OUT: Final = Path("/run/out")
LOGS: Final = Path(
    "/run/logs"
)  # in memory: writing to the host would stop bluetoothd for as long as it takes
AIR: Final = Path("/run/air")
DEBUG: Final = Path("/sys/kernel/debug")
# Of the guest, whose clock may leap while it reads the host's files: a start that hangs, the host ends.
STARTED_S: Final = 36_000.0
_POLICIES: Final = ("usr/share/dbus-1/system.d/bluetooth.conf", "etc/dbus-1/system.d/bluetooth.conf")
_LOADER: Final = "ld-linux-x86-64.so.2"
_LIBRARIES: Final = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")


@contextlib.asynccontextmanager
async def bluetooth(
    bluez: str, by_address: bool = False, settings: str = ""
) -> AsyncIterator[tuple[BluezAdapter, AirControl, str]]:
    """An adapter of the product that is up, the air around it, and BlueZ's version; `bluez` is a folder.

    `by_address`: a controller whose duplicate filter looks at addresses alone, and a kernel that knows it, as
    with the chip of a Raspberry Pi (drivers/bluetooth/btbcm.c sets HCI_QUIRK_STRICT_DUPLICATE_FILTER).
    `settings`: bluetoothd's main.conf.
    """
    folder = Path(bluez)
    _furnish(folder)
    await (await asyncio.create_subprocess_exec("dbus-daemon", "--system", "--fork")).wait()
    version = await _version(folder)
    conf = LOGS / "main.conf"
    conf.write_text(settings)
    daemon = await _started(*_command(folder), "-n", "-d", "-f", str(conf), log="bluetoothd.log")
    air = await _started(sys.executable, "-m", "sim.air", "--dir", str(AIR), "--vhci", log="air.log")
    control = await AirControl(AIR).open(STARTED_S)
    try:
        async with asyncio.timeout(STARTED_S):
            found = await _powered()
            if by_address:
                await _filter_by_address(found.name, control)
        yield found, control, version
    finally:
        await control.close()
        for process in (air, daemon):
            process.terminate()
        for log in LOGS.iterdir():
            shutil.copy(log, OUT)


def _furnish(folder: Path) -> None:
    """What installing BlueZ would have put in place."""
    policy = next(folder / name for name in _POLICIES if (folder / name).exists())
    shutil.copy(policy, "/etc/dbus-1/system.d/bluetooth.conf")
    for place in ("/run/dbus", "/var/lib/bluetooth", str(LOGS), str(AIR)):
        Path(place).mkdir(parents=True, exist_ok=True)
    Path("/run/dbus/pid").unlink(missing_ok=True)


def _command(folder: Path) -> list[str]:
    """bluetoothd with the libc of its own release."""
    places = [folder / name for name in _LIBRARIES]
    loader = next(place / _LOADER for place in places if (place / _LOADER).exists())
    libraries = ":".join(map(str, places))
    return [str(loader), "--library-path", libraries, f"{folder}/usr/libexec/bluetooth/bluetoothd"]


async def _version(folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *_command(folder), "--version", stdout=asyncio.subprocess.PIPE
    )
    return (await process.communicate())[0].decode().strip()


async def _started(*command: str, log: str) -> asyncio.subprocess.Process:
    with (LOGS / log).open("wb") as file:
        return await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file)


async def _powered() -> BluezAdapter:
    """The first adapter, once bluetoothd has it and its power is on."""
    while not adapters():
        await asyncio.sleep(0.05)
    adapter = adapters()[0]
    await _power(adapter.name, True)
    return adapter


async def _filter_by_address(name: str, air: AirControl) -> None:
    await _power(name, False)  # the kernel refuses while the adapter is up
    mount = await asyncio.create_subprocess_exec("mount", "-t", "debugfs", "debugfs", str(DEBUG))
    assert await mount.wait() == 0
    (DEBUG / "bluetooth" / name / "quirk_strict_duplicate_filter").write_text("Y")
    await air.filter_by_address(name=name)
    await _power(name, True)


async def _power(name: str, wanted: bool) -> None:
    """Switch an adapter on or off, and wait until it is."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    while True:
        await _property(bus, name, "Set", "ssv", Variant("b", wanted))
        answer = await _property(bus, name, "Get", "ss")
        if answer and answer[0].value is wanted:
            break
        await asyncio.sleep(0.1)
    bus.disconnect()


async def _property(bus: MessageBus, name: str, member: str, signature: str, *more: Any) -> list[Any] | None:
    message = Message(
        destination="org.bluez",
        path=f"/org/bluez/{name}",
        interface="org.freedesktop.DBus.Properties",
        member=member,
        signature=signature,
        body=["org.bluez.Adapter1", "Powered", *more],
    )
    reply = await bus.call(message)
    return None if reply is None or reply.error_name else reply.body
