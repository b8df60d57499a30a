"""What the bits of a meter's status and of its features mean, and figures in the units that people use.

For technicians and for marking a reading; nothing is decided here. Source: the service specifications beside
each table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocols.gatt.numbers import Absence

Bits = tuple[str, ...]  # word of bit 0, bit 1, ...; "" for one that means nothing by itself

_PRESSURE_STATUS: Final[Bits] = (  # Blood Pressure Service 1.1.1, Measurement Status; 3 and 4 are a number
    "body-moved",
    "cuff-too-loose",
    "irregular-pulse",
    "",
    "",
    "wrong-position",
)
_PULSE_RANGE: Final = ("", "pulse-above-range", "pulse-below-range", "")
_OXIMETER_STATUS: Final[Bits] = (
    *("", "", "", "", ""),  # Pulse Oximeter Service 1.0.1, Measurement Status
    "ongoing",
    "early-estimate",
    "validated",
    "fully-qualified",
    "from-storage",
    "demonstration",
    "testing",
    "calibration-ongoing",
    "unavailable",
    "questionable",
    "invalid",
)
_OXIMETER_DEVICE: Final[Bits] = (
    "extended-display-update",
    "equipment-malfunction",
    "signal-processing-irregularity",
    "inadequate-signal",
    "poor-signal",
    "low-perfusion",
    "erratic-signal",
    "non-pulsatile-signal",
    "questionable-pulse",
    "signal-analysis-ongoing",
    "sensor-interference",
    "sensor-not-on-user",
    "unknown-sensor",
    "sensor-displaced",
    "sensor-malfunction",
    "sensor-disconnected",
)
_GLUCOSE_STATUS: Final[Bits] = (  # Glucose Service 1.0.1, Sensor Status Annunciation
    "battery-low",
    "sensor-malfunction",
    "sample-too-small",
    "strip-inserted-wrongly",
    "strip-of-wrong-type",
    "result-too-high",
    "result-too-low",
    "too-hot",
    "too-cold",
    "strip-pulled-too-soon",
    "device-fault",
    "time-fault",
)
_SENSOR: Final[Bits] = (  # CGM Service 1.0.2, Sensor Status Annunciation, the three octets apart
    "session-stopped",
    "battery-low",
    "sensor-of-wrong-type",
    "sensor-malfunction",
    "device-alert",
    "device-fault",
    "",
    "",
)
_CALIBRATION: Final[Bits] = (
    "time-not-synchronised",
    "calibration-not-allowed",
    "calibration-recommended",
    "calibration-required",
    "sensor-too-hot",
    "sensor-too-cold",
    "",
    "",
)
_WARNING: Final[Bits] = (
    "below-patient-low",
    "above-patient-high",
    "below-hypo",
    "above-hyper",
    "falling-too-fast",
    "rising-too-fast",
    "below-what-it-can-measure",
    "above-what-it-can-measure",
)
_CALIBRATED: Final[Bits] = ("rejected", "out-of-range", "pending")
_TIME_REASON: Final[Bits] = ("manual", "reference", "time-zone", "dst")
_MASS_STEPS: Final = (
    *("not-specified", "0.5 kg or 1 lb", "0.2 kg or 0.5 lb", "0.1 kg or 0.2 lb"),
    *("0.05 kg or 0.1 lb", "0.02 kg or 0.05 lb", "0.01 kg or 0.02 lb", "0.005 kg or 0.01 lb"),
)
_HEIGHT_STEPS: Final = ("not-specified", "0.01 m or 1 in", "0.005 m or 0.5 in", "0.001 m or 0.1 in")

BITS: Final[dict[tuple[int, str], Bits]] = {
    (0x2A35, "status"): _PRESSURE_STATUS,
    (0x2A36, "status"): _PRESSURE_STATUS,
    (0x2B34, "status"): _PRESSURE_STATUS,
    (0x2B35, "status"): _PRESSURE_STATUS,
    (0x2A49, "features"): (
        *("body-movement", "cuff-fit", "irregular-pulse", "pulse-range", "position"),
        *("several-bonds", "crc", "user-data", "user-facing-time"),
    ),
    (0x2A5E, "status"): _OXIMETER_STATUS,
    (0x2A5F, "status"): _OXIMETER_STATUS,
    (0x2A60, "status_known"): _OXIMETER_STATUS,
    (0x2A5E, "device_status"): _OXIMETER_DEVICE,
    (0x2A5F, "device_status"): _OXIMETER_DEVICE,
    (0x2A60, "device_status_known"): _OXIMETER_DEVICE,
    (0x2A60, "features"): (
        *("status", "device-status", "storage", "time", "fast", "slow", "perfusion", "several-bonds"),
    ),
    (0x2A18, "status"): _GLUCOSE_STATUS,
    (0x2A51, "features"): (
        *("battery-low", "sensor-malfunction", "sample-size", "strip-insertion", "strip-type"),
        *("result-high-low", "temperature-high-low", "read-interrupt", "device-fault", "time-fault"),
        "several-bonds",
    ),
    (0x2AA7, "status"): _SENSOR,
    (0x2AA7, "calibration"): _CALIBRATION,
    (0x2AA7, "warning"): _WARNING,
    (0x2AA9, "status"): (*_SENSOR, *_CALIBRATION, *_WARNING),
    (0x2AAC, "status"): _CALIBRATED,
    (0x2AA8, "features"): (
        *("calibration", "patient-alerts", "hypo-alerts", "hyper-alerts", "rate-alerts", "device-alert"),
        *("sensor-malfunction", "sensor-temperature", "result-high-low", "battery-low", "sensor-type"),
        *("device-fault", "crc", "several-bonds", "several-sessions", "trend", "quality"),
    ),
    (0x2A9E, "features"): ("time", "several-users", "bmi"),
    (0x2A9B, "features"): (
        *("time", "several-users", "basal-metabolism", "muscle-percentage", "muscle", "fat-free"),
        *("soft-lean", "water", "impedance", "weight", "height"),
    ),
    (0x2A2B, "reason"): _TIME_REASON,
}
_CHOICES: Final[dict[tuple[int, str], tuple[tuple[str, int, tuple[str, ...]], ...]]] = {
    (0x2A9E, "features"): (("weight_step", 3, _MASS_STEPS), ("height_step", 7, _HEIGHT_STEPS)),
    (0x2A9B, "features"): (("mass_step", 11, _MASS_STEPS), ("height_step", 15, _HEIGHT_STEPS)),
}


def words(uuid: int, name: str, value: object) -> tuple[str, ...]:
    """What the bits of a field say; () for a field that is no set of bits."""
    table = BITS.get((uuid, name))
    if table is None or type(value) is not int:
        return ()
    found = [word for bit, word in enumerate(table) if word and value >> bit & 1]
    if table is _PRESSURE_STATUS and _PULSE_RANGE[value >> 3 & 3]:
        found.append(_PULSE_RANGE[value >> 3 & 3])
    return tuple(found)


def explained(uuid: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the values for people: words of bits, and figures in people's units."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        if (uuid, name) in BITS and type(value) is int:
            made[f"{name}_means"] = list(words(uuid, name, value))
            for choice, shift, steps in _CHOICES.get((uuid, name), ()):
                at = value >> shift & (15 if len(steps) > 4 else 7)
                made[choice] = steps[at] if at < len(steps) else "reserved"
    glucose, unit = values.get("glucose"), values.get("unit")
    if uuid == 0x2A18 and isinstance(glucose, float) and not isinstance(glucose, Absence):
        factor, name = (100_000, "glucose_mg_per_dl") if unit == "kg/L" else (1_000, "glucose_mmol_per_l")
        made[name] = round(glucose * factor, 6)
    if "rr_1024ths_s" in values:
        made["rr_ms"] = [round(rr * 1000 / 1024, 1) for rr in values["rr_1024ths_s"]]
    records = values.get("records")
    if records:
        made["records"] = [{**record, **explained(uuid, record)} for record in records]
    return made
