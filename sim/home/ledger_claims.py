"""Whether what a home was told was true when it was told: of the presses before it, and not of any call.

A light, a buzz or a phrase claims something of the person's own presses. "The platform has it" is true only
when the platform has an event of its own for every press that was made on that device before, and something
that is not of a call which that device had shown to be over. "Somebody took it" is true only if besides a
hand at the seat holds the call in which the newest of them stands, and not the call before it. Presses, hands
and claims are seen from outside; when a press arrived is the word of the platform's own database.

A press binds the claims of its device from the moment when the device can have felt it: a pendant's "pressed"
buzz, which comes in one stream with all that it tells, or else after `REACTION_MS`. A lamp's claim stands
until the lamp shows something else, and is looked at again at each press that comes meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from sim.home.ledger_values import CLOCK_SLACK_MS, Deed, Meaning, Press, Stored, Told

# From a finger to the light: pins, debounce, a busy machine. A claim within it may be of before the press;
# that it is of this call and not of the one before is asked of it all the same.
REACTION_MS = 3_000
HOLD_MS = 3_000  # a key with several meanings: which one it is shows at its release, or when held so long
UPDATE = "call.updated"  # asks for no help: what was told of the call stays true while it is on its way
CLAIMS = (Meaning.DELIVERED, Meaning.TAKEN)
ENDS = ("close", "accept-cancel")
HANDS = ("take", "arrived")
FINE = "fine"  # at home: nothing goes to the platform, and that it is over is true all the same
Match = Callable[[Sequence[Press], Sequence[Stored]], Mapping[Press, Stored]]


def claims(
    presses: Sequence[Press],
    told: Sequence[Told],
    deeds: Sequence[Deed],
    events: Sequence[Stored],
    carried: Mapping[Press, Stored],
    match: Match,
) -> tuple[list[str], list[str]]:
    """Sentences about claims that never came true, and about claims made before they were true.

    `carried`: the event that each press became in the end; a press that became an update (the green key held
    to cancel, an answer) binds nothing. `match` gives as many presses as it can an event of their own.
    """
    presses = [press for press in presses if press not in carried or carried[press].kind != UPDATE]
    calls = sorted((e for e in events if e.kind.startswith("call.")), key=lambda e: e.received_ms)
    at_home = {deed.elder for deed in deeds if deed.what == FINE}
    people = {elder: _Person(elder, deeds, calls) for elder in {e.elder for e in calls} | at_home}
    devices = {name: _Device(name, presses, told, calls, match) for name in {t.device for t in told}}
    unkept, early = [], []
    standing = (stands for claim in told for stands in devices[claim.device].standing(claim))
    for claim in sorted(standing, key=lambda t: t.at_ms):
        sentence = f"{claim.device} {claim.surface} told '{claim.meaning}' at {claim.at_ms} ms"
        whose = [people[elder] for elder in sorted(people) if claim.elder in ("", elder)]
        if not whose:
            unkept.append(f"{sentence}: nothing at the platform")
        elif why := _untrue(claim, presses, whose, devices[claim.device]):
            early.append(f"{sentence}: {why}")
    return unkept, early


class _Person:
    """What came of one elder, and what the seat did about it; times in their order."""

    def __init__(self, elder: str, deeds: Sequence[Deed], calls: Sequence[Stored]) -> None:
        self.elder = elder
        self._came = [e.received_ms for e in calls if e.elder == elder]
        self._sos = [e.received_ms for e in calls if e.elder == elder and e.kind == "call.sos"]
        mine = sorted((d for d in deeds if d.elder == elder), key=lambda d: d.at_ms)
        self._hands = [d for d in mine if d.what in HANDS]
        self._hand_ms = [d.at_ms for d in self._hands]
        self._ends = [d.at_ms for d in mine if d.what in ENDS]
        self._fine = [d.at_ms for d in mine if d.what == FINE]

    def came(self, at_ms: int) -> int | None:
        """When the last event before then came."""
        return _last(self._came, at_ms)

    def hand(self, at_ms: int) -> Deed | None:
        """The last that the seat did for this elder before then, short of ending the call."""
        count = bisect_right(self._hand_ms, at_ms)
        return self._hands[count - 1] if count else None

    def over(self, at_ms: int) -> bool:
        """Whether anything had been ended, or somebody had arrived, or all was well at home, by then."""
        arrived = (d.at_ms for d in self._hands if d.what == "arrived")
        return any(done_ms <= at_ms for done_ms in (*self._ends, *self._fine, *arrived))

    def ended(self, from_ms: int, to_ms: int) -> bool:
        """Whether the seat ended the call between the two."""
        last = _last(self._ends, to_ms)
        return last is not None and last >= from_ms

    def alarmed(self, at_ms: int) -> bool:
        """Whether the call that stood then was an SOS."""
        last = _last(self._sos, at_ms)
        return last is not None and not self.ended(last, at_ms)


class _Device:
    """What binds the claims of one device: its presses, when it felt them, and what it showed as over."""

    def __init__(
        self,
        name: str,
        presses: Sequence[Press],
        told: Sequence[Told],
        calls: Sequence[Stored],
        match: Match,
    ) -> None:
        self._calls = [event for event in calls if event.origin == name]
        self._match = match
        mine = sorted((t for t in told if t.device == name), key=lambda t: t.at_ms)
        own = sorted((p for p in presses if p.origin == name), key=lambda p: p.at_ms)
        self.alone = len({press.elder for press in presses}) == 1
        self._bound = _binding(own, mine)
        self._bound_ms = [from_ms for from_ms, _ in self._bound]
        self._lamp_ms = [t.at_ms for t in mine if t.surface == "lamp"]
        self._dark_ms = [t.at_ms for t in mine if _is_dark(t)]
        self._felt = 0
        self._owing: list[Press] = []  # felt, and not known to have arrived
        self._blamed: set[Press] = set()

    def standing(self, claim: Told) -> Iterator[Told]:
        """The claim, and once more for each press that came while a lamp went on to show it."""
        if claim.meaning in (Meaning.OTHER, Meaning.NOT_YET):
            return
        yield claim
        if claim.surface == "lamp" and claim.meaning in CLAIMS:
            after = bisect_right(self._lamp_ms, claim.at_ms)
            until_ms = self._lamp_ms[after] if after < len(self._lamp_ms) else claim.at_ms
            for from_ms in self._bound_ms[bisect_right(self._bound_ms, claim.at_ms) :]:
                if from_ms < until_ms:
                    yield replace(claim, at_ms=from_ms)

    def dark_ms(self, at_ms: int) -> int:
        """When it last showed before then that no call of its person stands; 0 if it never did."""
        return _last(self._dark_ms, at_ms) or 0

    def newest(self, at_ms: int) -> tuple[Press, Stored] | None:
        """The newest press that it had felt by then, and the first event that may be of it."""
        count = bisect_right(self._bound_ms, at_ms)
        if not count:
            return None
        press = self._bound[count - 1][1]
        first = bisect_right(self._calls, press.at_ms - CLOCK_SLACK_MS, key=lambda e: e.received_ms)
        event = next((event for event in self._calls[first:] if event.kind in press.kinds), None)
        return None if event is None else (press, event)

    def missing(self, at_ms: int) -> Press | None:
        """A press that it had felt by then and that the platform had not; each is told of once.

        To be asked in the order of time.
        """
        felt = bisect_right(self._bound_ms, at_ms)
        self._owing += [press for _, press in self._bound[self._felt : felt]]
        self._felt = max(felt, self._felt)
        if not self._owing:
            return None
        last = bisect_right(self._calls, at_ms + CLOCK_SLACK_MS, key=lambda e: e.received_ms)
        carried = self._match(self._owing, self._calls[:last])
        lacking = [press for press in self._owing if press not in carried]
        if not lacking:
            self._owing = []
        fresh = [press for press in lacking if press not in self._blamed]
        self._blamed.update(fresh)
        return fresh[0] if fresh else None


def _last(times: Sequence[int], at_ms: int) -> int | None:
    count = bisect_right(times, at_ms)
    return times[count - 1] if count else None


def _is_dark(told: Told) -> bool:
    """Whether nothing that stands is left to be told: a lamp that went out, the buzz of an end.

    A phrase is of one call of a home that may have several.
    """
    if told.surface == "lamp":
        return told.text == "off off"
    return told.surface == "buzz" and told.meaning is Meaning.OVER


def _binding(own: Sequence[Press], told: Sequence[Told]) -> list[tuple[int, Press]]:
    """From when on each press binds, in that order; one that need not have an event of its own never does."""
    buzzes = [t.at_ms for t in told if t.surface == "buzz" and t.text == "pressed"]
    bound, next_buzz = [], 0
    for press in own:
        while next_buzz < len(buzzes) and buzzes[next_buzz] < press.at_ms:
            next_buzz += 1
        from_ms = press.at_ms + REACTION_MS + (HOLD_MS if UPDATE in press.kinds else 0)
        if next_buzz < len(buzzes) and buzzes[next_buzz] < from_ms:
            from_ms, next_buzz = buzzes[next_buzz], next_buzz + 1
        if not press.may_fold:
            bound.append((from_ms, press))
    return sorted(bound, key=lambda row: row[0])


def _untrue(claim: Told, presses: Sequence[Press], whose: Sequence[_Person], device: _Device) -> str:
    """Why this claim was not true when it was made, or empty."""
    now_ms = claim.at_ms + CLOCK_SLACK_MS
    if claim.meaning is Meaning.HEARD:
        made = any(p.at_ms <= now_ms and claim.elder in ("", p.elder) for p in presses)
        return "" if made else "not true then"
    if claim.meaning is Meaning.OVER:
        return "" if any(person.over(now_ms) for person in whose) else "not true then"
    dark_ms = device.dark_ms(claim.at_ms)
    stands = [
        person
        for person in whose
        if (came_ms := person.came(now_ms)) is not None and not person.ended(came_ms, dark_ms)
    ]
    if not stands:
        return "not true then: nothing newer than what it had shown to be over was at the platform"
    missing = device.missing(claim.at_ms) if claim.surface != "spoken" or device.alone else None
    if missing is not None:
        return f"not true then: its press at {missing.at_ms} ms was not at the platform"
    if claim.meaning is Meaning.TAKEN and not any(_is_held(p, device, claim.at_ms) for p in stands):
        return "not true then: nobody had taken the call"
    return ""


def _is_held(person: _Person, device: _Device, at_ms: int) -> bool:
    """Whether a hand at the seat holds the call of this person in which the device's newest press stands.

    A press into a call that is taken alerts the seat anew and leaves it taken. After "arrived", after an end,
    and for an SOS where the seat had been asked for less, help begins anew.
    """
    hand = person.hand(at_ms + CLOCK_SLACK_MS)
    if hand is None or person.ended(hand.at_ms, device.dark_ms(at_ms)):
        return False
    newest = device.newest(at_ms)
    if newest is None or newest[0].elder != person.elder or newest[1].received_ms <= hand.at_ms:
        return True
    event = newest[1]
    if hand.what != "take" or person.ended(hand.at_ms, event.received_ms):
        return False
    return event.kind != "call.sos" or person.alarmed(hand.at_ms)
