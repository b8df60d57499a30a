"""What may be set of the rules of care: the section `[care]` of the settings, typed, with defaults.

A rule whose sensors a home does not have is simply not there, so the defaults are those for a person who
lives alone. Minutes of the day are of the local day; a window with equal ends is the whole day.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

DayMinute = Annotated[int, msgspec.Meta(ge=0, le=24 * 60)]
After = Annotated[float, msgspec.Meta(gt=0, le=3 * 24 * 60)]  # minutes
AskSeconds = Annotated[float, msgspec.Meta(ge=1, le=120)]
Person = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,16}$")]
Measured = Literal["blood_pressure", "glucose", "oxygen", "body_temperature", "weight", "pulse"]

NIGHT: Final = (22 * 60, 6 * 60)


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one figure: beyond `flag` a reading is marked, beyond `call` somebody is asked."""

    call_below: float | None = None
    flag_below: float | None = None
    flag_above: float | None = None
    call_above: float | None = None


class BedExit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Out of bed at night, and not back."""

    on: bool = True
    after_minutes: After = 25  # a visit to the bathroom of an old person takes up to 15
    from_minute: DayMinute = NIGHT[0]
    to_minute: DayMinute = NIGHT[1]


class NotUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Still in bed, or not seen since `from_minute`, at `by_minute`."""

    on: bool = True
    from_minute: DayMinute = 5 * 60
    by_minute: DayMinute = 10 * 60


class NoMotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No sign of life by day while at home; only minutes of the window are counted."""

    on: bool = True
    after_minutes: After = 6 * 60
    from_minute: DayMinute = 7 * 60
    to_minute: DayMinute = 22 * 60


class DoorOpen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The door of the home stands open at night."""

    on: bool = True
    after_minutes: After = 10
    from_minute: DayMinute = NIGHT[0]
    to_minute: DayMinute = NIGHT[1]


class LeftAtNight(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Out by the door at night, and not back. Off unless it is agreed: nobody is there to answer."""

    on: bool = False
    after_minutes: After = 20
    from_minute: DayMinute = NIGHT[0]
    to_minute: DayMinute = NIGHT[1]


class Wandering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Away: outside the fence by a GNSS tracker, at any hour; or out of the home's hearing by a tag that is
    worn, within the window. Only somebody for whom it was agreed wears either.
    """

    on: bool = True
    radius_m: Annotated[int, msgspec.Meta(ge=20, le=50_000)] = 500  # of the fence: the shop at the corner
    after_minutes: After = 10
    from_minute: DayMinute = NIGHT[0]
    to_minute: DayMinute = NIGHT[1]


class Stove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The stove is on, and nobody is seen in its room: for `after_minutes` where they were seen elsewhere
    since, for `still_minutes` where not: whoever sits there and waits for the soup is not seen either.
    """

    on: bool = True
    after_minutes: After = 15
    still_minutes: After = 25  # a pot of soup boils dry in half an hour


class WellKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The daily key "I am well" was not pressed."""

    on: bool = True
    by_minute: DayMinute = 10 * 60


class Missed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measurement of every day was not made; `kinds` names those that are agreed."""

    on: bool = True
    by_minute: DayMinute = 10 * 60
    kinds: tuple[Measured, ...] = ()


class Vitals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of figures, absolute and against the person's own last `own_days`.

    Absolute: systole and diastole from the ESC's and ACC's "severe" (180, 120), the others from the bands of
    the British NEWS2 that score 3, and hypoglycaemia level 2 of the ADA (3.0 mmol/L).
    """

    on: bool = True
    systolic: Limits = Limits(call_below=80, flag_below=95, flag_above=160, call_above=180)
    diastolic: Limits = Limits(call_below=40, flag_below=50, flag_above=100, call_above=120)
    pulse_bpm: Limits = Limits(call_below=40, flag_below=50, flag_above=110, call_above=130)
    oxygen_pct: Limits = Limits(call_below=88, flag_below=92)
    temperature_c: Limits = Limits(call_below=34.5, flag_below=35.5, flag_above=38.0, call_above=39.5)
    glucose_mmol: Limits = Limits(call_below=3.0, flag_below=3.9, flag_above=13.9, call_above=20.0)
    own_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 30  # 0: not compared with one's own
    own_least: Annotated[int, msgspec.Meta(ge=5, le=200)] = 10  # figures; fewer make no band
    own_deviations: Annotated[float, msgspec.Meta(ge=1, le=10)] = 3.0


class PersonRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is otherwise for one person: a rule that stands here replaces the home's whole."""

    bed_exit: BedExit | None = None
    not_up: NotUp | None = None
    no_motion: NoMotion | None = None
    door_open: DoorOpen | None = None
    left_at_night: LeftAtNight | None = None
    wandering: Wandering | None = None
    stove: Stove | None = None
    well_key: WellKey | None = None
    missed: Missed | None = None
    vitals: Vitals | None = None


class CareSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of the home. `ask_s`: how long an answer is waited for before the call goes out."""

    ask_s: AskSeconds = 60.0  # the question is said at once and twice more
    bed_exit: BedExit = BedExit()
    not_up: NotUp = NotUp()
    no_motion: NoMotion = NoMotion()
    door_open: DoorOpen = DoorOpen()
    left_at_night: LeftAtNight = LeftAtNight()
    wandering: Wandering = Wandering()
    stove: Stove = Stove()
    well_key: WellKey = WellKey()
    missed: Missed = Missed()
    vitals: Vitals = Vitals()
    people: dict[Person, PersonRules] = {}

    def of(self, elder: str) -> CareSection:
        """The rules of one person."""
        own = self.people.get(elder)
        if own is None:
            return self
        named = {key: rule for key, rule in msgspec.structs.asdict(own).items() if rule is not None}
        return msgspec.structs.replace(self, **named)


CARE: Final = CareSection()
