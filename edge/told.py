"""What a meter that only advertises told, as readings: weight and temperatures. Pure.

A weighing is named by the scale's date and its weight: however often and in whatever words the scale repeats
it, and whoever hears it, it is one reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.readings import Arrival, Reading, name_of, reading_of
from protocols.data import ReadingData, make

if TYPE_CHECKING:
    from drivers.ble.xiaomi import Told

WEIGHT, TEMPERATURE = 0x2A9D, 0x2A1C  # read as what a scale or thermometer with a profile would have sent
ROOM_CODE = {
    "reading.room_temperature": 0x2A6E,
    "reading.humidity": 0x2A6F,
}  # as Environmental Sensing has them
ROOM = {
    "temperature_cel": ("reading.room_temperature", "cel"),
    "humidity_pct": ("reading.humidity", "percent"),
}


def readings_of(profile: str, told: Told, at: Arrival) -> list[Reading]:
    """The readings in what was told; those of a room bear the time of their arrival."""
    figures = told.figures
    if profile == "xiaomi-scale":
        if "weight_kg" not in figures:
            return []
        values: dict[str, Any] = {"unit": "kg", "weight": figures["weight_kg"]}
        if told.moment is not None:
            values["time"] = told.moment
        found = reading_of(WEIGHT, told.own, values, "", at)
        return [found] if found is not None else []
    if profile == "xiaomi-body-thermometer":
        warm = figures.get("temperature_cel")
        found = reading_of(TEMPERATURE, told.own, {"unit": "Cel", "temperature": warm}, "", at)
        return [found] if found is not None and warm is not None else []
    return [
        room_reading(kind, figures[name], unit, told.own, at)
        for name, (kind, unit) in ROOM.items()
        if name in figures
    ]


def room_reading(kind: str, value: float, unit: str, own: bytes, at: Arrival) -> Reading:
    """A reading of a room, which is nobody's."""
    return Reading(
        name_of(at.meter, ROOM_CODE[kind], own, at.mark),
        kind,
        make(ReadingData(value=value, unit=unit, clock="arrival", meter=at.meter)),
    )
