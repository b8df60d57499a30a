"""What a meter says of itself, of the time and of its user: battery, device, clock and user data, as rows.

Source: Bluetooth GATT Specification Supplement; Current Time Service 1.1, User Data Service 1.1, Device
Information Service 1.1, Battery Service 1.1. Units are UCUM's.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from protocols.gatt.layout import Field, Layout
from protocols.gatt.numbers import DateTime, Text, Whole, Word
from protocols.gatt.octets import Listed, Octets
from protocols.gatt.tables import KILOGRAM, U8, U16, U24, U32, USER

_TIME: Final = DateTime()
_TEXT: Final = (Field("text", Text()),)
_BEATS: Final = Whole(1)
_WEEKDAY: Final = Whole(1, high=7)  # 1 is Monday, 0 not known
ZONE: Final = Whole(1, signed=True, low=-48, high=56, missing=-128)  # quarters of an hour east of UTC
SUMMER: Final = Listed(Whole(1, missing=0xFF), (0, 2, 4, 8))  # quarters of an hour of daylight saving
_SOURCES: Final = Word(
    {
        0: "unknown",
        1: "network-time",
        2: "gps",
        3: "radio",
        4: "manual",
        5: "atomic-clock",
        6: "cellular-network",
        7: "not-synchronised",
    }
)
_GENDERS: Final = Word({0: "male", 1: "female", 2: "unspecified"})
_CENTIMETRES: Final = Whole(2, scale=Fraction(1, 100), high=300)
_DAY: Final = (
    Field("year", Listed(U16, (0, *range(1582, 10_000)))),
    Field("month", Whole(1, high=12)),
    Field("day", Whole(1, high=31)),
)


def _texts(*rows: tuple[int, str]) -> tuple[Layout, ...]:
    return tuple(Layout(uuid, name, _TEXT) for uuid, name in rows)


def _beats(*rows: tuple[int, str]) -> tuple[Layout, ...]:
    return tuple(Layout(uuid, name, (Field("pulse", _BEATS),)) for uuid, name in rows)


_EXACT: Final = (Field("time", _TIME), Field("weekday", _WEEKDAY), Field("fraction_256ths_s", U8))
_CLOCK: Final = (
    Layout(0x2A2B, "current-time", (*_EXACT, Field("reason", U8))),
    Layout(0x2A08, "date-time", (Field("time", _TIME),)),
    Layout(0x2A09, "day-of-week", (Field("weekday", _WEEKDAY),)),
    Layout(0x2A0A, "day-date-time", _EXACT[:2]),
    Layout(0x2A0C, "exact-time", _EXACT),
    Layout(0x2A0D, "dst-offset", (Field("dst_15min", SUMMER),)),
    Layout(0x2A0E, "time-zone", (Field("zone_15min", ZONE),)),
    Layout(0x2A0F, "local-time", (Field("zone_15min", ZONE), Field("dst_15min", SUMMER))),
    Layout(0x2A11, "time-with-dst", (Field("time", _TIME), Field("dst_15min", SUMMER))),
    Layout(0x2A12, "time-accuracy", (Field("accuracy_8ths_s", Whole(1, missing=0xFF)),)),
    Layout(0x2A13, "time-source", (Field("source", _SOURCES),)),
    Layout(
        0x2A14,
        "reference-time",
        (
            Field("source", _SOURCES),
            Field("accuracy_8ths_s", Whole(1, missing=0xFF)),  # 254: worse than 31.6 s
            Field("days_since_update", U8),  # 255: so many or more
            Field("hours_since_update", Whole(1, high=23, missing=0xFF)),
        ),
    ),
    Layout(0x2A16, "time-update-control", (Field("op", Word({1: "get-update", 2: "cancel-update"})),)),
    Layout(
        0x2A17,
        "time-update-state",
        (
            Field("state", Word({0: "idle", 1: "pending"})),
            Field(
                "result",
                Word(
                    {
                        0: "successful",
                        1: "cancelled",
                        2: "no-connection",
                        3: "error-response",
                        4: "timeout",
                        5: "not-attempted",
                    }
                ),
            ),
        ),
    ),
)
_DEVICE: Final = (
    Layout(0x2A19, "battery", (Field("percent", Whole(1, high=100)),)),
    Layout(
        0x2BED,
        "battery-status",
        (
            Field("power_state", U16),
            Field("identifier", U16, 0),
            Field("percent", Whole(1, high=100), 1),
            Field("additional", U8, 2),
        ),
        flags=1,
    ),
    Layout(0x2A01, "appearance", (Field("category", U16),)),
    Layout(0x2A23, "system-id", (Field("manufacturer_id", Whole(5)), Field("organisation", U24))),
    Layout(0x2A2A, "regulatory", (Field("octets", Octets()),)),
    Layout(
        0x2A50,
        "pnp-id",
        (
            Field("vendor_source", Word({1: "bluetooth-sig", 2: "usb-forum"})),
            Field("vendor", U16),
            Field("product", U16),
            Field("version", U16),
        ),
    ),
    *_texts(
        (0x2A00, "device-name"),
        (0x2A29, "manufacturer"),
        (0x2A24, "model"),
        (0x2A25, "serial"),
        (0x2A27, "hardware"),
        (0x2A26, "firmware"),
        (0x2A28, "software"),
    ),
)
_USER: Final = (
    Layout(0x2A9A, "user-index", (Field("user", USER),)),
    Layout(0x2A99, "user-change", (Field("count", U32),)),
    Layout(0x2A80, "age", (Field("years", U8),)),
    Layout(0x2A8C, "gender", (Field("gender", _GENDERS),)),
    Layout(0x2A8E, "height", (Field("height_m", _CENTIMETRES),)),
    Layout(0x2A98, "user-weight", (Field("weight_kg", KILOGRAM),)),
    Layout(0x2A97, "waist", (Field("waist_m", _CENTIMETRES),)),
    Layout(0x2A8F, "hip", (Field("hip_m", _CENTIMETRES),)),
    Layout(0x2A96, "oxygen-uptake", (Field("vo2_max_ml_per_min_kg", U8),)),
    Layout(0x2A85, "date-of-birth", _DAY),
    Layout(0x2A86, "date-of-threshold-assessment", _DAY),
    *_texts((0x2A8A, "first-name"), (0x2A90, "last-name"), (0x2A87, "email"), (0x2AA2, "language")),
    *_beats(
        (0x2A8D, "heart-rate-max"),
        (0x2A91, "maximum-recommended-heart-rate"),
        (0x2A92, "resting-heart-rate"),
        (0x2A7E, "aerobic-heart-rate-lower-limit"),
        (0x2A84, "aerobic-heart-rate-upper-limit"),
        (0x2A7F, "aerobic-threshold"),
        (0x2A81, "anaerobic-heart-rate-lower-limit"),
        (0x2A82, "anaerobic-heart-rate-upper-limit"),
        (0x2A83, "anaerobic-threshold"),
        (0x2A88, "fat-burn-heart-rate-lower-limit"),
        (0x2A89, "fat-burn-heart-rate-upper-limit"),
        (0x2A95, "two-zone-limit"),
    ),
)

ABOUT: Final[tuple[Layout, ...]] = (*_CLOCK, *_DEVICE, *_USER)
