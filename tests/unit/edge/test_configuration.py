"""Settings are proposed, tried, kept or taken back; versions outlive everything; a real state.db below."""

import asyncio

import pytest

from edge import configuration as module
from edge.config import parse_settings, render
from edge.configuration import KEPT, SPACE, TRIAL, Configuration
from edge.stores.state import State
from protocols.errors import AnbanError, Reason
from tests.unit.edge.by_hand import ClockByHand

SEED = parse_settings(
    """
[platform]
coap_uri = "coap://127.0.0.1:5683"
https_url = "https://127.0.0.1:8443"
ca_file = "ca.pem"
"""
)


def other(help_s: float) -> str:
    return render(SEED).replace("help_s = 90.0", f"help_s = {help_s}")


class Home:
    """A hub as far as its settings go: what is in force, whether the platform answers, a call is open."""

    def __init__(self, directory, seed=SEED):
        self.clock = ClockByHand()
        self.state = State.open(directory / "state.db")
        self.in_force = None
        self.answers = True
        self.in_call = False
        self.ended = []
        self.asked = asyncio.Event()
        self.configuration = Configuration(
            self.state, self.clock, self.use, self.ask, lambda: self.in_call, self.tell
        )
        self.in_force = self.configuration.begin(seed)

    async def use(self, settings):
        self.in_force = settings

    async def ask(self):
        self.asked.set()
        return self.answers

    def tell(self, outcome, version, reason):
        self.ended.append((outcome, version.author, reason))

    @property
    def help_s(self):
        return self.in_force.timing.help_s


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    monkeypatch.setattr(module, "LOOK_S", 0.001)


async def home_in(directory, **kw):
    home = Home(directory, **kw)
    await home.configuration.settle()
    return home


async def test_the_seed_is_the_first_version_and_a_good_proposal_the_next(tmp_path):
    home = await home_in(tmp_path)
    version = await home.configuration.propose(other(60.0), "operator", "c-1")
    assert (version.number, version.author, version.command, home.help_s) == (2, "operator", "c-1", 60.0)
    assert home.ended == [("done", "operator", "")]
    again = Home(tmp_path)
    assert again.help_s == 60.0
    assert [v.number for v in again.configuration.versions()] == [1, 2]
    assert again.configuration.versions()[0].author == "seed"


async def test_settings_under_which_nobody_answers_are_taken_back(tmp_path):
    home = await home_in(tmp_path)
    home.answers = False
    trial = asyncio.create_task(home.configuration.propose(other(60.0), "operator"))
    await home.asked.wait()
    assert home.help_s == 60.0
    home.clock.now += round(module.TRIAL_S * 1000) - 1
    await asyncio.sleep(0.01)
    assert not trial.done()
    home.clock.now += 1
    assert (await trial).number == 1
    assert home.help_s == 90.0
    assert home.ended == [("reverted", "operator", "platform-not-reached")]
    assert home.state.get(SPACE, TRIAL) is None
    assert Home(tmp_path).help_s == 90.0


async def test_a_call_ends_a_trial_at_once(tmp_path):
    home = await home_in(tmp_path)
    home.answers = False
    trial = asyncio.create_task(home.configuration.propose(other(60.0), "operator"))
    await home.asked.wait()
    home.in_call = True
    await trial
    assert home.help_s == 90.0
    assert home.ended == [("reverted", "operator", "a-call-began")]


async def test_during_a_call_or_another_trial_nothing_is_tried(tmp_path):
    home = await home_in(tmp_path)
    home.in_call = True
    with pytest.raises(AnbanError) as busy:
        await home.configuration.propose(other(60.0), "operator")
    assert busy.value.reason is Reason.BUSY
    home.in_call, home.answers = False, False
    first = asyncio.create_task(home.configuration.propose(other(60.0), "operator"))
    await home.asked.wait()
    with pytest.raises(AnbanError) as busy:
        await home.configuration.propose(other(70.0), "another")
    assert busy.value.reason is Reason.BUSY
    home.answers = True
    assert (await first).number == 2


async def test_a_hub_that_died_while_trying_begins_with_what_worked(tmp_path):
    home = await home_in(tmp_path)
    home.answers = False
    trial = asyncio.create_task(home.configuration.propose(other(60.0), "operator", "c-1"))
    await home.asked.wait()
    trial.cancel()  # as kill -9: what stands on the disk is a trial
    home.state.close()
    again = Home(tmp_path)
    assert again.configuration.settles("c-1"), "nobody else answers this command"
    assert not again.configuration.settles("c-2")
    await again.configuration.settle()
    assert again.help_s == 90.0
    assert again.ended == [("reverted", "operator", "restarted")]
    assert again.configuration.settles("c-1")
    third = await home_in(tmp_path)
    assert third.ended == []


async def test_a_seed_that_was_edited_is_tried_like_any_proposal(tmp_path):
    await home_in(tmp_path)
    edited = await home_in(tmp_path, seed=parse_settings(other(30.0)))
    assert edited.help_s == 30.0
    assert edited.ended == [("done", "seed", "")]
    await edited.configuration.propose(other(60.0), "operator")
    later = await home_in(tmp_path, seed=parse_settings(other(30.0)))
    assert later.help_s == 60.0  # the seed has had its turn
    assert later.ended == []


async def test_what_cannot_be_kept_is_not_tried(tmp_path):
    home = await home_in(tmp_path)

    def full(_values):
        raise AnbanError(Reason.STORAGE_FULL, "no room")

    home.state.put_all = full
    with pytest.raises(AnbanError) as refused:
        await home.configuration.propose(other(60.0), "operator")
    assert refused.value.reason is Reason.STORAGE_FULL
    assert home.help_s == 90.0
    assert home.configuration.trial is None


async def test_what_cannot_be_kept_in_the_end_is_taken_back(tmp_path):
    home = await home_in(tmp_path)
    put_all = home.state.put_all

    def full_for_the_active(values):
        if (SPACE, "active") in values:
            raise AnbanError(Reason.STORAGE_FULL, "no room")
        put_all(values)

    home.state.put_all = full_for_the_active
    await home.configuration.propose(other(60.0), "operator")
    assert home.ended == [("reverted", "operator", "storage-full")]
    assert home.help_s == 90.0


async def test_a_few_versions_stay_and_one_can_go_back(tmp_path):
    home = await home_in(tmp_path)
    for help_s in range(20, 40):
        await home.configuration.propose(other(float(help_s)), "operator")
    assert [v.number for v in home.configuration.versions()] == list(range(21 - KEPT + 1, 22))
    await home.configuration.propose(home.configuration.before().document, "installer")
    assert home.help_s == 38.0
    assert home.configuration.active.number == 22


async def test_a_damaged_version_is_passed_over(tmp_path):
    home = await home_in(tmp_path)
    home.state.put(SPACE, "active", b"{}")
    assert Home(tmp_path).help_s == 90.0


async def test_while_the_states_disk_hangs_the_seed_is_in_force_and_nothing_is_tried(tmp_path):
    first = await home_in(tmp_path)
    await first.configuration.propose(other(60.0), "operator")
    first.state.close()
    home = Home.__new__(Home)
    home.clock, home.state, home.ended = ClockByHand(), State(tmp_path / "state.db"), []
    home.configuration = Configuration(home.state, home.clock, home.use, home.ask, lambda: False, home.tell)
    assert home.configuration.begin(SEED) == SEED
    await home.configuration.settle()
    with pytest.raises(AnbanError) as refused:
        await home.configuration.propose(other(70.0), "operator")
    assert refused.value.reason is Reason.STORAGE_STUCK
    assert home.ended == []
    home.state.load()  # the disk answers late
    assert home.configuration.begin(SEED).timing.help_s == 60.0


async def test_at_the_hubs_door_a_proposal_is_answered_before_its_trial_ends(tmp_path):
    home = await home_in(tmp_path)
    operations = home.configuration.operations()
    home.answers = False
    assert await operations["config.propose"]({"document": other(60.0), "author": "root"}) == {"number": 2}
    await home.asked.wait()
    state = await operations["config"]({})
    assert (state["active"]["number"], state["trial"]["number"], state["last"]) == (1, 2, None)
    assert state["offset_minutes"] == SEED.home.utc_offset_minutes
    home.in_call = True
    while (state := await operations["config"]({}))["trial"]:
        await asyncio.sleep(0.001)
    assert state["last"] == {"outcome": "reverted", "number": 2, "reason": "a-call-began"}
    for bad in ({}, {"document": 7}, {"document": "", "author": "x" * 65}):
        with pytest.raises(AnbanError):
            await operations["config.propose"](bad)
    with pytest.raises(AnbanError) as none:
        await operations["config.back"]({})
    assert none.value.reason is Reason.NOT_FOUND
