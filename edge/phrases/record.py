"""Records every phrase with espeak-ng into WAV files, one folder a language."""

from __future__ import annotations

import os
import shutil
import subprocess
import wave
from pathlib import Path

from edge.phrases import catalogue
from edge.phrases.catalogue import LANGUAGES
from protocols.errors import AnbanError, Reason

# Plain `cmn` of espeak-ng 1.51 turns many characters into pinyin and then reads that pinyin as English
# (espeak-ng issue 1236: "hao two"); the pinyin voice does not.
VOICES = {"zh": "cmn-latn-pinyin", "en": "en-gb"}
WORDS_PER_MINUTE = {"zh": 150, "en": 135}  # slow: about 3 syllables, 2.5 words a second
PITCH = 40  # of 99, default 50: high tones are what old ears lose first
AMPLITUDE = 180  # of 200; louder begins to clip
SYNTHESIS_TIMEOUT_S = 30  # a phrase takes well under a second on a Pi
# An emergency number is said digit by digit, as people know it, and not as a quantity; a character with
# several readings is given the right one in pinyin.
SPOKEN = {"zh": {"120": "幺二零", "着急": " zhao2 ji2 "}, "en": {"120": "one two zero"}}
SILENCE = "silence.wav"  # played once at start: a missing sound card is known before somebody needs it
SILENCE_S = 0.05
SHORTEST_S = 0.3  # a recording below this is not a sentence


def record_all(out: Path) -> int:
    """Write `out/LANGUAGE/KEY.wav` for all keys and `out/silence.wav`; returns how many phrases.

    Each file is replaced whole. AnbanError(AUDIO_DOWN) if espeak-ng is missing or records nothing.
    """
    if shutil.which("espeak-ng") is None:
        raise AnbanError(
            Reason.AUDIO_DOWN, "espeak-ng is not installed", "Install the Debian package espeak-ng."
        )
    count = 0
    for language in LANGUAGES:
        (out / language).mkdir(parents=True, exist_ok=True)
        for key, sentence in catalogue(language).items():
            _record(sentence, language, out / language / f"{key}.wav")
            count += 1
    _silence(out / SILENCE)
    return count


def record_name(elder: str, name: str, language: str, out: Path) -> None:
    """Write `out/LANGUAGE/person-ELDER.wav`: a person's name, for who is asked whose a reading is."""
    (out / language).mkdir(parents=True, exist_ok=True)
    _record(name, language, out / language / f"person-{elder}.wav")


def spoken_form(sentence: str, language: str) -> str:
    """What the synthesiser is given, so that it reads numbers as people say them."""
    for written, said in SPOKEN[language].items():
        sentence = sentence.replace(written, said)
    return sentence


def duration_s(path: Path) -> float:
    """Seconds of sound in a WAV file."""
    with wave.open(str(path), "rb") as recording:
        return recording.getnframes() / recording.getframerate()


def _record(sentence: str, language: str, path: Path) -> None:
    part, voice = path.with_suffix(".part"), VOICES[language]
    command = ["espeak-ng", "-v", voice, "-s", str(WORDS_PER_MINUTE[language]), "-p", str(PITCH)]
    command += ["-a", str(AMPLITUDE), "-w", str(part), "--", spoken_form(sentence, language)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=SYNTHESIS_TIMEOUT_S)
        if duration_s(part) < SHORTEST_S:
            raise AnbanError(Reason.AUDIO_DOWN, f"espeak-ng recorded nothing for {path.stem} ({voice})")
    except (OSError, EOFError, wave.Error, subprocess.SubprocessError) as error:
        raise AnbanError(
            Reason.AUDIO_DOWN,
            f"espeak-ng could not record {path.stem} ({voice}): {error}",
            "Check that espeak-ng-data holds that voice.",
        ) from error
    os.replace(part, path)


def _silence(path: Path) -> None:
    part = path.with_suffix(".part")
    with wave.open(str(part), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(22_050)
        recording.writeframes(bytes(2 * int(22_050 * SILENCE_S)))
    os.replace(part, path)
