"""What must hold after every step and at the end of every history, judged from outside the product.

Known here: what people did, what lamp, voice and pendants said and when, what is on each disk, what the
platform has stored. The product's own book of calls is asked only which presses belong to what is being
shown, and what the elder is being asked. Each thing that is not asked of the product bears its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.book import Call, Life, open_calls, owed
from edge.surfaces import asked
from protocols.kinds import opens_call
from protocols.link.const import STAGE_ARRIVED, STAGE_DELIVERED, STAGE_TAKEN
from protocols.values import Event, EventId, Lane
from sim.histories.air import Air
from sim.histories.clockwork import Violated, World
from sim.histories.hub import Process, Site
from sim.histories.internet import WALL_MS, Platform
from sim.histories.pendant import Pendant
from sim.histories.truth import Mark, ended, helped
from sim.platform.folding import Action, Case, Lifecycle
from sim.platform.folding import Handling as Handled

ATTEMPT_MS = 1_500  # a press is on its way within 250 ms whatever the disk does; the rest is slack
FOLD_MS = 25 * 60_000  # within the product's 30 minutes, with slack
NUDGE_MS, NUDGES_MS = 90_000 + 25_000, 270_000 + 40_000
REPORT_MS = 900_000 + 60_000
NEWS_MS = 20_000  # a poll whose answer was lost (8 s held, 9 s waited for), and the next one
ASSIST_MS = 300_000 + 60_000
CLOCK_MS = 30_000
STORED = frozenset({"delivered", "call-back", "delivered-later", "still-waiting", "cancel-offer"})


class Checks:
    """The witness of one history. Raises Violated."""

    def __init__(
        self, world: World, platform: Platform, air: Air, sites: list[Site], pendants: list[Pendant]
    ) -> None:
        self.world, self.platform, self.air = world, platform, air
        self.sites, self.pendants = sites, {pendant.pendant_id: pendant for pendant in pendants}
        self.told: set[EventId] = set()
        self.accepted: dict[EventId, tuple[Event, int]] = {}
        self.lanes: dict[str, Lane] = {}
        self.lately: dict[EventId, int] = {}  # when a hub last took it: again, if it had lost its memory
        self.unsent: dict[EventId, tuple[Process, int]] = {}
        self.answered: set[EventId] = set()  # calls about which the elder answered a question
        self.healthy_since: dict[str, int | None] = {}
        self.lamps: dict[str, tuple[str, str]] = {}
        self._look_ms = 0
        self._begun: dict[str, Process] = {}  # processes whose inheritance was looked at
        platform.on_case = self.opened
        for site in sites:
            site.watchers.append(self.saw)
        for pendant in pendants:
            pendant.on_stage = self.stage

    # -- as it happens

    def saw(self, site: Site, what: str, value: Any) -> None:
        """Something near a hub."""
        if what == "accepted":
            self._accepted(site, value)
        elif what == "lamp":
            self.world.note(f"{site.name} lamp {value[0]} {value[1]}", f"lamp: {value[0]} {value[1]}")
            self._lamp(site, *value)
        else:
            key, call_id = value
            self.world.note(f"{site.name} says {key}", f"says: {key}")
            if call_id is not None:
                self._speech(site, key, call_id)

    def stage(self, pendant: Pendant, event_id: EventId, stage: int) -> None:
        """A pendant believes a stage of one of its presses; ARRIVED: there, or over."""
        self.told.add(event_id)
        stored = self.stored(event_id)
        durable = any(str(v) in site.disk.events for site in self.sites for v in self.variants(event_id))
        self.must(durable or stored, "I1 told", f"{event_id} is told of, and on no disk")
        if stage < STAGE_DELIVERED:
            return
        self.must(stored, "I9 claims", f"{event_id} shown as delivered")
        if stage == STAGE_TAKEN:
            true = any(helped(marks, mine) for marks, mine in self._believed(event_id))
            self.must(true, "I9 claims", f"{event_id} shown as taken")
        if stage == STAGE_ARRIVED:
            over = any(
                helped(marks, mine, Action.ARRIVED) or ended(marks, mine)
                for marks, mine in self._believed(event_id)
            )
            self.must(over, "I9 claims", f"{event_id} shown as over")

    def _believed(self, event_id: EventId) -> Iterator[tuple[list[Mark], set[EventId]]]:
        """What bears on a press: its case, and which presses its pendant had made by then.

        Each of two hubs tells of the calls that it knows, and may know the presses of one pendant as two; the
        pendant has one feeling for all of them, so that one of them suffices.
        """
        own = self.case(event_id)
        for case_id, marks in self.platform.marks.items():
            mine = {m.press for m in marks if m.press and m.press.origin == event_id.origin}
            mine = {press for press in mine if press.number <= event_id.number}
            if len(self.sites) > 1 or (own is not None and own.call_id == case_id):
                yield marks, mine
                for life in {press.life for press in mine} if len(self.sites) > 1 else ():
                    yield marks, {press for press in mine if press.life == life}

    def _accepted(self, site: Site, event: Event) -> None:
        self.lanes[str(event.id)] = event.lane
        if event.kind.startswith("contact."):
            what = event.data.get("what") or event.data.get("outcome")
            self.world.note(f"{site.name}: {event.kind} {what}", f"{event.kind}: {what}")
        if event.call_id is None:
            return
        now, process = self.world.now_ms, site.process
        assert process is not None
        self.accepted.setdefault(event.id, (event, now))
        self.lately[event.id] = now
        if event.kind == "call.updated" or event.data.get("source") == "rule":
            return  # a rule's call is asked about first: nothing of it need go out
        self.world.note(f"{site.name} takes {event.kind} {event.id} of {event.elder} into {event.call_id}")
        self.unsent.setdefault(event.id, (process, now))
        if event.id.origin in self.pendants:
            made = self.pendants[event.id.origin].made
            # a hub that has not heard of a new life yet mints the id with the last one it knows, or with 0
            real = any(v.number == event.id.number for v in made)
            self.must(real, "I5 replay", f"{event.id} was never pressed")
        if event.call_id == event.id:
            self._must_fold(process, event)

    def _must_fold(self, process: Process, event: Event) -> None:
        for call in open_calls(process.hub.book):
            if call.id == event.id or call.elder != event.elder:
                continue
            keyed = [p.id for p in call.presses.values() if p.opens and p.id in self.accepted]
            last = max((self.accepted[p][1] for p in keyed), default=0)
            recent = self.world.now_ms - last < FOLD_MS
            self.must(not recent, "I2 one call", f"{event.id} opens a second call beside {call.id}")

    def opened(self, case: Case) -> None:
        """A case opens: never beside one to which its first press belongs, whatever its hub still knows."""
        if len(self.sites) > 1:
            return  # of two hubs neither hears of the presses that the other brought
        first = case.presses[0]
        for other in self.platform.open_cases():
            if other.call_id == case.call_id or other.elder != case.elder:
                continue
            same_boot = any(press.boot == first.boot for press in other.presses)
            if not same_boot and first.id != str(case.call_id):
                continue  # a later press of a call that the hub may have opened before it was rebooted
            recent = abs(self._last_ms(case) - self._last_ms(other)) < FOLD_MS
            self.must(not recent, "I2 one call", f"{case.call_id} opens beside {other.call_id}")

    def _last_ms(self, case: Case) -> int:
        """When the hub last took something of this case."""
        taken = [self.accepted.get(EventId.parse(press.id)) for press in case.presses]
        return max((at_ms for _, at_ms in filter(None, taken)), default=0)

    def _presses(self, case: Case) -> list[Any]:
        return [mark for mark in self.platform.marks[case.call_id] if mark.press is not None]

    # -- lamp and voice

    def _shown(self, site: Site) -> list[Call]:
        """The calls that this hub shows."""
        assert site.process is not None
        calls = open_calls(site.process.hub.book)
        over = [call for call in calls if call.handling.value == "arrived" and not call.owes_a_press]
        return [call for call in calls if call.life is Life.OPEN and call not in over]

    def _lamp(self, site: Site, colour: str, pattern: str) -> None:
        calls = self._shown(site)
        presses = [press for call in calls for press in _pressed(call)]
        self.lamps[site.name] = (colour, pattern)
        if colour == "green" and pattern != "off":
            for press in presses:
                self.must(self.stored(press), "I9 claims", f"green, and {press} is not at the platform")
        if (colour, pattern) == ("green", "steady"):
            for call in calls:
                self.must(self._helped(call), "I9 claims", f"steady green, {call.id} not taken")
            self.world.after(NEWS_MS, self._still_true, site)
        if (colour, pattern) == ("amber", "steady"):
            durable = [p for p in presses if str(p) in site.disk.events or self.stored(p)]
            self.must(bool(durable), "I1 told", "amber, and nothing is on the disk")
            self.told.update(durable)

    def _speech(self, site: Site, key: str, call_id: EventId) -> None:
        assert site.process is not None
        call = site.process.hub.book.calls[call_id]
        presses = _pressed(call)
        durable = [p for p in presses if str(p) in site.disk.events or self.stored(p)]
        if key in STORED and call.life is not Life.ASKING:
            self.must(all(map(self.stored, presses)), "I9 claims", f"says {key}, {call_id} is not there")
        if key in ("calling", "now-urgent", "not-reached"):
            self.must(bool(durable), "I1 told", f"says {key}, and {call_id} is on no disk")
            self.told.update(durable)
        if key == "taken":
            self.must(self._helped(call), "I9 claims", f"says {key}, and nobody took {call_id}")
        if key == "arrived":
            there = self._helped(call, Action.ARRIVED)
            self.must(there, "I9 claims", f"says {key}, and nobody is with {call_id}")
        if key == "cancel-asked":
            asks = [p.id for p in call.presses.values() if p.change == "cancel_asked"]
            self.must(bool(asks), "I9 claims", f"says {key}, and nobody wants {call_id} cancelled")
        if key in ("closed", "cancelled"):
            over = self._over(call) or call.withdrawn
            self.must(over, "I9 claims", f"says {key}, and {call_id} has not ended")

    def _helped(self, call: Call, at_least: Action = Action.TAKE) -> bool:
        case = self.case_of(call)
        return case is not None and helped(
            self.platform.marks[case.call_id], self._mine(case, call), at_least
        )

    def _over(self, call: Call) -> bool:
        case = self.case_of(call)
        return case is not None and ended(self.platform.marks[case.call_id], self._mine(case, call))

    def _mine(self, case: Case, call: Call) -> set[EventId]:
        mine = {variant for press in _pressed(call) for variant in self.variants(press)}
        return mine & {mark.press for mark in self._presses(case)}

    # -- after every step

    def each_step(self) -> None:
        """Cheap: what may break at any moment."""
        for site in self.sites:
            process = site.process
            if process is None:
                continue
            if process.loop.troubles:
                raise Violated(process.loop.troubles[0])
            if self._begun.get(site.name) is not process and hasattr(process, "delivery"):
                self._begun[site.name] = process
                self._inherits(site, process)
        for event_id, (process, at_ms) in list(self.unsent.items()):
            if not process.loop.alive or process.tried(event_id):
                del self.unsent[event_id]  # of a killed process: see `_inherits`
            elif self.world.now_ms - at_ms > ATTEMPT_MS:
                raise Violated(f"I4 goes out: {event_id} was taken {ATTEMPT_MS} ms ago, and was not tried")
        if self.world.now_ms - self._look_ms >= 5_000:
            self._look_ms = self.world.now_ms
            self._deadlines()

    def _inherits(self, site: Site, process: Process) -> None:
        """What is on a disk at the start of a process, and not at the platform, is due at once."""
        for event_id, (event, _) in self.accepted.items():
            keyed = opens_call(event.kind) and event.data.get("source") != "rule"
            if keyed and str(event_id) in site.disk.events and event_id not in self.platform.shelf.events:
                self.unsent.setdefault(event_id, (process, self.world.now_ms))

    def _deadlines(self) -> None:
        for site in self.sites:
            self._judge_health(site)
        for site in self.sites:
            self._still_true(site)
            self._clock_is_right(site)
        for case in self.platform.open_cases():
            since = [h for hub in case.hubs if (h := self.healthy_since.get(hub)) is not None]
            if since and not self._owing(case) and not self._forgotten(case):
                self._in_time(case, self.world.now_ms - max(min(since), case.alerted_ms, _hand_ms(case)))

    def _in_time(self, case: Case, calm_ms: int) -> None:
        """A case that stands for so long, its hubs and its platform well, has been brought up again."""
        slack, lane = int(3_000 * self.world.lapse), self._lane(case)
        if case.handling is Handled.TAKEN:
            self.must(calm_ms < REPORT_MS + slack, "I7 help", f"nobody arrives at {case.call_id}")
        elif case.handling is not Handled.NONE:
            return
        elif lane is Lane.SOS:
            nudged = any(p.change == "realert" for p in case.presses)
            limit = (NUDGES_MS if nudged else NUDGE_MS) + slack
            self.must(calm_ms < limit, "I7 help", f"{case.call_id} waits, and the seat is not alerted again")
        elif lane is Lane.ASSIST and not case.cancel_asked and self._always_served():
            # A cancel that the seat did not accept yet: the elder wants nothing, the card shows it.
            # With service hours the wait is theirs: test_deadlines.py counts it.
            limit = ASSIST_MS + 5 * slack  # three questions and what becomes of them, each late by as much
            fine = case.call_id in self.answered
            self.must(fine or calm_ms < limit, "I7 help", f"{case.call_id} is forgotten")

    def _still_true(self, site: Site) -> None:
        """What is shown of a call follows the platform, once the hub could have heard of it."""
        self._judge_health(site)
        well_ms = self.healthy_since.get(site.name)
        if well_ms is None:
            return
        since = max(well_ms, self.world.punctual_ms)
        ago = self.world.now_ms - int(NEWS_MS * self.world.lapse)
        steady = self.lamps.get(site.name) == ("green", "steady")
        for call in self._shown(site):
            case = self.case_of(call)
            if case is None or call.owed or max(since, case.alerted_ms, self._taken_in(call)) > ago:
                continue
            if case.lifecycle is not Lifecycle.OPEN:
                self.must(case.ended_ms > ago, "I9 stale", f"{call.id} is shown, and is {case.lifecycle}")
            elif steady and case.handling is Handled.NONE:
                raise Violated(f"I9 claims: steady green, and {call.id} has nobody")

    def _taken_in(self, call: Call) -> int:
        return max((self.lately.get(press, 0) for press in call.presses), default=0)

    def _clock_is_right(self, site: Site) -> None:
        process = site.process
        if process is None or not process.clock.trusted():
            return
        wrong = process.clock.wall_ms() - (self.world.now_ms + WALL_MS)
        self.must(abs(wrong) <= CLOCK_MS, "I7 clock", f"{site.name} trusts a clock that is {wrong} ms off")

    def _always_served(self) -> bool:
        return all(s.care_hours[0] == s.care_hours[1] for s in self.sites)

    def _owing(self, case: Case) -> bool:
        """Whether a hub still has something of this case to deliver: then its other clock runs."""
        processes = [site.process for site in self.sites if site.process is not None]
        ids = {p.id for process in processes for p in owed(process.hub.book)}
        names = {call_id for _, call_id in case.names}
        calls = [c for process in processes for c in process.hub.book.calls.values() if c.id in names]
        return any(press in ids for call in calls for press in call.presses)

    def _forgotten(self, case: Case) -> bool:
        """Its hubs died before a disk had it: the platform alone knows of this call."""
        known = [site.process.accepted for site in self.sites if site.process is not None]
        presses = [mark.press for mark in self._presses(case)]
        on_disk = any(str(press) in site.disk.events for site in self.sites for press in presses)
        return not on_disk and not any(press in here for press in presses for here in known)

    def _lane(self, case: Case) -> Lane:
        """The meaning that its hubs know; of what another hub or a dead disk had they know nothing."""
        books = [site.process.hub.book for site in self.sites if site.process is not None]
        names = {call_id for _, call_id in case.names}
        return min((c.lane for book in books for c in open_calls(book) if c.id in names), default=Lane.FAULT)

    def _judge_health(self, site: Site) -> None:
        line = any(not line.cut and line.loss < 0.2 for line in site.lines.values())
        process = site.process
        well = process is not None and line and not site.disk.trouble and self.platform.up
        well = well and not self.platform.refuses and hasattr(process, "delivery")
        if not well:
            self.healthy_since[site.name] = None
        elif self.healthy_since.get(site.name) is None or (
            process is not None and process.began_ms > (self.healthy_since[site.name] or 0)
        ):
            self.healthy_since[site.name] = self.world.now_ms

    def key(self, site: Site, key: str) -> None:
        """Before a key of a hub goes down: is it the answer to a question?"""
        assert site.process is not None
        call_id = asked(site.process.hub.book)
        if key == "green" and call_id is not None:
            self.answered |= {call_id, *(c.call_id for c in [self.case(call_id)] if c is not None)}

    # -- the truth

    def must(self, holds: bool, which: str, what: str) -> None:
        if not holds:
            raise Violated(f"{which}: {what}")

    def variants(self, event_id: EventId) -> tuple[EventId, ...]:
        """A press may bear life 0, unknown then, or a later life, if all of its pendant's stores failed."""
        if event_id.origin not in self.pendants:
            return (event_id,)
        known = self.platform.numbers.get((event_id.origin, event_id.number), event_id)
        return event_id, EventId(event_id.origin, 0, event_id.number), known

    def stored(self, event_id: EventId) -> bool:
        return any(v in self.platform.shelf.events for v in self.variants(event_id))

    def case_of(self, call: Call) -> Case | None:
        """The case of a call: by its name, which may be an event that stands elsewhere, or by its events."""
        named = self.platform.shelf.cases.get(self.platform.shelf.case_of_call(call.id))
        return named or self.case(call.id)

    def case(self, event_id: EventId) -> Case | None:
        """The case of an event, or of a call by any of its names."""
        shelf = self.platform.shelf
        for variant in self.variants(event_id):
            if variant in shelf.case_ids:
                return shelf.cases.get(shelf.case_ids[variant])
        return shelf.cases.get(shelf.case_of_call(event_id))


def _pressed(call: Call) -> list[EventId]:
    return [press.id for press in call.presses.values() if press.opens]


def _hand_ms(case: Case) -> int:
    return max(case.taken_ms, case.arrived_ms)
