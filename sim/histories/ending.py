"""What must hold at the end of a history, when everything is healed and has had its time."""

from __future__ import annotations

from edge.book import Life
from edge.budget import HOUR_MS
from protocols.values import EventId, Lane
from sim.histories.checks import Checks
from sim.histories.hub import Site
from sim.platform.folding import Lifecycle, call_of


def at_the_end(checks: Checks, quiet: bool) -> None:
    """Raises Violated. `quiet`: whether the home came to rest in the time that it had."""
    _nothing_lost(checks)
    _no_case_twice(checks)
    for site in checks.sites:
        _agrees(checks, site)
        _within_budget(checks, site)
    for pendant in checks.pendants.values():
        unheard = [p.number for p in pendant.core.book.unheard()]
        checks.must(not unheard, "I4 goes out", f"{pendant.pendant_id} still holds {unheard}")
    checks.must(quiet, "I3 rest", "half an hour of peace, and something is still owed or open")


def _nothing_lost(checks: Checks) -> None:
    withdrawn = _withdrawn(checks)
    for site in checks.sites:
        assert site.process is not None
        kept = {EventId.parse(t) for t in site.disk.events if checks.lanes[t] <= Lane.READING}
        for event_id in sorted((kept | site.process.accepted) - withdrawn):
            here = event_id in checks.platform.shelf.events
            checks.must(here, "I2 lost", f"{event_id} is known to {site.name}, and not to the platform")
    for event_id in sorted(checks.told):
        checks.must(checks.stored(event_id), "I1 told", f"{event_id} was told of, and is lost")
    for pendant in checks.pendants.values():
        for event_id in sorted(pendant.kept):
            checks.must(checks.stored(event_id), "I2 lost", f"{event_id} was kept by a pendant, and is lost")


def _within_budget(checks: Checks, site: Site) -> None:
    """What a SIM may cost in a day, over all processes."""
    process, cell = site.process, site.cell
    if process is None or cell is None or process.texting is None:
        return
    texts, calls = process.texting.budget.most, process.texting.calls.most
    checks.must(cell.texts() <= texts, "B budget", f"{cell.texts()} texts in a day of {texts}")
    checks.must(cell.calls() <= calls, "B budget", f"{cell.calls()} phone calls in a day of {calls}")
    cap = process.texting.budget.cap
    assert cap is not None
    for (call, _), events in cell.texts_by_call().items():
        again = sum(count - cap.each for count in events.values() if count > cap.each)
        checks.must(events.total() <= cap.most, "B budget", f"{events.total()} texts of {call}")
        most = cap.again + cap.hourly * (checks.world.now_ms // HOUR_MS + 1)
        checks.must(again <= most, "B budget", f"{again} repeated texts of {call}")


def _withdrawn(checks: Checks) -> set[EventId]:
    """What a rule asked about and the elder declined: the one call that need not go out (ARCHITECTURE)."""
    books = [site.process.hub.book for site in checks.sites if site.process is not None]
    calls = [call for book in books for call in book.calls.values() if call.base is Life.CANCELLED]
    return {p.id for call in calls for p in call.presses.values() if p.source == "rule"}


def _no_case_twice(checks: Checks) -> None:
    shelf, homes = checks.platform.shelf, {}
    for case in shelf.cases.values():
        for press in case.presses:
            known = homes.setdefault(press.id, case.call_id)
            checks.must(known == case.call_id, "I2 one case", f"{press.id} stands in two cases")
    for event, _, _ in shelf.events.values():
        if call_of(event) is not None:
            checks.must(str(event.id) in homes, "I2 one case", f"{event.id} stands in no case")
            real = event.id in checks.accepted
            checks.must(real, "I5 replay", f"{event.id} is at the platform, and nobody pressed it")


def _agrees(checks: Checks, site: Site) -> None:
    process = site.process
    assert process is not None
    for call in process.hub.book.calls.values():
        case = checks.case_of(call)
        if call.withdrawn:
            continue
        checks.must(case is not None, "I9 agrees", f"{site.name}: {call.id} is no case at the platform")
        assert case is not None
        here, there = call.life is Life.OPEN, case.lifecycle is Lifecycle.OPEN
        checks.must(here == there, "I9 agrees", f"{site.name}: {call.id} {call.life}, not {case.lifecycle}")
    checks.must(site.disk.journal.verify().ok, "I1 chain", f"{site.name}'s journal does not verify")
    for lane in (Lane.FAULT, Lane.READING):
        left = site.disk.journal.pending(lane, 1)
        checks.must(not left, "I2 lost", f"{site.name} still owes a {lane.name} event")
