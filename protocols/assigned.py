"""Bluetooth's assigned numbers as the 128-bit text that BlueZ and Bleak use."""

from __future__ import annotations

from typing import Final

BASE: Final = "-0000-1000-8000-00805f9b34fb"  # Core 5.4 Vol 3 Part B 2.5.1


def uuid128(uuid: int) -> str:
    """A number of 16 bits as text."""
    return f"0000{uuid:04x}{BASE}"
