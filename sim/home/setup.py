"""What a simulated home consists of before it starts: people, hubs, pendants, deadlines, faults to come."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.modem.network import TYPICAL_S


@dataclass(frozen=True)
class Elder:
    """A person of the home, as the platform's register and the page know them."""

    id: str
    zh: str
    en: str
    address: str


@dataclass(frozen=True)
class PendantSetup:
    """A pendant: whose it is, and how it understands presses."""

    id: str
    elder: str
    preset: str = "one-meaning"


@dataclass(frozen=True)
class HubSetup:
    """A hub; its own keys call for `elder`."""

    id: str
    elder: str


@dataclass(frozen=True)
class MeterSetup:
    """A health meter: whose it is, or whose each of its users is, and its manners (sim/air/manners.py)."""

    id: str
    kind: str = "blood-pressure"
    elder: str = ""
    users: dict[str, str] = field(default_factory=dict)
    room: str = "bedroom"
    manners: dict[str, float | bool | str] = field(default_factory=dict)


@dataclass(frozen=True)
class SensorSetup:
    """A BTHome sensor: its role, whose call it raises, after how long a silence it is blind."""

    id: str
    role: str
    elder: str
    room: str
    silent_s: float = 4 * 3600.0


@dataclass(frozen=True)
class RelativeSetup:
    """Somebody of the family with a mobile phone, and the policy of what is texted to it."""

    id: str
    zh: str
    en: str
    number: str
    text: str = "late"
    hertz: float = 1150.0  # by SIP: the tone that stands for their voice


CHEN = Elder("e-chen", "陈奶奶", "Mrs Chen", "幸福里 3 号楼 2 单元 501 · Xingfuli 3-2-501")
WANG = Elder("e-wang", "王爷爷", "Mr Wang", "幸福里 3 号楼 2 单元 501 · Xingfuli 3-2-501")

DAUGHTER = RelativeSetup("daughter", "女儿", "daughter", "+8613800138201")
NEIGHBOUR = RelativeSetup("neighbour", "邻居", "neighbour", "+8613800138202", hertz=1450.0)
FAMILY = (DAUGHTER, NEIGHBOUR)

ALL_DAY = {"service_from_minute": 0, "service_to_minute": 24 * 60}  # a scenario must not depend on the hour


@dataclass(frozen=True)
class Setup:
    """One home. `timing` overrides seconds of the hub's `[timing]` section; a scenario says so."""

    elders: tuple[Elder, ...] = (CHEN, WANG)
    hubs: tuple[HubSetup, ...] = (HubSetup("hub-01", "e-chen"),)
    pendants: tuple[PendantSetup, ...] = (PendantSetup("pd-01", "e-chen"), PendantSetup("pd-02", "e-wang"))
    meters: tuple[MeterSetup, ...] = ()
    sensors: tuple[SensorSetup, ...] = ()
    timing: dict[str, float] = field(default_factory=dict)
    care: dict[str, float | dict[str, float]] = field(default_factory=dict)  # likewise of its `[care]`
    named: bool = False  # a relative has recorded everybody's name: the hub can ask whose a reading is
    faulty_disk: bool = False
    clock_offset_s: int = 0
    not_taken: str = "sos"
    language: str = "zh"
    modems: bool = False  # a modem at each hub and at the platform, and a cell network between them
    family: tuple[RelativeSetup, ...] = ()  # with `modems` or `sip`: who has a phone there
    sip: bool = False  # the family has telephones by SIP too, and each hub an account
    sound: bool = False  # with `sip`: the room's echo control and the air in it, not tones at baresip itself
    sms_delay_s: tuple[float, float] = TYPICAL_S
    texts_a_day: int = 100  # as a hub has it by itself
    calls_a_day: int = 60  # likewise
    rings_ms: tuple[int, ...] = ()  # likewise of its plan: when after a press the family is rung; shortened
    service: dict[str, int] = field(default_factory=lambda: dict(ALL_DAY))

    def number_of(self, hub: str) -> str:
        """The number of a hub's SIM."""
        return f"+861380013{8101 + [row.id for row in self.hubs].index(hub):04d}"


PLATFORM_NUMBER = "+8613800138000"
TEST_NUMBER = "+8613800138300"  # a phone that nobody answers: it is rung to see whether it rings
