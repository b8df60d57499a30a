"""What the hub learns from its pendants by radio: typed facts, handed upwards at once, never stored here."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.link.messages import Status


@dataclass(frozen=True, slots=True)
class PressHeard:
    """A press, authentic and not a replay. Told once for each (life, number) and rise of meaning by one hub
    process; after a restart it may be told again: fold on (device, life, number).

    `life` is 0 when the pendant could not be asked in time (Timing.life_wait_s). `age_ms` is the age at
    `heard_ms` (monotonic). `via`: advert, or status (read over GATT). `late`: its advert had an old counter;
    it was accepted on proof of life.
    """

    device: str
    life: int
    number: int
    meaning: int
    age_ms: int
    heard_ms: int
    rssi: int | None
    via: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class HeartbeatHeard:
    """A pendant in reach that reports itself well; at most one in HEARTBEAT_MS."""

    device: str
    battery_pct: int
    rssi: int | None
    heard_ms: int


@dataclass(frozen=True, slots=True)
class StatusLearned:
    """An authenticated STATUS. `presses`: (number, meaning, age_ms, stage) of what is open there. `life` is
    to be kept for the next start."""

    device: str
    life: int
    counter: int
    battery_pct: int
    faults: int
    uptime_s: int
    presses: tuple[tuple[int, int, int, int], ...]
    rssi: int | None

    @classmethod
    def of(cls, device: str, status: Status, rssi: int | None) -> StatusLearned:
        """From the message."""
        presses = tuple((p.number, p.meaning, p.age_ms, p.stage) for p in status.presses)
        head = (status.life, status.counter, status.battery_pct, status.faults, status.uptime_s)
        return cls(device, *head, presses, rssi)


@dataclass(frozen=True, slots=True)
class FallNoted:
    """What the fall that is press `number` was like (protocols/fall_note.py); it may be told again."""

    device: str
    life: int
    number: int
    note: bytes


@dataclass(frozen=True, slots=True)
class FallWalks:
    """The wearer of the pendant that told of the fall `number` has walked since; told once by one process,
    after the press."""

    device: str
    life: int
    number: int


@dataclass(frozen=True, slots=True)
class FallAnswered:
    """The pendant, authenticated, says that at another hub of the home, `hub`, somebody has answered its
    question about the fall that is press `number`: all is well. It may be told again."""

    device: str
    life: int
    number: int
    hub: str


@dataclass(frozen=True, slots=True)
class StageConfirmed:
    """The pendant has shown a stage of a press to the elder; `kept`: its flash holds it. `life` as told."""

    device: str
    life: int
    number: int
    stage: int
    kept: bool


@dataclass(frozen=True, slots=True)
class CallStateConfirmed:
    """The pendant has shown how far help has come."""

    device: str
    stage: int
    kept: bool


@dataclass(frozen=True, slots=True)
class AskConfirmed:
    """The pendant has buzzed the question."""

    device: str
    round_number: int


@dataclass(frozen=True, slots=True)
class FloorRaised:
    """The highest advert counter accepted so far: to be kept for the next start. Told at each press, and at
    most once in FLOOR_MS otherwise."""

    device: str
    counter: int


@dataclass(frozen=True, slots=True)
class ReplaySuspected:
    """An authentic advert with an old counter that its pendant did not stand by.

    `reason`: not-open (the pendant, authenticated, has no such press), no-proof (nobody proved to be the
    pendant within Timing.proof_s), bad-proof (somebody answered without the key).
    """

    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """Something was refused: `reason` by the link's own names (plaintext, tag, length ...), `count` so far.

    Told at the 1st, 2nd, 4th, 8th ... time of each reason.
    """

    device: str
    reason: str
    count: int


PendantFact = (
    PressHeard
    | HeartbeatHeard
    | StatusLearned
    | FallNoted
    | FallWalks
    | FallAnswered
    | StageConfirmed
    | CallStateConfirmed
    | AskConfirmed
    | FloorRaised
    | ReplaySuspected
    | LinkRefused
)
