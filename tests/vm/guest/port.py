"""The guest's way to tell the host something: one JSON line on the virtio port, gone when `tell` returns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_handle = -1


def tell(**what: Any) -> None:
    """One line to the host."""
    global _handle
    if _handle < 0:
        _handle = os.open(_device(), os.O_WRONLY)
    data = json.dumps(what).encode() + b"\n"
    while data:
        data = data[os.write(_handle, data) :]


def _device() -> str:
    for port in Path("/sys/class/virtio-ports").iterdir():
        if (port / "name").read_text().strip() == "anban":
            return f"/dev/{port.name}"
    raise FileNotFoundError("no virtio port of the host")
