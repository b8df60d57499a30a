"""The guard of an advert's counter: fresh once, repeats fold, what is old is said to be so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.link.replay import FRESH, OLD, REPEAT, CounterGuard

u32 = st.integers(0, 2**32 - 1)
mics = st.sampled_from([b"aaaa", b"bbbb"])


def test_a_press_heard_three_times_is_one_press() -> None:
    guard = CounterGuard(-1)
    assert [guard.judge(5, b"aaaa") for _ in range(3)] == [FRESH, REPEAT, REPEAT]


def test_the_first_counter_of_all_is_fresh() -> None:
    assert CounterGuard(-1).judge(0, b"aaaa") == FRESH


def test_a_recording_from_yesterday_is_old_and_changes_nothing() -> None:
    guard = CounterGuard(100)
    assert guard.judge(99, b"aaaa") == OLD
    assert (
        guard.judge(100, b"aaaa") == OLD
    )  # after a restart the MIC of the floor is not known: better asked twice
    assert guard.floor == 100


def test_the_same_counter_with_another_text_is_old() -> None:
    guard = CounterGuard(-1)
    guard.judge(5, b"aaaa")
    assert guard.judge(5, b"bbbb") == OLD


def test_an_old_advert_that_was_challenged_is_not_challenged_again_and_again() -> None:
    guard = CounterGuard(100)
    assert guard.judge(7, b"aaaa") == OLD
    guard.settle(7, b"aaaa")
    assert guard.is_repeat(7, b"aaaa")
    assert guard.judge(7, b"aaaa") == REPEAT
    assert guard.judge(8, b"aaaa") == OLD
    assert guard.judge(101, b"cccc") == FRESH


@given(st.integers(-1, 20), st.lists(st.tuples(st.integers(0, 24), mics), max_size=40))
def test_each_counter_is_fresh_once_and_only_upwards(floor: int, heard: list[tuple[int, bytes]]) -> None:
    guard = CounterGuard(floor)
    fresh = []
    for counter, mic in heard:
        before = guard.floor
        asked = guard.is_repeat(counter, mic)
        verdict = guard.judge(counter, mic)
        assert (verdict == REPEAT) == asked
        assert (verdict == FRESH) == (counter > before)
        assert guard.floor == max(before, counter)
        if verdict == FRESH:
            fresh.append(counter)
    assert fresh == sorted(set(fresh))
    assert all(counter > floor for counter in fresh)


@given(st.lists(st.tuples(st.integers(0, 24), mics), max_size=20))
def test_a_repeat_is_always_of_something_already_judged(heard: list[tuple[int, bytes]]) -> None:
    guard = CounterGuard(-1)
    seen: set[tuple[int, bytes]] = set()
    for counter, mic in heard:
        if guard.judge(counter, mic) == REPEAT:
            assert (counter, mic) in seen
        seen.add((counter, mic))
