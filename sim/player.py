"""Takes the place of a sound card's player: records which file it was given, and takes as long as it lasts.

`python -S -E sim/player.py RECORD.jsonl FILE.wav` appends {"at_ms": wall milliseconds, "wav": path}, unless
it is the silence that tests the card, which nobody hears. The
environment's ANBAN_SPEECH_SPEED shortens the time, for scenarios that wait for what is said next.
"""

import json
import os
import sys
import time

HEADER_BYTES = 44  # of a canonical RIFF/WAVE file; the byte rate stands at 28


def main(record: str, wav: str) -> None:
    """Record, then wait for the length of the file."""
    with open(wav, "rb") as stream:
        header = stream.read(HEADER_BYTES)
    rate = int.from_bytes(header[28:32], "little")
    seconds = max(0, os.path.getsize(wav) - HEADER_BYTES) / rate if header[:4] == b"RIFF" and rate else 0.0
    if os.path.basename(wav) == "silence.wav":
        return
    with open(record, "a", encoding="utf-8") as stream:
        stream.write(json.dumps({"at_ms": time.time_ns() // 1_000_000, "wav": wav}) + "\n")
    time.sleep(seconds / float(os.environ.get("ANBAN_SPEECH_SPEED", "1")))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
