"""`python -m protocols.gatt CHARACTERISTIC HEX`: what a meter's bytes say, as JSON, for technicians.

CHARACTERISTIC is an assigned number (2A35), a UUID or a name (blood-pressure). Exits with 1 and a sentence
for bytes that are refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from protocols.gatt import CHARACTERISTICS, GattError, Moment, decode, find


def plain(value: Any) -> Any:
    """A value as JSON has it: moments as text, records as lists."""
    if isinstance(value, Moment):
        return str(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value


def main(arguments: list[str] | None = None) -> int:
    """Print, and say with the exit code whether the bytes were read."""
    parser = argparse.ArgumentParser(prog="python -m protocols.gatt", description=__doc__)
    parser.add_argument("characteristic", metavar="CHARACTERISTIC")
    parser.add_argument("hex", metavar="HEX", help="the value's bytes, blanks and colons allowed")
    asked = parser.parse_args(arguments)
    try:
        raw = bytes.fromhex(asked.hex.replace(":", " ").removeprefix("0x"))
    except ValueError:
        parser.error(f"{asked.hex[:60]!r} is not hexadecimal")
    try:
        uuid = find(asked.characteristic)
        values = plain(decode(uuid, raw))
    except GattError as error:
        print(f"refused ({error.cause}): {error.sentence}", file=sys.stderr)
        return 1
    print(json.dumps({"characteristic": CHARACTERISTICS[uuid].name, **values}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
