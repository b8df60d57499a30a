"""A reading's figures as people write them: the same words on the command line and at the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

UNITS: Final = {
    "mmhg": "mmHg",
    "kpa": "kPa",
    "cel": "°C",
    "degf": "°F",
    "kg": "kg",
    "lb": "lb",
    "mg_per_dl": "mg/dL",
    "mmol_per_l": "mmol/L",
    "umol_per_l": "µmol/L",
    "percent": "%",
    "per_min": "/min",
}


def figures(kind: str, data: Mapping[str, Any]) -> str:
    """The figures of a reading as people write them."""
    if data.get("judged") == "unusable" or "value" not in data:
        return f"unusable ({data.get('reason', 'no figure')})"
    text = _number(data["value"])
    if kind == "reading.blood_pressure":
        text += f"/{_number(data.get('second'))}"
    text += f" {UNITS.get(data.get('unit', ''), data.get('unit', ''))}"
    if "pulse_bpm" in data:
        text += f", pulse {_number(data['pulse_bpm'])}"
    return text.strip()


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "-"
