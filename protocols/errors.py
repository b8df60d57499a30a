"""The one error of the product stands here: a reason from one list, a sentence, and what to do next."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """Why something was refused or failed. One list for the whole product; rows are added, never renamed."""

    # values and wire
    BAD_VALUE = "bad-value"  # malformed, out of bounds, or not what was asked for
    BAD_VERSION = "bad-version"  # a major version that this release does not accept
    TOO_BIG = "too-big"  # longer or deeper than the bound of its kind

    # pendant link
    LINK_REFUSED = "link-refused"  # a frame or advert that failed authentication or order
    UNKNOWN_DEVICE = "unknown-device"

    # stores
    STORAGE_FULL = "storage-full"
    STORAGE_READ_ONLY = "storage-read-only"
    STORAGE_STUCK = "storage-stuck"  # a commit that has not returned in time
    STORAGE_CORRUPT = "storage-corrupt"
    STORAGE_FAILED = "storage-failed"
    STORAGE_VERSION = "storage-version"  # a schema newer than this release
    COUNTERS_LOST = "counters-lost"  # the security context that used them is dead

    # paths to the platform
    PATH_DOWN = "path-down"  # no way to the other side
    PATH_TIMEOUT = "path-timeout"  # sent, and no answer in time: the outcome is unknown
    PATH_REFUSED = "path-refused"  # answered, authentically, with a refusal
    PATH_BAD_ANSWER = "path-bad-answer"  # an answer that is not what the protocol says
    NOT_AUTHENTIC = "not-authentic"  # certificate, tag or token did not prove who speaks
    NO_CONTEXT = "no-context"  # no living security context is left
    RATE_LIMITED = "rate-limited"

    # devices
    RADIO_DOWN = "radio-down"
    AUDIO_DOWN = "audio-down"
    PINS_DOWN = "pins-down"
    DEVICE_TIMEOUT = "device-timeout"
    MODEM_LOST = "modem-lost"  # its port is gone
    MODEM_REFUSED = "modem-refused"  # it answered a command with an error
    OUTCOME_UNKNOWN = "outcome-unknown"  # handed over, and nobody knows whether it went
    PAIR_AGAIN = "pair-again"  # a device that does not know this hub, or no more: a person has to pair it
    CONSENT_REFUSED = "consent-refused"  # a meter does not take a person's code for their own data
    NO_SESSION = "no-session"  # a glucose sensor that nobody has started, or whose start nobody knows
    NO_SERVICE = "no-service"  # no network, no SIM, or a SIM that wants a PIN

    # people and configuration
    BAD_CONFIG = "bad-config"
    BAD_CREDENTIALS = "bad-credentials"  # the secrets that provisioning left are missing, open or broken
    BAD_REQUEST = "bad-request"  # a request to the hub's own API that it cannot read
    NO_HUB = "no-hub"  # nothing answers on the hub's socket
    NOT_FOUND = "not-found"
    NOT_ALLOWED = "not-allowed"
    CONFLICT = "conflict"  # the thing is in another state than the request assumes
    EXPIRED = "expired"
    BUSY = "busy"
    NOT_READY = "not-ready"


class AnbanError(Exception):
    """What every room raises.

    `reason` is for programs, `sentence` for a technician (it never holds a personal value: it goes to logs),
    `remedy` says what to do next and may be empty.
    """

    def __init__(self, reason: Reason, sentence: str, remedy: str = "") -> None:
        super().__init__(reason, sentence, remedy)
        self.reason = reason
        self.sentence = sentence
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.sentence} [{self.reason.value}]"
        return f"{text} {self.remedy}" if self.remedy else text
