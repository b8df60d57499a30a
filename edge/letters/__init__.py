"""What the hub writes to relatives and neighbours, by key and language: one text of one part, whatever names
and places are in it.

The sentences stand in gettext catalogues (`zh.po`, `en.po`) with {who}, {when} and {place}. What a sentence
may claim stands beside its key. Names and places are cut, the place before the name, never the sentence.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path

from edge.phrases.catalogue import catalogue_of
from protocols.sms_pdu import is_one_part

HERE = Path(__file__).resolve().parent


class Letter(enum.StrEnum):
    """Every key; the comment says when it may be written."""

    CALLED = "called"  # a key was pressed; whether anybody has answered is not said
    UNREACHED = "unreached"  # the platform has not answered until now
    UNTAKEN = "untaken"  # the platform has it, and nobody has taken it
    TAKEN = "taken"  # a person took it, or is there
    OVER = "over"  # the call is closed or cancelled


def catalogue(language: str) -> Mapping[str, str]:
    """Key -> sentence in `language`. KeyError for a language that is not in LANGUAGES."""
    return catalogue_of(HERE, language)


def write(letter: Letter, language: str, *, who: str, when: str = "", place: str = "") -> str:
    """The text, in one part. `when` is an hour such as 12:03, or empty."""
    sentence = catalogue(language)[letter.value]
    who, place = _plain(who), _plain(place)
    while True:
        text = _joined(sentence.format(who=who, when=when, place=place))
        if is_one_part(text) or not (who or place):
            return text
        if place:
            place = place[:-1].rstrip()
        else:
            who = who[:-1].rstrip()


def _plain(words: str) -> str:
    """Without what is no character of a text: control characters, halves of characters."""
    return "".join(char for char in words if char.isprintable()).strip()


def _joined(text: str) -> str:
    """Without the gaps that empty words leave."""
    text = " ".join(text.split())
    for mark in (",", ".", ":", "。", "，"):
        text = text.replace(f" {mark}", mark)
    return text.replace(",,", ",")
