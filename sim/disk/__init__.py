"""A disk that hangs, fills up, turns read-only or fails, for one process at a time."""

from sim.disk.disk import FaultDisk

__all__ = ["FaultDisk"]
