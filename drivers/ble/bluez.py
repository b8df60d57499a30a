"""BlueZ's adapters as the radio wants them: stock Bleak, which a machine without BlueZ need not load.

`load()` first, in a thread: what an adapter imports is then there, and a loop that scans or connects reads
nothing from a card that may hang.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from drivers.ble.ports import Bonding, Client, Scanner
from protocols.errors import AnbanError, Reason

DISCOVERED_S: Final = 10.0  # for a device's services, once it is bonded
_SYSFS = Path("/sys/class/bluetooth")
_ANY_ADDRESS = "00:00:00:00:00:00"  # today's kernels have none in sysfs; recovery finds it by the name


class BluezAdapter:
    """hci0, hci1, ... An AdapterPort."""

    def __init__(self, name: str = "hci0") -> None:
        self._name = name

    @property
    def name(self) -> str:
        """hciN."""
        return self._name

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """BleakError and what dbus-fast lets through when bluetoothd dies."""
        from bleak.exc import BleakError

        return (BleakError, EOFError)

    def scanner(self, on_advert: Callable[[Any, Any], None], bluez: Mapping[str, Any]) -> Scanner:
        """Active scanning: passive needs an experimental bluetoothd, and hears far less."""
        from bleak import BleakScanner

        return BleakScanner(on_advert, bluez={"adapter": self._name, **bluez})  # type: ignore[typeddict-item]

    def client(
        self,
        device: Any,
        on_disconnect: Callable[[], None],
        timeout_s: float,
        services: Sequence[str],
        bonding: Bonding | None = None,
    ) -> Client:
        """A client bound to this adapter."""
        from bleak import BleakClient

        def stock() -> Client:
            return cast(
                Client,
                BleakClient(
                    device,
                    lambda _client: on_disconnect(),
                    services,
                    timeout=timeout_s if bonding is None else DISCOVERED_S,
                    bluez={"adapter": self._name},
                ),
            )

        if bonding is None:
            return stock()
        from drivers.ble.bonded import BondedClient

        adapter = f"/org/bluez/{self._name}"
        return BondedClient(stock, adapter, device.details["path"], bonding, on_disconnect)

    async def recover(self) -> None:
        """Power-cycle, then reset over USB or rfkill. AnbanError(RADIO_DOWN) when nothing helped."""
        from bluetooth_auto_recovery import recover_adapter

        if not await recover_adapter(int(self._name[3:]), _ANY_ADDRESS, gone_silent=True):
            raise AnbanError(
                Reason.RADIO_DOWN,
                f"The Bluetooth adapter {self._name} does not come back after a reset.",
                "Unplug it and plug it in again; a built-in one needs a restart of the hub.",
            )


# All that adapters import, and what Bleak itself leaves for the first scan and the first connection.
_LOADED: Final = (
    *("bleak.exc", "bleak.backends.bluezdbus.scanner", "bleak.backends.bluezdbus.client"),
    *("drivers.ble.bonded", "bluetooth_auto_recovery"),
)


def load() -> None:
    """Import all that adapters need; a second on a Raspberry Pi, so not on a loop. ImportError."""
    for name in _LOADED:
        importlib.import_module(name)


def adapters() -> list[BluezAdapter]:
    """Every adapter the kernel has now, in order."""
    names = sorted(path.name for path in _SYSFS.glob("hci*") if ":" not in path.name)
    return [BluezAdapter(name) for name in names]
