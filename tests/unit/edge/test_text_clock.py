"""What a receipt by text says of the time: never more than its own way allows, and never against IP."""

from hypothesis import given
from hypothesis import strategies as st

from edge.text_clock import ANSWER_MS, ASK_AFTER_MS, ASK_AGAIN_MS, EARLIEST_MS, LATEST_MS, is_to_ask, time_of

NOON_MS = EARLIEST_MS + 300 * 86_400_000


def test_a_receipt_of_a_text_just_sent_sets_the_clock():
    assert time_of(NOON_MS, 1_000, 15_000, 0) == NOON_MS + 7_000


def test_a_text_that_took_hours_says_nothing_of_the_time():
    assert time_of(NOON_MS, 0, ANSWER_MS + 1, 0) is None


def test_a_receipt_of_what_this_run_has_not_sent_says_nothing():
    assert time_of(NOON_MS, None, 15_000, 0) is None


def test_a_time_that_cannot_be_is_refused():
    for written_ms in (0, EARLIEST_MS - 1, LATEST_MS + 1):
        assert time_of(written_ms, 0, 1_000, 0) is None


def test_time_does_not_go_back_behind_what_was_known():
    assert time_of(NOON_MS, 0, 1_000, NOON_MS + ANSWER_MS + 1) is None
    assert time_of(NOON_MS, 0, 1_000, NOON_MS + 30_000) is not None


@given(
    st.integers(EARLIEST_MS, LATEST_MS - 10**9),
    st.integers(0, ANSWER_MS),
    st.integers(0, ANSWER_MS),
    st.data(),
)
def test_however_late_it_is_right_to_five_minutes(true_ms, up_ms, down_ms, data):
    asked_ms = data.draw(st.integers(0, 10**9))
    now_ms = asked_ms + up_ms + down_ms
    found = time_of(true_ms + up_ms, asked_ms, now_ms, 0)
    if found is not None:
        assert abs(found - (true_ms + up_ms + down_ms)) <= ANSWER_MS // 2


def test_the_time_is_asked_for_only_where_nothing_better_is_to_be_had():
    assert is_to_ask(ASK_AFTER_MS, None, trusted=False, by_ip=False)
    assert not is_to_ask(ASK_AFTER_MS - 1, None, trusted=False, by_ip=False)
    assert not is_to_ask(ASK_AFTER_MS, None, trusted=True, by_ip=False)
    assert not is_to_ask(ASK_AFTER_MS, None, trusted=False, by_ip=True)
    assert not is_to_ask(ASK_AFTER_MS, ASK_AGAIN_MS - 1, trusted=False, by_ip=False)
    assert is_to_ask(ASK_AFTER_MS, ASK_AGAIN_MS, trusted=False, by_ip=False)
