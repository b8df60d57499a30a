"""What whoever answers hears first: three rising tones, and again every five seconds, then silence.

A file in place of the microphone: until the room has been told, nothing of it can be heard. It ends after
75 s, and baresip ends a call whose file has ended: a line that nobody opens closes by itself.
"""

from __future__ import annotations

import array
import io
import math
import wave
from pathlib import Path
from typing import Final

from drivers.child import private_file

LENGTH_S: Final = 75  # longer than the 45 s of a number and the 15 s after its answer
EVERY_S: Final = 5
FIRST_S: Final = 0.4
TONES: Final = ((620.0, 0.18), (780.0, 0.18), (930.0, 0.3))  # Hz and seconds: no tone of a keypad
LEVEL: Final = 9000
FADE_S: Final = 0.01


def samples(rate: int) -> array.array[int]:
    """The whole of it, signed 16 bit."""
    one = array.array("h")
    for hertz, length_s in TONES:
        count, fade = round(length_s * rate), round(FADE_S * rate)
        for n in range(count):
            gain = min(1.0, n / fade, (count - n) / fade)
            one.append(round(LEVEL * gain * math.sin(2 * math.pi * hertz * n / rate)))
    lead, period = round(FIRST_S * rate), EVERY_S * rate
    out = array.array("h", bytes(2 * lead)) + one + array.array("h", bytes(2 * (period - lead - len(one))))
    return out * (LENGTH_S // EVERY_S)


def write_attention(path: Path, rate: int) -> None:
    """Write it as a WAV file, unless it is there. OSError."""
    if path.exists():
        return
    raw = io.BytesIO()
    with wave.open(raw, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples(rate).tobytes())
    private_file(path, raw.getvalue())
