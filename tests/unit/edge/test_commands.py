"""Commands: run once, in time, on authority; one without a result gets one after a crash, and only one."""

import asyncio

import pytest

from edge.commands import Effects
from edge.hub import Hub
from edge.mint import Mint
from edge.phrases import Phrase
from edge.stores.journal import Journal
from edge.stores.writer import Writer
from protocols.errors import AnbanError, Reason
from protocols.values import Command, Lane
from tests.unit.edge.by_hand import ClockByHand, DiskByHand
from tests.unit.edge.making import eid, tried

NEVER_MS = 2**50


class Clock(ClockByHand):
    """Trusted when the test says so."""

    known = True

    def trusted(self):
        return self.known


class Home:
    """One run of a hub on a journal's file, with the effects written down."""

    def __init__(self, path, clock, settling=()):
        self.journal = Journal.open(path)
        self.writer = Writer(self.journal)
        self.hub = Hub(Mint("hub-01", clock), self.writer, elder="e-chen", room="hall")
        self.done = []
        self.effects = None
        self.settling = settling
        self.refuses = None

    def listen(self):
        self.effects = Effects(
            self.hub,
            lambda: self.done.append("report"),
            self.done.append,
            self._propose,
            self.settling.__contains__,
        )

    async def _propose(self, command):
        self.done.append(command.id)
        if self.refuses is not None:
            raise self.refuses

    async def resume(self):
        self.hub.resume([entry for _, entry in self.journal.replay(calls_only=True)])
        self.listen()
        await self.effects.resume(lambda: True)

    async def results(self):
        """What the journal has of results once all that was submitted is in it, and after other tasks."""
        await asyncio.sleep(0)
        last = self.writer.submit(Lane.TELEMETRY, [tried(eid(1), 1)])  # in order, the lowest lane last
        await asyncio.wait_for(last, 30)
        entries = await self.writer.read(lambda journal: [entry for _, entry in journal.replay()])
        events = [entry.event for entry in entries if hasattr(entry, "event")]
        return [dict(event.data) for event in events if event.kind == "command.result"]


@pytest.fixture
def clock():
    return Clock()


def command(kind, *, expires_ms=NEVER_MS, authority="seat 3", **data):
    return Command(id="c-1", kind=kind, expires_ms=expires_ms, authority=authority, data=data)


async def crashed(path, clock, asked):
    """A run that ends between the commit of the command and the commit of its result."""
    before = Home(path, clock)
    await asyncio.wait_for(before.hub.command(asked, "coap"), 30)
    assert await before.results() == []
    await before.writer.close()


async def after_a_crash(path, clock, asked, **kwargs):
    await crashed(path, clock, asked)
    home = Home(path, clock, **kwargs)
    await home.resume()
    return home


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


async def test_a_report_is_made_again(path, clock):
    home = await after_a_crash(path, clock, command("report"))
    assert await home.results() == [{"command": "c-1", "outcome": "done"}]
    assert home.done == ["report"]
    await home.writer.close()


async def test_it_is_answered_once_whatever_comes_after(path, clock):
    home = await after_a_crash(path, clock, command("report"))
    await home.effects.resume(lambda: True)
    await asyncio.wait_for(home.hub.command(command("report"), "https"), 30)
    await home.results()
    await home.writer.close()
    again = Home(path, clock)
    await again.resume()
    assert len(await again.results()) == 1
    assert again.done == []
    await again.writer.close()


async def test_old_speech_is_never_repeated(path, clock):
    home = await after_a_crash(path, clock, command("speak", phrase=str(Phrase.STILL_WAITING)))
    assert await home.results() == [{"command": "c-1", "outcome": "interrupted", "reason": "restarted"}]
    assert home.done == []
    await home.writer.close()


@pytest.mark.parametrize("kind", ["report", "speak", "config.propose"])
async def test_what_has_expired_meanwhile_is_not_done(path, clock, kind):
    asked = command(kind, expires_ms=clock.wall_ms() + 1_000)
    await crashed(path, clock, asked)
    clock.now += 1_001
    home = Home(path, clock)
    await home.resume()
    assert await home.results() == [{"command": "c-1", "outcome": "expired"}]
    assert home.done == []
    await home.writer.close()


async def test_settings_whose_trial_was_cut_short_are_answered_by_whoever_reverts_them(path, clock):
    home = await after_a_crash(path, clock, command("config.propose"), settling=("c-1",))
    assert await home.results() == []
    assert home.done == []
    await home.writer.close()


async def test_settings_that_were_not_tried_yet_are_tried(path, clock):
    home = await after_a_crash(path, clock, command("config.propose"))
    assert await home.results() == []
    assert home.done == ["c-1"]
    await home.effects.resume(lambda: True)  # a journal that was read late, while they are being tried
    await home.results()
    assert home.done == ["c-1"]
    await home.writer.close()


async def test_settings_that_are_refused_after_all_say_so(path, clock):
    await crashed(path, clock, command("config.propose"))
    home = Home(path, clock)
    home.refuses = AnbanError(Reason.BUSY, "a call is open")
    await home.resume()
    await asyncio.sleep(0)  # its task
    assert await home.results() == [{"command": "c-1", "outcome": "refused", "reason": "busy"}]
    await home.writer.close()


async def test_nothing_is_done_before_the_time_is_known(path, clock):
    """Whether it has expired is not known sooner."""
    await crashed(path, clock, command("report", expires_ms=clock.wall_ms() - 1))
    clock.known = False
    home = Home(path, clock)
    waiting = asyncio.create_task(home.resume())
    await asyncio.sleep(0)
    assert home.done == []
    clock.known = True
    await asyncio.wait_for(waiting, 30)
    assert await home.results() == [{"command": "c-1", "outcome": "expired"}]
    await home.writer.close()


async def test_a_command_of_this_run_is_left_to_this_run(clock):
    disk = DiskByHand()
    hub = Hub(Mint("hub-01", clock), disk, elder="e-chen", room="hall")
    proposed = []

    async def propose(asked):
        proposed.append(asked.id)

    effects = Effects(hub, lambda: None, lambda phrase: None, propose)
    hub.command(command("config.propose"), "coap")
    await disk.commit()
    await effects.resume(lambda: True)
    await asyncio.sleep(0)
    assert proposed == ["c-1"]
