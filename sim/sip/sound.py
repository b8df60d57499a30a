"""Tones as WAV files, and how much of a tone a recording holds (Goertzel)."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path

LEVEL = 8000


def write_tone(path: Path, hertz: float, seconds: float, rate: int = 8000, silent_s: float = 0.0) -> None:
    """Write a WAV file: one channel, 16 bit; silence after the tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    step = 2 * math.pi * hertz / rate
    data = array.array("h", (round(LEVEL * math.sin(step * n)) for n in range(round(seconds * rate))))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(data.tobytes() + bytes(2 * round(silent_s * rate)))


def read(path: Path) -> tuple[array.array[int], int]:
    """Samples and rate of a recording, also one whose length was not written because it still goes on."""
    raw = path.read_bytes()
    rate = int.from_bytes(raw[24:28], "little") or 8000
    data = array.array("h")
    body = raw[44:]
    data.frombytes(body[: len(body) // 2 * 2])
    return data, rate


def share(samples: array.array[int], rate: int, hertz: float) -> float:
    """How much of the power of these samples is at this frequency: 0 to 1; 0 for silence."""
    total = math.fsum(s * s for s in samples)
    if not samples or total < 100.0 * len(samples):  # below 10 of 32767: nothing is heard
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = last * last + before * before - coefficient * last * before
    return min(1.0, 2 * power / (len(samples) * total))


def hears(path: Path, hertz: float, part_s: float = 0.2) -> float:
    """Seconds of a recording in which this tone is most of what is heard."""
    return seconds_of(*read(path), hertz, part_s)


def seconds_of(samples: array.array[int], rate: int, hertz: float, part_s: float = 0.2) -> float:
    """Seconds of these samples in which this tone is most of what is heard."""
    size = round(part_s * rate)
    parts = (samples[n : n + size] for n in range(0, len(samples) - size + 1, size))
    return sum(part_s for part in parts if share(part, rate, hertz) > 0.5)
