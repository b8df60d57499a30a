"""What people call a characteristic: the names that the Bluetooth SIG assigned, in any spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Bluetooth Assigned Numbers, 3.8.1: characteristics by name.
ASSIGNED: Final[dict[int, str]] = {
    0x2A00: "Device Name",
    0x2A01: "Appearance",
    0x2A08: "Date Time",
    0x2A09: "Day of Week",
    0x2A0A: "Day Date Time",
    0x2A0C: "Exact Time 256",
    0x2A0D: "DST Offset",
    0x2A0E: "Time Zone",
    0x2A0F: "Local Time Information",
    0x2A11: "Time with DST",
    0x2A12: "Time Accuracy",
    0x2A13: "Time Source",
    0x2A14: "Reference Time Information",
    0x2A16: "Time Update Control Point",
    0x2A17: "Time Update State",
    0x2A18: "Glucose Measurement",
    0x2A19: "Battery Level",
    0x2A1C: "Temperature Measurement",
    0x2A1D: "Temperature Type",
    0x2A1E: "Intermediate Temperature",
    0x2A21: "Measurement Interval",
    0x2A23: "System ID",
    0x2A24: "Model Number String",
    0x2A25: "Serial Number String",
    0x2A26: "Firmware Revision String",
    0x2A27: "Hardware Revision String",
    0x2A28: "Software Revision String",
    0x2A29: "Manufacturer Name String",
    0x2A2A: "IEEE 11073-20601 Regulatory Certification Data List",
    0x2A2B: "Current Time",
    0x2A34: "Glucose Measurement Context",
    0x2A35: "Blood Pressure Measurement",
    0x2A36: "Intermediate Cuff Pressure",
    0x2A37: "Heart Rate Measurement",
    0x2A38: "Body Sensor Location",
    0x2A39: "Heart Rate Control Point",
    0x2A49: "Blood Pressure Feature",
    0x2A50: "PnP ID",
    0x2A51: "Glucose Feature",
    0x2A52: "Record Access Control Point",
    0x2A5E: "PLX Spot-Check Measurement",
    0x2A5F: "PLX Continuous Measurement",
    0x2A60: "PLX Features",
    0x2A7E: "Aerobic Heart Rate Lower Limit",
    0x2A7F: "Aerobic Threshold",
    0x2A80: "Age",
    0x2A81: "Anaerobic Heart Rate Lower Limit",
    0x2A82: "Anaerobic Heart Rate Upper Limit",
    0x2A83: "Anaerobic Threshold",
    0x2A84: "Aerobic Heart Rate Upper Limit",
    0x2A85: "Date of Birth",
    0x2A86: "Date of Threshold Assessment",
    0x2A87: "Email Address",
    0x2A88: "Fat Burn Heart Rate Lower Limit",
    0x2A89: "Fat Burn Heart Rate Upper Limit",
    0x2A8A: "First Name",
    0x2A8C: "Gender",
    0x2A8D: "Heart Rate Max",
    0x2A8E: "Height",
    0x2A8F: "Hip Circumference",
    0x2A90: "Last Name",
    0x2A91: "Maximum Recommended Heart Rate",
    0x2A92: "Resting Heart Rate",
    0x2A95: "Two Zone Heart Rate Limits",
    0x2A96: "VO2 Max",
    0x2A97: "Waist Circumference",
    0x2A98: "Weight",
    0x2A99: "Database Change Increment",
    0x2A9A: "User Index",
    0x2A9B: "Body Composition Feature",
    0x2A9C: "Body Composition Measurement",
    0x2A9D: "Weight Measurement",
    0x2A9E: "Weight Scale Feature",
    0x2A9F: "User Control Point",
    0x2AA2: "Language",
    0x2AA7: "CGM Measurement",
    0x2AA8: "CGM Feature",
    0x2AA9: "CGM Status",
    0x2AAA: "CGM Session Start Time",
    0x2AAB: "CGM Session Run Time",
    0x2AAC: "CGM Specific Ops Control Point",
    0x2B34: "Enhanced Blood Pressure Measurement",
    0x2B35: "Enhanced Intermediate Cuff Pressure",
    0x2B36: "Blood Pressure Record",
    0x2BED: "Battery Level Status",
}
# Words that a technician may use for one of them.
ALSO: Final[dict[str, int]] = {
    "racp": 0x2A52,
    "ucp": 0x2A9F,
    "bloodpressure": 0x2A35,
    "pulseoximetrymeasurement": 0x2A5F,
    "plxspotcheck": 0x2A5E,
    "plxcontinuous": 0x2A5F,
    "plxfeature": 0x2A60,
    "continuousglucosemeasurement": 0x2AA7,
    "cgmsessionstart": 0x2AAA,
    "cgmsessionrun": 0x2AAB,
    "cgmcontrolpoint": 0x2AAC,
    "cgmspecificops": 0x2AAC,
    "weightscalemeasurement": 0x2A9D,
    "healththermometermeasurement": 0x2A1C,
    "userdatacontrolpoint": 0x2A9F,
    "regulatorycertificationdatalist": 0x2A2A,
}


def bare(text: str) -> str:
    """Letters and figures only, small."""
    return re.sub("[^a-z0-9]", "", text.lower().removeprefix("org.bluetooth.characteristic."))


def number_of(text: str, ours: Mapping[str, int]) -> int | None:
    """The assigned number of a name: ours first, then the assigned one, in whatever spelling."""
    wanted = bare(text)
    for name, number in ours.items():
        if bare(name) == wanted:
            return number
    for number, name in ASSIGNED.items():
        if wanted in (bare(name), bare(name) + "characteristic"):
            return number
    return ALSO.get(wanted)
