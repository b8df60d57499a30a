"""The green key: what an elder means with it, and that nothing waits that need not."""

from hypothesis import given
from hypothesis import strategies as st

from edge.inputs.green import CALL_BACK_WITHIN_MS, CANCEL_HOLD_MS, GreenKey, Meaning


def down(key, at, asking=False, cancel_offered=False):
    return key.down(at, asking=asking, cancel_offered=cancel_offered)


def test_a_press_is_an_assistance_at_its_edge():
    assert down(GreenKey(), 0) is Meaning.ASSISTANCE


def test_a_second_press_within_ten_seconds_asks_to_be_called_back():
    key = GreenKey()
    down(key, 0)
    key.up(100)
    down(key, CALL_BACK_WITHIN_MS, cancel_offered=True)
    assert key.up(CALL_BACK_WITHIN_MS + 100) is Meaning.CALL_BACK


def test_a_second_press_later_is_an_assistance_again():
    key = GreenKey()
    down(key, 0)
    key.up(100)
    assert down(key, CALL_BACK_WITHIN_MS + 1) is Meaning.ASSISTANCE


def test_held_three_seconds_cancels_at_the_threshold_while_cancelling_is_offered():
    key = GreenKey()
    assert down(key, 0, cancel_offered=True) is None
    assert key.due_at() == CANCEL_HOLD_MS
    assert key.tick(CANCEL_HOLD_MS - 1) is None
    assert key.tick(CANCEL_HOLD_MS) is Meaning.CANCEL
    assert key.up(CANCEL_HOLD_MS + 5) is None


def test_a_hold_never_cancels_what_is_not_offered():
    key = GreenKey()
    assert down(key, 0) is Meaning.ASSISTANCE
    assert key.due_at() is None
    assert key.tick(60_000) is None
    assert key.up(60_000) is None


def test_an_answer_is_an_answer_at_its_edge():
    key = GreenKey()
    assert down(key, 0, asking=True, cancel_offered=True) is Meaning.ANSWER
    assert key.up(5_000) is None


@given(st.lists(st.tuples(st.integers(1, 9_000), st.booleans(), st.booleans()), max_size=30))
def test_every_press_gets_exactly_one_meaning(presses):
    key, now = GreenKey(), 0
    for length, asking, offered in presses:
        now += 50
        meanings = [down(key, now, asking, offered), key.tick(now + length), key.up(now + length)]
        assert sum(meaning is not None for meaning in meanings) == 1
        now += length
