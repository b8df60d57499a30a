"""The delivery plan: when a call goes out on which path, and that no lane starves a higher one."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.paths.base import PathHealth
from edge.plan import (
    DEFAULT,
    HANGS_MS,
    Plan,
    Row,
    Tries,
    Waiting,
    actions,
    next_due_ms,
    planned,
    problems,
    spread_ms,
)
from protocols.values import Lane
from tests.unit.edge.making import MIN, S, eid

COAP, HTTPS, SMS, VOICE = (PathHealth(name=name) for name in ("coap", "https", "sms", "voice"))
DOWN = {"coap": PathHealth(name="coap", good=False), "https": PathHealth(name="https", good=False)}
IP = {"coap": COAP, "https": HTTPS}
PRESS = Waiting(event_id=eid(1), lane=Lane.SOS, age_ms=0)


def aged(lane: Lane, age_ms: int | None = 0, number: int = 1) -> Waiting:
    return Waiting(event_id=eid(number), lane=lane, age_ms=age_ms)


def timetable(lane: Lane, health: dict[str, PathHealth], until_ms: int, step_ms: int = S, **after) -> dict:
    """Start of each try by path, in seconds after the event, when every try fails after 500 ms."""
    tries: dict = {}
    started: dict[str, list[int]] = {path: [] for path in health}
    for now in range(0, until_ms, step_ms):
        for action in actions(DEFAULT, [aged(lane, now)], health, tries, now):
            key = (eid(1), action.path)
            tries[key] = Tries(count=tries.get(key, Tries()).count + 1, started_ms=now, **after)
            started[action.path].append(now // S)
    return started


def test_a_call_goes_out_by_coap_at_once_and_by_https_after_a_second():
    due = {action.path: action.due_ms for action in planned(DEFAULT, PRESS, IP, {}, 0)}
    assert due == {"coap": 0, "https": 1 * S}


def test_https_does_not_wait_when_coap_is_known_to_be_down():
    due = {
        action.path: action.due_ms for action in planned(DEFAULT, PRESS, {**IP, "coap": DOWN["coap"]}, {}, 0)
    }
    assert due == {"coap": 0, "https": 0}


def test_ip_is_tried_for_ever_at_least_every_minute():
    started = timetable(Lane.SOS, DOWN, 2 * 3600 * S)
    assert started["coap"][:8] == [0, 2, 6, 14, 29, 59, 119, 179]
    for times in started.values():
        assert all(later - earlier <= 60 for earlier, later in itertools.pairwise(times))
        assert times[-1] > 7100


def test_sms_and_voice_join_as_soon_as_there_is_such_a_path():
    started = timetable(Lane.SOS, {**IP, "sms": SMS, "voice": VOICE}, 2 * 3600 * S)
    assert started["sms"][:6] == [5, 30, 90, 180, 480, 1080]
    assert started["voice"] == [30, 90, 180, 3780]
    at_once = timetable(Lane.SOS, {**DOWN, "sms": SMS}, 100 * S)
    assert at_once["sms"][0] == 0
    assert timetable(Lane.ASSIST, {**IP, "sms": SMS, "voice": VOICE}, 100 * S)["voice"] == []
    assert timetable(Lane.ASSIST, {**IP, "sms": SMS}, 100 * S)["sms"] == [60]


def test_texts_end_before_the_sim_is_blocked_and_ip_never_ends():
    day = timetable(Lane.SOS, {**DOWN, "sms": SMS}, 48 * 3600 * S, step_ms=30 * S)
    assert len(day["sms"]) == 30
    assert len(day["coap"]) > 2 * 1440 * 0.9


def test_a_path_that_this_home_does_not_have_yields_nothing():
    assert {action.path for action in planned(DEFAULT, PRESS, {"https": HTTPS}, {}, 0)} == {"https"}
    assert planned(DEFAULT, PRESS, {}, {}, 0) == ()
    assert planned(DEFAULT, PRESS, {"https": HTTPS}, {}, 0)[0].due_ms == 0  # no CoAP is as good as CoAP down


def test_a_call_from_before_the_reboot_is_due_on_every_path():
    old = aged(Lane.SOS, None)
    every = actions(DEFAULT, [old], {**IP, "sms": SMS, "voice": VOICE}, {}, 777)
    assert {action.path for action in every} == {"coap", "https", "sms", "voice"}
    tries = {(eid(1), "sms"): Tries(count=1, started_ms=777)}
    sms = list(planned(DEFAULT, old, {"sms": SMS}, tries, 778))
    assert sms[0].due_ms == 777 + 25 * S  # but not four texts at once


def test_a_try_in_flight_is_not_doubled_and_one_that_hangs_holds_nothing_up():
    tries = {(eid(1), "coap"): Tries(count=1, started_ms=0, in_flight=True)}
    health = {"coap": COAP}
    assert planned(DEFAULT, PRESS, health, tries, HANGS_MS - 1) == ()
    assert actions(DEFAULT, [aged(Lane.SOS, HANGS_MS)], health, tries, HANGS_MS) != ()


def test_a_path_that_comes_back_is_used_at_once():
    tries = {(eid(1), "coap"): Tries(count=9, started_ms=1000)}
    back = {"coap": PathHealth(name="coap", last_good_ms=2000)}
    assert actions(DEFAULT, [aged(Lane.SOS, 2001)], back, tries, 2001) != ()
    refused = {(eid(1), "coap"): Tries(count=9, started_ms=1000, refused=True)}
    assert actions(DEFAULT, [aged(Lane.SOS, 2001)], back, refused, 2001) == ()


def test_urgent_lanes_come_first_and_then_what_waited_longest():
    owed = [
        aged(Lane.READING, 9 * MIN, 1),
        aged(Lane.ASSIST, 1, 2),
        aged(Lane.SOS, 2, 3),
        aged(Lane.SOS, 5, 4),
    ]
    order = [action.event_id.number for action in actions(DEFAULT, owed, {"coap": COAP}, {}, 10 * MIN)]
    assert order == [4, 3, 2, 1]
    assert next_due_ms(DEFAULT, owed, IP, {}, 10 * MIN) == MIN
    assert next_due_ms(DEFAULT, [], IP, {}, 0) is None


@given(
    st.integers(0, 2**40),
    st.sampled_from(Lane),
    st.none() | st.integers(0, 10**9),
    st.booleans(),
    st.integers(0, 50),
)
def test_what_is_owed_and_not_in_flight_always_has_a_next_time(now, lane, age, good, count):
    health = {"coap": PathHealth(name="coap", good=good)}
    tries = {(eid(1), "coap"): Tries(count=count, started_ms=now)}
    (action,) = planned(DEFAULT, aged(lane, age), health, tries, now)
    assert action.due_ms <= now + 60 * S


def test_calls_never_wait_for_a_town_that_reconnects():
    assert [spread_ms(DEFAULT, lane, 0.999) > 0 for lane in Lane] == [False, False, True, True, True]


def _but(**changes: object) -> Plan:
    return msgspec.structs.replace(DEFAULT, **changes)


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        (_but(sos=(Row(path="coap", gaps_ms=(90 * S,)),)), "for ever"),
        (_but(sos=(Row(path="coap", most=5),)), "for ever"),
        (_but(assist=(Row(path="sms"),)), "at least one of"),
        (_but(fault=(Row(path="coap", offsets_ms=(5, 1)),)), "rising"),
        (_but(fault=(Row(path="coap", gaps_ms=(0,)),)), "gap"),
        (_but(reading=(Row(path="coap", offsets_ms=()),)), "offset"),
        (_but(batch=(1, 1, 0, 1, 1)), "batch"),
        (_but(spread_ms=(1, 0, 0, 0, 0)), "never spread"),
        (_but(batch=(1,)), "batch"),
    ],
)
def test_a_plan_that_could_leave_a_call_behind_is_refused(plan, word):
    assert any(word in sentence for sentence in problems(plan))


def test_the_default_plan_has_no_problems_and_survives_a_configuration_file():
    assert problems(DEFAULT) == []
    assert msgspec.json.decode(msgspec.json.encode(DEFAULT), type=Plan) == DEFAULT
