"""`python -m protocols.gatt CHARACTERISTIC HEX`: what a meter's bytes say, as JSON, for technicians.

CHARACTERISTIC is an assigned number (2A35), a UUID, or a name in any spelling ("Blood Pressure Measurement",
blood_pressure_measurement, blood-pressure); `--list` prints all. HEX may have blanks, colons, dashes, commas
and 0x. Exits with 1 and a sentence for bytes that are refused.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any

from protocols.gatt import CHARACTERISTICS, GattError, Moment, decode, find
from protocols.gatt.bits import explained
from protocols.gatt.names import ASSIGNED


def plain(value: Any) -> Any:
    """A value as JSON has it: moments as text, records as lists."""
    if isinstance(value, Moment):
        return str(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value


def octets(texts: list[str]) -> bytes:
    """The bytes of hexadecimal text as loggers write it. ValueError for anything else."""
    text = " ".join(texts).replace("(0x)", "")
    return bytes.fromhex(re.sub(r"0[xX](?=[0-9a-fA-F])|[\s:,_-]+", "", text))


def main(arguments: list[str] | None = None) -> int:
    """Print, and say with the exit code whether the bytes were read."""
    parser = argparse.ArgumentParser(
        prog="python -m protocols.gatt",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("characteristic", metavar="CHARACTERISTIC", nargs="?")
    parser.add_argument("hex", metavar="HEX", nargs="*", help="the value's bytes")
    parser.add_argument("--list", action="store_true", help="the characteristics that are known")
    asked = parser.parse_args(arguments)
    if asked.list:
        for uuid, row in sorted(CHARACTERISTICS.items()):
            print(f"{uuid:04X}  {row.name:<36}{ASSIGNED.get(uuid, '')}")
        return 0
    if asked.characteristic is None:
        parser.error("name a characteristic and its bytes, or ask for --list")
    try:
        raw = octets(asked.hex)
    except ValueError:
        parser.error(
            f"{' '.join(asked.hex)[:60]!r} is not hexadecimal: write two digits an octet, as 16 7C 00"
        )
    try:
        uuid = find(asked.characteristic)
        values = decode(uuid, raw)
    except GattError as error:
        print(f"refused ({error.cause}): {error.sentence}", file=sys.stderr)
        return 1
    named = {"characteristic": CHARACTERISTICS[uuid].name, "uuid": f"{uuid:04X}", "name": ASSIGNED.get(uuid)}
    print(json.dumps({**named, **plain({**values, **explained(uuid, values)})}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
