"""What must hold after every step and at the end of every history, judged from outside the product.

Known here: what people did, what lamp, voice and pendants said and when, what is on each disk, what the
platform has stored. The product's own book of calls is asked only which presses belong to a call that is
being shown.
"""

from __future__ import annotations

from typing import Any

from edge.book import Life, open_calls, owed
from protocols.link.const import STAGE_ARRIVED, STAGE_CLOSED, STAGE_DELIVERED, STAGE_HEARD, STAGE_TAKEN
from protocols.values import Event, EventId, Lane
from sim.histories.air import Air
from sim.histories.clockwork import Violated, World
from sim.histories.hub import Site
from sim.histories.internet import Platform
from sim.histories.pendant import Pendant
from sim.platform.folding import Case, Lifecycle, call_of
from sim.platform.folding import Handling as Handled

ATTEMPT_MS = 1_500  # a press is on its way within 250 ms whatever the disk does; the rest is slack
FOLD_MS = 25 * 60_000  # within the product's 30 minutes, with slack
NUDGE_MS, NUDGES_MS = 90_000 + 25_000, 270_000 + 40_000
NEWS_MS = 20_000  # a poll whose answer was lost (8 s held, 9 s waited for), and the next one
ASSIST_MS = 300_000 + 60_000


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
        self.unsent: dict[EventId, tuple[Site, int]] = {}
        self.answered: set[EventId] = set()  # calls during which a green key was touched
        self.healthy_since: dict[str, int | None] = {}
        self.lamps: dict[str, tuple[str, str]] = {}
        self._look_ms = 0
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
            self.world.note(f"{site.name} says {value}", f"says: {value}")
            self._speech(site, value)

    def stage(self, pendant: Pendant, event_id: EventId, stage: int) -> None:
        """A pendant believes a stage of one of its presses."""
        known = self._variants(event_id)
        if stage >= STAGE_HEARD:
            self.told.add(event_id)
            stored = self._stored(event_id)
            durable = any(str(v) in site.disk.events for site in self.sites for v in known)
            self._must(durable or stored, "I1 told", f"{event_id} is told of, and on no disk")
            self._must(stage < STAGE_DELIVERED or stored, "I9 claims", f"{event_id} shown as delivered")
        if STAGE_TAKEN <= stage <= STAGE_ARRIVED:
            self._must(self._was_taken(event_id), "I9 claims", f"{event_id} shown as taken")
        if stage >= STAGE_CLOSED:
            self._must(self._ended(event_id), "I9 claims", f"{event_id} shown as closed")

    def _accepted(self, site: Site, event: Event) -> None:
        self.lanes[str(event.id)] = event.lane
        if event.call_id is None:
            return
        self.accepted.setdefault(event.id, (event, self.world.now_ms))
        self.lately[event.id] = self.world.now_ms
        if event.kind == "call.updated" or "rule" in (event.data.get("source"),):
            return
        self.world.note(f"{site.name} takes {event.kind} {event.id} of {event.elder} into {event.call_id}")
        if event.kind not in ("call.fall",):
            self.unsent.setdefault(event.id, (site, self.world.now_ms))
        if event.id.origin in self.pendants:
            made = self.pendants[event.id.origin].made
            # a hub that has not heard of a new life yet mints the id with the last one it knows, or with 0
            real = any(v.number == event.id.number for v in made)
            self._must(real, "I5 replay", f"{event.id} was never pressed")
        if event.call_id == event.id and site.process is not None:
            self._must_fold(site, event)

    def _must_fold(self, site: Site, event: Event) -> None:
        assert site.process is not None
        for call in open_calls(site.process.hub.book):
            if call.id == event.id or call.elder != event.elder:
                continue
            keyed = [p.id for p in call.presses.values() if p.opens and p.id in self.accepted]
            last = max((self.accepted[p][1] for p in keyed), default=0)
            recent = self.world.now_ms - last < FOLD_MS
            self._must(not recent, "I2 one call", f"{event.id} opens a second call beside {call.id}")

    # -- lamp and voice

    def _shown(self, site: Site) -> list[list[EventId]]:
        """The presses of each call that this hub shows."""
        assert site.process is not None
        calls = open_calls(site.process.hub.book)
        over = [call for call in calls if call.handling.value == "arrived" and not call.owes_a_press]
        shown = [call for call in calls if call.life is Life.OPEN and call not in over]
        return [[p.id for p in call.presses.values() if p.opens] for call in shown]

    def _lamp(self, site: Site, colour: str, pattern: str) -> None:
        calls = self._shown(site)
        if colour == "green" and pattern != "off":
            for press in (p for call in calls for p in call):
                self._must(self._stored(press), "I9 claims", f"green, and {press} is not at the platform")
        self.lamps[site.name] = (colour, pattern)
        if (colour, pattern) == ("green", "steady"):
            for call in calls:
                self._must(any(map(self._was_taken, call)), "I9 claims", f"steady green, {call[0]} not taken")
            self.world.after(NEWS_MS, self._still_true, site)
        if (colour, pattern) == ("amber", "steady"):
            durable = [p for call in calls for p in call if str(p) in site.disk.events or self._stored(p)]
            self._must(bool(durable), "I1 told", "amber, and nothing is on the disk")
            self.told.update(durable)

    def _speech(self, site: Site, key: str) -> None:
        assert site.process is not None
        calls = list(site.process.hub.book.calls.values())
        presses = [[p.id for p in call.presses.values() if p.opens] for call in calls]
        if key in ("delivered", "call-back", "delivered-later", "still-waiting"):
            true = any(call and all(map(self._stored, call)) for call in presses)
            self._must(true, "I9 claims", f"says {key}, and no call is at the platform")
        if key in ("taken", "arrived"):
            true = any(any(map(self._was_taken, call)) for call in presses)
            self._must(true, "I9 claims", f"says {key}, and nobody took a call")
        if key in ("closed", "cancelled"):
            true = any(map(self._ended, (call.id for call in calls)))
            withdrawn = any(call.life is Life.CANCELLED for call in calls)
            self._must(true or withdrawn, "I9 claims", f"says {key}, and no call ended")

    # -- after every step

    def each_step(self) -> None:
        """Cheap: what may break at any moment."""
        for site in self.sites:
            if site.process is not None and site.process.loop.troubles:
                raise Violated(site.process.loop.troubles[0])
        for event_id, (site, at_ms) in list(self.unsent.items()):
            process = site.process
            if (
                process is None
                or process.began_ms > at_ms
                or any(str(event_id) in line.sent for line in site.lines.values())
            ):
                del self.unsent[event_id]
            elif self.world.now_ms - at_ms > ATTEMPT_MS and hasattr(process, "delivery"):
                raise Violated(f"I4 goes out: {event_id} was taken {ATTEMPT_MS} ms ago, and was not tried")
        if self.world.now_ms - self._look_ms >= 5_000:
            self._look_ms = self.world.now_ms
            self._deadlines()

    def _deadlines(self) -> None:
        now, slack = self.world.now_ms, int(3_000 * self.world.lapse)
        for site in self.sites:
            self._judge_health(site)
        for site in self.sites:
            self._still_true(site)
        for case in self.platform.open_cases():
            since = [h for hub in case.hubs if (h := self.healthy_since.get(hub)) is not None]
            if not since or case.handling is not Handled.NONE or self._owing(case) or self._forgotten(case):
                continue
            calm = now - max(min(since), case.alerted_ms)
            nudged = any(p.change == "realert" for p in case.presses)
            lane = self._lane(case)
            if lane is Lane.SOS:
                limit = (NUDGES_MS if nudged else NUDGE_MS) + slack
                self._must(
                    calm < limit, "I7 help", f"{case.call_id} waits, and the seat is not alerted again"
                )
            elif lane is Lane.ASSIST and not case.cancel_asked and self._always_served(case):
                known = case.call_id in self.answered
                limit = (
                    ASSIST_MS + 5 * slack
                )  # three questions and what becomes of them, each late by as much
                self._must(known or calm < limit, "I7 help", f"{case.call_id} is forgotten")

    def _still_true(self, site: Site) -> None:
        """A steady green that has become too much is taken back once the hub could have heard of it."""
        self._judge_health(site)
        since = self.healthy_since.get(site.name)
        if self.lamps.get(site.name) != ("green", "steady") or since is None:
            return
        slack = int(2_000 * self.world.lapse)
        shown = {str(press) for call in self._shown(site) for press in call}
        for case in self.platform.open_cases():
            calm = self.world.now_ms - max(since, case.alerted_ms) >= NEWS_MS + slack
            wrong = calm and case.handling is Handled.NONE and any(p.id in shown for p in case.presses)
            self._must(not wrong, "I9 claims", f"steady green, and {case.call_id} has nobody")

    def _always_served(self, case: Case) -> bool:
        return all(s.care_hours[0] == s.care_hours[1] for s in self.sites)

    def _owing(self, case: Case) -> bool:
        """Whether a hub still has something of this case to deliver: then its other clock runs."""
        processes = [site.process for site in self.sites if site.process is not None]
        ids = {str(p.id) for process in processes for p in owed(process.hub.book)}
        names = {call_id for _, call_id in case.names}
        calls = [c for process in processes for c in process.hub.book.calls.values() if c.id in names]
        return any(str(press) in ids for call in calls for press in call.presses)

    def _forgotten(self, case: Case) -> bool:
        """Its hubs died before a disk had it: the platform alone knows of this call."""
        return not any(press.id in site.disk.events for site in self.sites for press in case.presses)

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

    # -- at the end

    def at_the_end(self) -> None:
        """Everything is healed and has had its time."""
        self._nothing_lost()
        self._no_case_twice()
        for site in self.sites:
            self._agrees(site)
        for pendant in self.pendants.values():
            unheard = [p.number for p in pendant.core.book.unheard()]
            self._must(not unheard, "I4 goes out", f"{pendant.pendant_id} still holds {unheard}")

    def _nothing_lost(self) -> None:
        withdrawn = self._withdrawn()
        for site in self.sites:
            for text in sorted(t for t in site.disk.events if self.lanes[t] <= Lane.READING):
                event_id = EventId.parse(text)
                here = event_id in self.platform.shelf.events or event_id in withdrawn
                self._must(here, "I2 lost", f"{text} is on {site.name}'s disk, and not at the platform")
        for event_id in sorted(self.told):
            self._must(self._stored(event_id), "I1 told", f"{event_id} was told of, and is lost")
        for pendant in self.pendants.values():
            for event_id in sorted(pendant.kept):
                self._must(
                    self._stored(event_id), "I2 lost", f"{event_id} was kept by a pendant, and is lost"
                )

    def _withdrawn(self) -> set[EventId]:
        books = [site.process.hub.book for site in self.sites if site.process is not None]
        calls = [call for book in books for call in book.calls.values() if call.base is Life.CANCELLED]
        return {press for call in calls for press in call.presses}

    def _no_case_twice(self) -> None:
        shelf, homes = self.platform.shelf, {}
        for case in shelf.cases.values():
            for press in case.presses:
                known = homes.setdefault(press.id, case.call_id)
                self._must(known == case.call_id, "I2 one case", f"{press.id} stands in two cases")
        for event, _, _ in shelf.events.values():
            if call_of(event) is not None:
                self._must(str(event.id) in homes, "I2 one case", f"{event.id} stands in no case")
                real = event.id in self.accepted
                self._must(real, "I5 replay", f"{event.id} is at the platform, and nobody pressed it")

    def _agrees(self, site: Site) -> None:
        process = site.process
        assert process is not None
        for call in process.hub.book.calls.values():
            case = self._case(call.id)
            if call.base is Life.OPEN and case is not None:
                taken_in = max((self.lately.get(press, 0) for press in call.presses), default=0)
                if taken_in > case.ended_ms and self._said(site, call.id):
                    continue  # it had forgotten the call, which was over by then: the next nudge tells it
                here, there = call.life is Life.OPEN, case.lifecycle is Lifecycle.OPEN
                self._must(
                    here == there, "I9 agrees", f"{site.name}: {call.id} {call.life}, not {case.lifecycle}"
                )
        self._must(site.disk.journal.verify().ok, "I1 chain", f"{site.name}'s journal does not verify")
        for lane in (Lane.FAULT, Lane.READING):
            left = site.disk.journal.pending(lane, 1)
            self._must(not left, "I2 lost", f"{site.name} still owes a {lane.name} event")

    def _said(self, site: Site, call_id: EventId) -> bool:
        """Whether the platform has already told this hub of the end of the call."""
        items = self.platform.shelf.after(site.name, 0)
        return any(
            getattr(i, "stage", "") in ("closed", "cancelled") and i.about == call_id for _, i in items
        )

    # -- the truth

    def _must(self, holds: bool, which: str, what: str) -> None:
        if not holds:
            raise Violated(f"{which}: {what}")

    def _variants(self, event_id: EventId) -> tuple[EventId, ...]:
        """A press may bear life 0, unknown then, or a later life, if all of its pendant's stores failed."""
        if event_id.origin not in self.pendants:
            return (event_id,)
        known = self.platform.numbers.get((event_id.origin, event_id.number), event_id)
        return event_id, EventId(event_id.origin, 0, event_id.number), known

    def _stored(self, event_id: EventId) -> bool:
        return any(v in self.platform.shelf.events for v in self._variants(event_id))

    def _case(self, event_id: EventId) -> Case | None:
        """The case of an event, or of a call by any of its names."""
        shelf = self.platform.shelf
        for variant in self._variants(event_id):
            if variant in shelf.case_ids:
                return shelf.cases.get(shelf.case_ids[variant])
        return shelf.cases.get(shelf.case_of_call(event_id))

    def _was_taken(self, event_id: EventId) -> bool:
        case = self._case(event_id)
        return case is not None and case.call_id in self.platform.taken

    def _ended(self, event_id: EventId) -> bool:
        case = self._case(event_id)
        return case is not None and (case.lifecycle is not Lifecycle.OPEN or case.reopened > 0)
