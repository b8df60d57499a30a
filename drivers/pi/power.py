"""Reads mains and battery from the kernel's power supplies or from a pin of the uninterruptible supply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.pi.pins import PinFactory, pin_errors
from protocols.errors import AnbanError, Reason

SYSFS = Path("/sys/class/power_supply")
FILE_LIMIT = 64  # bytes; every attribute is one short word or number
MAINS_TYPES = frozenset({"Mains", "USB", "USB_C", "USB_PD", "Wireless"})  # kernel ABI sysfs-class-power: type


@dataclass(frozen=True, slots=True)
class Power:
    """What is known at one moment; None is "not known", never a guess."""

    mains: bool | None
    battery_pct: int | None = None  # 0-100
    charging: bool | None = None


def decode(supplies: Mapping[str, Mapping[str, str]]) -> Power:
    """Power from the attributes of all supplies, name -> attribute -> text (kernel ABI: sysfs-class-power).

    Any mains supply that is online means mains. Without one that tells, a battery that discharges means none.
    With several batteries the fullest counts: it is the one that will carry the hub.
    """
    online: list[bool] = []
    levels: list[int] = []
    statuses: list[str] = []
    for attributes in supplies.values():
        kind = attributes.get("type", "")
        if kind in MAINS_TYPES and attributes.get("online") in ("0", "1", "2"):
            online.append(attributes["online"] != "0")  # 2: online, programmable voltage
        elif kind == "Battery" and attributes.get("present", "1") != "0":
            level = attributes.get("capacity", "")
            if level.isascii() and level.isdigit() and int(level) <= 100:
                levels.append(int(level))
            statuses.append(attributes.get("status", "Unknown"))
    known = [status for status in statuses if status != "Unknown"]
    mains: bool | None = any(online) if online else None
    if mains is None and known:
        mains = "Discharging" not in known
    charging = "Charging" in known if known else None
    return Power(mains, max(levels, default=None), charging)


def read_sysfs(root: Path = SYSFS) -> Power:
    """Power as the kernel tells it now. What cannot be read is unknown; so is all without a supply."""
    supplies: dict[str, dict[str, str]] = {}
    try:
        folders = sorted(root.iterdir())
    except OSError:
        return Power(None)
    for folder in folders:
        supplies[folder.name] = attributes = {}
        for name in ("type", "online", "present", "capacity", "status"):
            try:
                with (folder / name).open("rb") as file:
                    attributes[name] = file.read(FILE_LIMIT).decode("ascii", "replace").strip()
            except OSError:
                continue
    return decode(supplies)


class MainsPin:
    """A pin that a supply without a kernel driver holds at `mains_level` while there is mains."""

    def __init__(self, pin_factory: PinFactory, number: int, mains_level: int = 1) -> None:
        self._factory, self._number, self._mains_level = pin_factory, number, mains_level

    def read(self) -> Power:
        """Mains from the pin, battery unknown. AnbanError(PINS_DOWN) when the pin fails."""
        try:
            pin = self._factory.pin(self._number)
            if pin.function != "input":
                pin.function = "input"
            return Power(int(pin.state) == self._mains_level)
        except pin_errors() as error:
            raise AnbanError(
                Reason.PINS_DOWN, f"the mains pin {self._number} fails: {error}", "Check its number."
            ) from error
