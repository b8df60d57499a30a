"""What the machine itself does to a measurement: how much of its time others took."""

from __future__ import annotations

from pathlib import Path

STAT = Path("/proc/stat")


def ticks(stat: str) -> tuple[int, int]:
    """(all, stolen) ticks of all cores since the boot, from /proc/stat (proc(5): `cpu user nice system idle
    iowait irq softirq steal …`; guest time is in user already). (0, 0) where there is no such line."""
    for line in stat.splitlines():
        name, *figures = line.split()
        if name == "cpu" and len(figures) >= 8:
            return sum(map(int, figures[:8])), int(figures[7])
    return 0, 0


class Stolen:
    """The share of the cores' time, since this was made, that a virtual machine's host gave to others."""

    def __init__(self) -> None:
        self._before = ticks(STAT.read_text())

    def percent(self) -> float:
        """0 to 100, one decimal. A figure measured above some ten of a hundred says little of the product."""
        total, stolen = (now - then for now, then in zip(ticks(STAT.read_text()), self._before, strict=True))
        return round(100 * stolen / total, 1) if total > 0 else 0.0
