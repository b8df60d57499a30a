"""The sentences the hub says, by key and language: gettext catalogues, and nothing that is not in both.

A key is a gettext msgid and the name of its recording (`DIR/zh/calling.wav`). What a sentence may claim
stands beside its key: nothing is said that is not yet known. `python -m edge.phrases build --out DIR` records
them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path

from edge.phrases.catalogue import catalogue_of

HERE = Path(__file__).resolve().parent


class Phrase(enum.StrEnum):
    """Every key; the comment says when it may be said."""

    CALLING = "calling"  # the hub has the press, durably
    NOT_REACHED = "not-reached"  # no path yet: at 0, 1, 3 min, then every 10
    DELIVERED = "delivered"  # the platform acknowledged: it has the call, perhaps nobody has read it
    DELIVERED_LATER = "delivered-later"  # the same for an assistance outside service hours
    TAKEN = "taken"  # a person took it
    ARRIVED = "arrived"  # a person is there
    CLOSED = "closed"  # the platform closed the call
    CANCELLED = "cancelled"  # the platform accepted the cancellation
    STILL_WAITING = "still-waiting"  # delivered, not taken in time, the platform was alerted again
    CALL_BACK = "call-back"  # the wish to be phoned back was added to an assistance
    ASK_URGENT = "ask-urgent"  # an assistance that nobody took: asked three times
    NOW_URGENT = "now-urgent"  # the assistance became an SOS
    NOW_BACKUP = "now-backup"  # the assistance went to the back-up contact
    ASK_FALL = "ask-fall"  # a fall, while nothing goes out yet: green is "all is well", any other key calls
    CANCEL_OFFER = "cancel-offer"  # cancelling is possible now
    CANCEL_ASKED = "cancel-asked"  # told to the platform, which has not accepted yet
    ASK_WELL = "ask-well"  # a rule noticed something: asked before anybody is called
    WELL = "well"  # the answer was yes, and nothing has gone out
    PROMPT_MEDICATION = "prompt-medication"  # questions of the day: green once is yes, twice no or not now
    PROMPT_MEASUREMENT = "prompt-measurement"
    PROMPT_APPOINTMENT = "prompt-appointment"
    PROMPT_QUESTION = "prompt-question"
    PROMPT_NURSING = "prompt-nursing"
    PROMPT_REHABILITATION = "prompt-rehabilitation"
    WHOSE = "whose"  # somebody has just measured: the name of one who may have been it follows
    UNDERSTOOD_YES = "understood-yes"  # the answer as the hub took it, before it counts
    UNDERSTOOD_NO = "understood-no"
    UNDERSTOOD_LATER = "understood-later"
    PHONING = "phoning"  # the list is being rung; nobody has answered yet
    VOICE_OPEN = "voice-open"  # somebody, or a machine, has answered: the room can be heard
    VOICE_OVER = "voice-over"  # the line is closed
    PHONE_RINGS = "phone-rings"  # somebody rings whom the seed does not list, within a call or soon after
    WAYS_WORK = "ways-work"  # every way was tried just now, on somebody's wish, and worked
    WAYS_FAIL = "ways-fail"  # one of them did not
    INTERNET_WORKS = "internet-works"  # after either of them: which ones
    INTERNET_FAILS = "internet-fails"
    TEXTS_WORK = "texts-work"
    TEXTS_FAIL = "texts-fail"
    TELEPHONE_WORKS = "telephone-works"
    TELEPHONE_FAILS = "telephone-fails"
    PLATFORM_SILENT = "platform-silent"  # by day: the platform has not answered for more than 5 minutes
    PLATFORM_BACK = "platform-back"  # it answers again


def catalogue(language: str) -> Mapping[str, str]:
    """Key -> sentence in `language`. KeyError for a language that is not in LANGUAGES."""
    return catalogue_of(HERE, language)


def text(key: str, language: str) -> str:
    """The sentence of a key. KeyError for an unknown key or language; both catalogues are complete."""
    return catalogue(language)[key]
