"""A room without a sound card: PulseAudio's null sinks, and the air between speaker and microphone.

What the speaker plays comes back into the microphone a little later; somebody in the room speaks into AIR.
"""

from __future__ import annotations

import array
import asyncio
import math
import os
import random
from collections.abc import Mapping
from pathlib import Path

from drivers.child import Child, Order

AIR = "air"
ECHO_MS = 20
CARD = (
    "load-module module-null-sink sink_name=card_speaker rate=48000 channels=1",
    f"load-module module-null-sink sink_name={AIR} rate=48000 channels=1",
    f"load-module module-loopback source=card_speaker.monitor sink={AIR} latency_msec={ECHO_MS}"
    " source_dont_move=1 sink_dont_move=1",
    f"load-module module-remap-source source_name=card_microphone master={AIR}.monitor",
)
RATE = 16_000


def speech(seconds: float, seed: int) -> array.array[int]:
    """Something that is to an echo canceller as a voice is: syllables of changing pitch, and pauses."""
    dice, out, phase = random.Random(seed), array.array("h"), 0.0
    while len(out) < seconds * RATE:
        pitch, length = dice.uniform(110, 240), round(RATE * dice.uniform(0.12, 0.3))
        tilt = [dice.uniform(0.2, 1.0) / n for n in range(1, 16)]
        for n in range(length):
            phase += 2 * math.pi * pitch * (1 + 0.1 * n / length) / RATE
            voice = sum(gain * math.sin(k * phase) for k, gain in enumerate(tilt, 1))
            out.append(round(4000 * math.sin(math.pi * n / length) * voice))
        out.extend([0] * round(RATE * dice.uniform(0.02, 0.15)))
    return out[: round(seconds * RATE)]


def level_db(samples: array.array[int]) -> float:
    """RMS in dB; 0 dB is one step of 32767."""
    power = math.fsum(s * s for s in samples) / max(1, len(samples))
    return 10 * math.log10(power + 1e-2)


class Tape:
    """Records a source of the room into a file, raw, 16 kHz; or plays a file into a sink."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self.path, self._environment = path, environment
        self._child: Child | None = None

    async def record(self, source: str) -> None:
        await self._begin("parec", source, stdout=True)

    async def play(self, sink: str) -> None:
        await self._begin("pacat", sink, stdout=False)

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()

    async def ended(self) -> None:
        if self._child is not None:
            await self._child.ended.wait()

    async def _begin(self, program: str, device: str, *, stdout: bool) -> None:
        def order() -> Order:
            options = ("--raw", f"--rate={RATE}", "--format=s16le", "--channels=1", "--latency-msec=60")
            own = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if stdout else os.O_RDONLY, 0o600)
            command = (program, *options, "-d", device)
            if stdout:
                return Order(command=command, environment=self._environment, stdout=own)
            return Order(command=command, environment=self._environment, stdin=own)

        self._child = Child(program, order)
        await self._child.start()

    def samples(self) -> array.array[int]:
        """What it holds."""
        raw, out = self.path.read_bytes(), array.array("h")
        out.frombytes(raw[: len(raw) // 2 * 2])
        return out


async def loudness(tape: Tape, at_least: float, seconds: float) -> None:
    """Wait until a recording has come to hold `seconds` of sound of this level."""
    while True:
        samples = tape.samples()
        windows = (samples[n : n + RATE // 2] for n in range(0, len(samples), RATE // 2))
        if sum(0.5 for window in windows if level_db(window) >= at_least) >= seconds:
            return
        await asyncio.sleep(0.2)
