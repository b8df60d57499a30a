"""What the hub says: complete in both languages, true to the design's words, recorded as sentences."""

from __future__ import annotations

import contextlib
import subprocess
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.phrases import Phrase, catalogue, text
from edge.phrases import record as recorder
from edge.phrases.catalogue import LANGUAGES, read_catalogue
from edge.phrases.record import VOICES, record_all, spoken_form
from protocols.errors import AnbanError, Reason

# ARCHITECTURE, "What the elder gets": the words that were weighed. Change them there first.
AGREED = {
    "calling": ("正在为您呼叫", "Calling for help"),
    "not-reached": (
        "还没有联系上，我会一直尝试；如果可以，请拨打120或找邻居",
        "Not reached yet. I keep trying. If you can, phone 120 or a neighbour",
    ),
    "delivered": ("平台已收到", "The centre has your call"),
    "taken": ("有人接到了您的求助", "Somebody has taken your call"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_in_every_language_and_nothing_else_is(language: str) -> None:
    assert set(catalogue(language)) == {str(key) for key in Phrase}


@pytest.mark.parametrize("key", AGREED)
def test_the_agreed_words_are_said_to_the_letter(key: str) -> None:
    assert (text(key, "zh"), text(key, "en")) == AGREED[key]


def test_only_what_follows_a_receipt_speaks_of_the_centre_having_the_call() -> None:
    """Nothing claims more than is known: "has" and "taken" are kept for the phrases that may say them."""
    for key in (Phrase.CALLING, Phrase.NOT_REACHED, Phrase.NOW_URGENT, Phrase.CANCEL_ASKED):
        english = text(key, "en").lower()
        assert not any(claim in english for claim in ("has your call", "has taken", "on the way", "arrived"))
        assert not any(claim in text(key, "zh") for claim in ("已收到", "接到了", "到了", "已经取消"))


def test_an_unknown_key_or_language_is_an_error() -> None:
    for key, language in (("no-such", "zh"), ("calling", "fr"), ("calling", "../zh")):
        with pytest.raises(KeyError):
            text(key, language)


@pytest.mark.parametrize(
    ("po", "complaint"),
    [
        ('msgid "a"\nmsgstr ""\n', "no translation: a"),
        ('msgid "a"\nmsgstr "b"\nmsgid "a"\nmsgstr "c"\n', "twice"),
        ('#, fuzzy\nmsgid "a"\nmsgstr "b"\n', "fuzzy"),
        ('msgid a\nmsgstr "b"\n', "line 1"),
        ('msgstr "b"\n', "line 1"),
        ('msgctxt "x"\nmsgid "a"\nmsgstr "b"\n', "line 1"),
        ('msgid "a\nmsgstr "b"\n', "line 1"),
    ],
)
def test_a_catalogue_that_is_not_complete_is_refused(po: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_catalogue(po)


def test_a_long_sentence_may_be_continued() -> None:
    assert read_catalogue('# hi\nmsgid ""\n"k"\nmsgstr "one "\n"two \\"x\\""\n') == {"k": 'one two "x"'}


@given(st.text())
def test_no_catalogue_is_a_crash(po: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(read_catalogue(po).values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_gettexts_own_compiler_accepts_the_catalogues(language: str) -> None:
    po = Path(recorder.__file__).with_name(f"{language}.po")
    subprocess.run(["msgfmt", "--check", "-o", "/dev/null", str(po)], check=True, capture_output=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_voice_reads_its_own_language(language: str) -> None:
    """espeak-ng issue 1236: its plain Mandarin voice reads Chinese as English; `(en)` marks the switch."""
    for key, sentence in catalogue(language).items():
        spoken = subprocess.run(
            ["espeak-ng", "-v", VOICES[language], "-q", "-x", "--", spoken_form(sentence, language)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert spoken.strip()
        assert "(en)" not in spoken, key


def test_the_emergency_number_is_said_digit_by_digit() -> None:
    assert "幺二零" in spoken_form(text("not-reached", "zh"), "zh")
    assert "one two zero" in spoken_form(text("not-reached", "en"), "en")


def test_recording_makes_one_sound_for_each_phrase(tmp_path: Path) -> None:
    assert record_all(tmp_path) == len(Phrase) * len(LANGUAGES)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {"silence.wav"} | {f"{lang}/{key}.wav" for lang in LANGUAGES for key in Phrase}
    for path in tmp_path.rglob("*.wav"):
        with wave.open(str(path), "rb") as sound:
            seconds = sound.getnframes() / sound.getframerate()
            loudest = max(abs(int.from_bytes(f, "little", signed=True)) for f in _frames(sound))
        if path.name == "silence.wav":
            assert (loudest, seconds < 0.2) == (0, True)
        else:
            assert 0.5 < seconds < 15, path
            assert loudest > 5000, path


def test_a_persons_name_is_recorded_beside_the_phrases(tmp_path: Path) -> None:
    recorder.record_name("e-chen", "陈奶奶", "zh", tmp_path)
    with wave.open(str(tmp_path / "zh" / "person-e-chen.wav"), "rb") as sound:
        assert 0.3 < sound.getnframes() / sound.getframerate() < 5


def _frames(sound: wave.Wave_read) -> list[bytes]:
    data = sound.readframes(sound.getnframes())
    return [data[at : at + 2] for at in range(0, len(data), 2)]


def test_without_a_voice_the_build_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AnbanError) as failure:
        record_all(tmp_path)
    assert failure.value.reason is Reason.AUDIO_DOWN
    assert "espeak-ng" in failure.value.remedy
