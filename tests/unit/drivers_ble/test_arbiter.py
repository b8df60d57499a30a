"""The arbiter by itself: lanes, listening, the best ear, watchdogs; and its rules over made-up histories."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ble.arbiter import (
    AFTER_RESTART_MS,
    ATTEMPT_MS,
    LINK_TURN_MS,
    LISTEN_MS,
    SILENCE_MS,
    START_FAILURES,
    TURN_MS,
    Abort,
    Action,
    Arbiter,
    Close,
    Connect,
    Recover,
    Restart,
)

SOS, ASSIST, READING = 0, 1, 3


def listening(*adapters: str, slots: int = 4) -> Arbiter:
    """An arbiter whose adapters have scanned for a while, at 10,000 ms."""
    arbiter = Arbiter(adapters, 0, slots)
    assert {type(a) for a in arbiter.decide(0)} == {Restart}
    for adapter in adapters:
        arbiter.scanning(adapter, True, 0)
        arbiter.heard(adapter, "neighbour", -90, 10_000)
    return arbiter


def connects(actions: list[Action]) -> list[Connect]:
    return [a for a in actions if isinstance(a, Connect)]


def test_scanning_begins_at_once_and_is_tried_again_with_back_off() -> None:
    arbiter = Arbiter(["hci0"], 0)
    assert arbiter.decide(0) == [Restart("hci0")]
    arbiter.scanning("hci0", False, 5)
    assert arbiter.decide(5) == []
    assert arbiter.due(5) == 255
    assert arbiter.decide(255) == [Restart("hci0")]
    arbiter.scanning("hci0", False, 260)
    assert arbiter.decide(760) == [Restart("hci0")]
    arbiter.scanning("hci0", False, 765)
    assert START_FAILURES == 3
    assert arbiter.decide(765) == [Recover("hci0", "no-scan")]


def test_a_device_is_connected_when_it_is_heard_and_not_before() -> None:
    arbiter = listening("hci0")
    arbiter.want("pd", SOS, 10_000)
    assert arbiter.decide(10_000) == []
    arbiter.heard("hci0", "pd", -60, 10_500)
    assert arbiter.decide(10_500) == [Connect("hci0", "pd", SOS, ATTEMPT_MS)]


def test_after_four_deaf_seconds_the_adapter_listens_for_two() -> None:
    arbiter = listening("hci0")
    arbiter.want("pd", SOS, 10_000)
    arbiter.heard("hci0", "pd", -60, 10_000)
    (connect,) = connects(arbiter.decide(10_000))
    arbiter.ended("hci0", "pd", False, 10_000 + connect.limit_ms)
    for at in (14_300, 15_000, 15_990):
        arbiter.heard("hci0", "pd", -60, at)
        assert arbiter.decide(at) == []
    arbiter.heard("hci0", "pd", -60, 16_000)
    assert connects(arbiter.decide(16_000))


def test_quick_connects_may_follow_each_other() -> None:
    arbiter = listening("hci0")
    for address in ("a", "b", "c"):
        arbiter.want(address, SOS, 10_000)
        arbiter.heard("hci0", address, -60, 10_000)
    now = 10_000
    for _ in range(3):
        (connect,) = connects(arbiter.decide(now))
        now += 200
        arbiter.ended("hci0", connect.address, True, now)
    assert now == 10_600


def test_an_sos_aborts_a_reading_and_goes_first() -> None:
    arbiter = listening("hci0")
    arbiter.want("meter", READING, 10_000)
    arbiter.heard("hci0", "meter", -50, 10_000)
    assert connects(arbiter.decide(10_000))
    arbiter.heard("hci0", "pd", -80, 10_100)
    arbiter.want("pd", SOS, 10_100)
    assert arbiter.decide(10_100) == [Abort("hci0", "meter", "lane")]
    arbiter.heard("hci0", "meter", -50, 10_200)
    arbiter.ended("hci0", "meter", False, 10_200)
    assert [c.address for c in connects(arbiter.decide(10_200))] == ["pd"]


def test_no_reading_is_begun_while_an_sos_waits_for_its_next_burst() -> None:
    arbiter = listening("hci0")
    arbiter.heard("hci0", "pd", -80, 10_000)
    arbiter.want("pd", SOS, 10_000)
    arbiter.want("meter", READING, 10_000)
    for at in (12_000, 15_000, 20_000):
        arbiter.heard("hci0", "meter", -50, at)
        assert arbiter.decide(at) == []
    arbiter.heard("hci0", "meter", -50, 26_000)  # not heard for longer than its bursts are apart: away
    assert [c.address for c in connects(arbiter.decide(26_000))] == ["meter"]


def test_equals_take_turns() -> None:
    arbiter = listening("hci0")
    for address in ("a", "b"):
        arbiter.heard("hci0", address, -60, 10_000)
        arbiter.want(address, SOS, 10_000)
    (first,) = connects(arbiter.decide(10_000))
    assert arbiter.decide(10_000 + TURN_MS - 1) == []
    assert arbiter.decide(10_000 + TURN_MS) == [Abort("hci0", first.address, "turn")]
    arbiter.heard("hci0", "a", -60, 11_600)
    arbiter.heard("hci0", "b", -60, 11_600)
    arbiter.ended("hci0", first.address, False, 11_600)
    (second,) = connects(arbiter.decide(11_600))
    assert {first.address, second.address} == {"a", "b"}


def test_the_adapter_that_hears_best_connects_and_one_goes_on_listening() -> None:
    arbiter = listening("hci0", "hci1")
    arbiter.heard("hci0", "pd", -80, 10_000)
    arbiter.heard("hci1", "pd", -60, 10_000)
    arbiter.heard("hci0", "other", -50, 10_000)
    arbiter.want("pd", SOS, 10_000)
    arbiter.want("other", SOS, 10_001)
    assert [(c.adapter, c.address) for c in connects(arbiter.decide(10_001))] == [("hci1", "pd")]
    assert arbiter.listening("hci0")
    arbiter.ended("hci1", "pd", True, 10_200)
    assert [(c.adapter, c.address) for c in connects(arbiter.decide(10_200))] == [("hci0", "other")]


def test_a_full_adapter_gives_up_its_lowest_link_for_a_higher_lane() -> None:
    arbiter = listening("hci0", slots=1)
    arbiter.heard("hci0", "meter", -60, 10_000)
    arbiter.want("meter", READING, 10_000)
    arbiter.decide(10_000)
    arbiter.ended("hci0", "meter", True, 10_100)
    arbiter.drop("meter")
    arbiter.heard("hci0", "pd", -60, 10_200)
    arbiter.want("pd", SOS, 10_200)
    assert arbiter.decide(10_200) == [Close("hci0", "meter")]
    arbiter.closed("hci0", "meter", 10_300)
    assert [c.address for c in connects(arbiter.decide(10_300))] == ["pd"]


def test_failures_back_off_and_success_forgets_them() -> None:
    arbiter = listening("hci0")
    arbiter.want("pd", SOS, 10_000)
    now = 10_000
    for wait in (250, 500, 1_000, 1_000):
        arbiter.heard("hci0", "pd", -60, now)
        assert connects(arbiter.decide(now))
        arbiter.ended("hci0", "pd", False, now)
        arbiter.heard("hci0", "pd", -60, now + wait - 1)
        assert arbiter.due(now) == now + wait
        assert arbiter.decide(now + wait - 1) == []
        now += wait
    arbiter.decide(now)
    arbiter.ended("hci0", "pd", True, now)
    arbiter.closed("hci0", "pd", now)
    arbiter.heard("hci0", "pd", -60, now)
    assert connects(arbiter.decide(now))


def test_silence_restarts_scanning_and_then_recovers_ever_more_rarely() -> None:
    arbiter = listening("hci0")
    now = 10_000 + SILENCE_MS
    assert arbiter.decide(now - 1) == []
    assert arbiter.due(10_000) == now
    assert arbiter.decide(now) == [Restart("hci0")]
    arbiter.scanning("hci0", True, now)
    now += AFTER_RESTART_MS
    assert arbiter.decide(now) == [Recover("hci0", "silent")]
    gaps, last = [], now
    while len(gaps) < 4:
        arbiter.recovered("hci0", now)
        (restart,) = arbiter.decide(now)
        assert restart == Restart("hci0")
        arbiter.scanning("hci0", True, now)
        while not isinstance(action := (arbiter.decide(now) or [None])[0], Recover):
            if isinstance(action, Restart):
                arbiter.scanning("hci0", True, now)
            due = arbiter.due(now)
            assert due is not None
            now = due
        gaps.append(now - last)
        last = now
    assert gaps == [120_000, 120_000, 300_000, 900_000]
    arbiter.recovered("hci0", now)
    arbiter.decide(now)
    arbiter.scanning("hci0", True, now)
    arbiter.heard("hci0", "neighbour", -90, now + 5)
    assert arbiter.due(now + 5) == now + 5 + SILENCE_MS


def test_who_talks_on_makes_room_for_an_equal_that_waits() -> None:
    """Four pendants that are pressed again and again held the ack of a fifth back for as long."""
    arbiter = listening("hci0", slots=2)
    for number, name in enumerate(("first", "second")):
        at = 10_000 + 200 * number
        arbiter.want(name, SOS, at)
        arbiter.heard("hci0", name, -60, at)
        assert connects(arbiter.decide(at))
        arbiter.ended("hci0", name, True, at + 100)
        arbiter.drop(name)
    arbiter.want("third", SOS, 10_400)
    arbiter.heard("hci0", "third", -60, 10_400)
    assert arbiter.decide(10_400) == []
    due = 10_100 + LINK_TURN_MS
    assert arbiter.due(12_900) == due
    arbiter.heard("hci0", "third", -60, due)
    assert arbiter.decide(due) == [Close("hci0", "first")]
    arbiter.closed("hci0", "first", due + 50)
    assert [c.address for c in connects(arbiter.decide(due + 50))] == ["third"]


def test_a_lower_want_never_ends_a_link_however_old() -> None:
    arbiter = listening("hci0", slots=1)
    arbiter.want("pd", SOS, 10_000)
    arbiter.heard("hci0", "pd", -60, 10_000)
    arbiter.decide(10_000)
    arbiter.ended("hci0", "pd", True, 10_100)
    arbiter.drop("pd")
    arbiter.want("meter", READING, 60_000)
    arbiter.heard("hci0", "meter", -60, 60_000)
    assert not [a for a in arbiter.decide(60_000) if isinstance(a, Close)]


def test_a_hung_adapter_is_recovered_at_once_and_forgets_its_links() -> None:
    arbiter = listening("hci0")
    arbiter.heard("hci0", "pd", -60, 10_000)
    arbiter.want("pd", SOS, 10_000)
    arbiter.decide(10_000)
    arbiter.hung("hci0", 16_000)
    assert arbiter.decide(16_000) == [Recover("hci0", "hung")]
    arbiter.recovered("hci0", 17_000)
    assert arbiter.link_adapter("pd") is None
    assert arbiter.decide(17_000) == [Restart("hci0")]


def test_a_flood_of_strange_addresses_does_not_grow_without_bound() -> None:
    arbiter = listening("hci0")
    arbiter.want("pd", SOS, 10_000)
    arbiter.heard("hci0", "pd", -60, 10_000)
    for n in range(5_000):
        arbiter.heard("hci0", f"stranger-{n}", -90, 10_000)
    assert arbiter.rssi("pd") == -60
    assert len(arbiter._adapters["hci0"].signals) <= 257


ADAPTERS, DEVICES = ("hci0", "hci1"), ("a", "b", "c", "d")


class History:
    """Plays steps against the arbiter and checks its rules from outside."""

    def __init__(self, adapters: int) -> None:
        self.names = ADAPTERS[:adapters]
        self.arbiter = Arbiter(self.names, 0)
        self.now = 0
        self.running: dict[str, tuple[Connect, int]] = {}
        self.aborted: set[str] = set()
        self.links: set[str] = set()
        self.deaf_ms = dict.fromkeys(self.names, 0)
        self.since = dict.fromkeys(self.names, 0)
        self.wants: dict[str, int] = {}
        self.heard: dict[str, int] = {}
        self.on_air: set[str] = set()

    def decide(self) -> None:
        for action in self.arbiter.decide(self.now):
            self.check(action)
        waiting = {
            d: lane for d, lane in self.wants.items() if self.now - self.heard.get(d, -(10**6)) <= 1_500
        }
        busy = self.links | {c.address for c, _ in self.running.values()}
        best = min((lane for d, lane in waiting.items() if d not in busy), default=None)
        for name, (connect, _) in self.running.items():
            if best is not None and best < connect.lane and len(self.names) == 1:
                assert name in self.aborted, "a lower lane goes on while a higher one waits"

    def check(self, action: Action) -> None:
        name = action.adapter
        if isinstance(action, Connect):
            assert name not in self.running, "two attempts at once on one adapter"
            assert action.address not in self.links
            assert action.address not in {c.address for c, _ in self.running.values()}
            assert self.now - self.heard[action.address] <= 1_500, "connected on hope"
            if self.now - self.since[name] >= LISTEN_MS:
                self.deaf_ms[name] = 0
            assert 0 < action.limit_ms <= ATTEMPT_MS - self.deaf_ms[name], "deaf for too long"
            self.running[name] = (action, self.now)
            assert len(self.names) == 1 or len(self.running) < len(self.names), "nobody listens"
        elif isinstance(action, Abort):
            connect, _ = self.running[name]
            assert connect.address == action.address
            self.aborted.add(name)
        elif isinstance(action, Restart):
            self.arbiter.scanning(name, True, self.now)
            self.since[name] = self.now
        elif isinstance(action, Recover):
            self.running.pop(name, None)
            self.aborted.discard(name)
            self.links.clear()
            for other in self.names:  # the links of the other adapters are not known here: end them too
                for device in DEVICES:
                    self.arbiter.closed(other, device, self.now)
            self.arbiter.recovered(name, self.now)
            self.deaf_ms[name], self.since[name] = 0, self.now

    def end(self, name: str, ok: bool) -> None:
        if name in self.running:
            connect, begun = self.running.pop(name)
            ok = ok and name not in self.aborted
            self.aborted.discard(name)
            self.deaf_ms[name] += self.now - begun
            self.since[name] = self.now
            self.arbiter.ended(name, connect.address, ok, self.now)
            if ok:
                self.links.add(connect.address)

    def tick(self, ms: int) -> None:
        """Time passes, but no shell lets an attempt run beyond its limit."""
        target = self.now + ms
        while True:
            ends = [(begun + c.limit_ms, name) for name, (c, begun) in self.running.items()]
            ends = [e for e in ends if e[0] <= target]
            if not ends:
                break
            self.now, name = min(ends)
            self.end(name, False)
            self.decide()
        self.now = target

    def step(self, dice: Random) -> None:
        """A moment of a busy home: some devices advertise, some are wanted, attempts end this way or that."""
        self.tick(dice.choice((10, 50, 200, 700, 1_600, 2_500)))
        for device in DEVICES:
            if dice.random() < 0.3:
                self.on_air ^= {device}
            for name in self.names:
                if device in self.on_air and self.arbiter.listening(name) and dice.random() < 0.8:
                    self.arbiter.heard(name, device, dice.randrange(-90, -40), self.now)
                    self.heard[device] = self.now
        address, name = dice.choice(DEVICES), dice.choice(self.names)
        what = dice.choices(("want", "drop", "end", "fail", "close", "hang"), (40, 10, 25, 15, 20, 1))[0]
        if what == "want":
            lane = dice.randrange(4)
            self.arbiter.want(address, lane, self.now)
            self.wants[address] = min(lane, self.wants.get(address, lane))
        elif what == "drop":
            self.arbiter.drop(address)
            self.wants.pop(address, None)
        elif what in ("end", "fail"):
            self.end(name, what == "end")
        elif what == "close":
            for adapter in self.names:
                self.arbiter.closed(adapter, address, self.now)
            self.links.discard(address)
        elif what == "hang":
            self.arbiter.hung(name, self.now)
        self.decide()
        due = self.arbiter.due(self.now)
        assert due is None or due > self.now


@pytest.mark.parametrize("adapters", [1, 2])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_the_rules_hold_in_any_history(adapters: int, seed: int) -> None:
    history, dice = History(adapters), Random(seed)
    history.decide()
    for _ in range(300):
        history.step(dice)
