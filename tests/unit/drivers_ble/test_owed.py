"""What is owed to a pendant: rising stages, newest words, the right order, of the right call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.owed import MAX_PRESSES, Owed
from protocols.link import messages
from protocols.link.const import STAGE_ARRIVED, STAGE_CLOSED, STAGE_DELIVERED, STAGE_HEARD, STAGE_TAKEN

LIFE = 0x1A2B3C4D
SOS, ASSIST = 0, 1


def said(owed: Owed) -> list[tuple[str, int]]:
    """Everything that is owed, in order, each answered at once."""
    out = []
    while (message := owed.next()) is not None:
        out.append((type(message).__name__, getattr(message, "stage", 0)))
        owed.answered(message)
    return out


def test_nothing_is_owed_at_first() -> None:
    assert Owed().next() is None
    assert Owed().lane() is None


def test_only_the_latest_stage_is_told_and_none_goes_back() -> None:
    owed = Owed()
    owed.stage(LIFE, 7, STAGE_HEARD, SOS)
    owed.stage(LIFE, 7, STAGE_DELIVERED, SOS)
    owed.stage(LIFE, 7, STAGE_HEARD, SOS)
    assert said(owed) == [("Ack", STAGE_DELIVERED)]
    owed.stage(LIFE, 7, STAGE_HEARD, SOS)
    assert owed.next() is None


def test_a_press_that_waits_anew_takes_back_that_the_call_is_taken() -> None:
    owed = Owed()
    owed.call_falls(SOS)
    assert said(owed) == [], "nothing was said, nothing is taken back"
    owed.stage(LIFE, 7, STAGE_DELIVERED, ASSIST)
    owed.call_state(STAGE_TAKEN, ASSIST)
    assert said(owed) == [("Ack", STAGE_DELIVERED), ("CallState", STAGE_TAKEN)]
    owed.stage(LIFE, 8, STAGE_HEARD, SOS)
    owed.call_falls(SOS)
    owed.call_falls(SOS)
    assert said(owed) == [("CallState", STAGE_HEARD), ("Ack", STAGE_HEARD)]
    owed.call_state(STAGE_TAKEN, SOS)
    assert said(owed) == [("CallState", STAGE_TAKEN)], "and it is felt again when somebody takes it"


def test_what_was_not_answered_stays_owed() -> None:
    owed = Owed()
    owed.stage(LIFE, 7, STAGE_HEARD, SOS)
    first, second = owed.next(), owed.next()
    assert isinstance(first, messages.Ack)
    assert isinstance(second, messages.Ack)
    assert owed.lane() == SOS
    owed.stage(LIFE, 7, STAGE_DELIVERED, SOS)  # while the first was on its way
    owed.answered(first)
    assert said(owed) == [("Ack", STAGE_DELIVERED)]


def test_the_higher_lane_is_told_first() -> None:
    owed = Owed()
    owed.stage(LIFE, 7, STAGE_HEARD, ASSIST)
    owed.stage(LIFE, 8, STAGE_HEARD, SOS)
    message = owed.next()
    assert isinstance(message, messages.Ack)
    assert message.number == 8
    assert owed.lane() == SOS


def test_what_is_true_of_help_is_said_again_after_the_ack_of_a_press_that_joins() -> None:
    """With the ack the pendant forgets what it was told before."""
    for stage in (STAGE_TAKEN, STAGE_ARRIVED):
        owed = Owed()
        owed.stage(LIFE, 7, STAGE_DELIVERED, SOS)
        owed.call_state(stage, SOS)
        assert said(owed) == [("Ack", STAGE_DELIVERED), ("CallState", stage)]
        owed.stage(LIFE, 8, STAGE_DELIVERED, SOS)  # heard, stored and taken in one step of the hub
        owed.call_state(stage, SOS)
        assert said(owed) == [("Ack", STAGE_DELIVERED), ("CallState", stage)]


def test_a_word_of_help_that_was_on_its_way_before_the_ack_is_said_again() -> None:
    owed = Owed()
    owed.call_state(STAGE_TAKEN, SOS)
    word = owed.next()
    assert isinstance(word, messages.CallState)
    owed.stage(LIFE, 8, STAGE_DELIVERED, SOS)
    owed.answered(word)
    assert said(owed) == [("Ack", STAGE_DELIVERED), ("CallState", STAGE_TAKEN)]


def test_the_end_of_a_call_is_said_before_a_new_press_is_acknowledged() -> None:
    owed = Owed()
    owed.stage(LIFE, 8, STAGE_HEARD, SOS)
    owed.call_state(STAGE_ARRIVED, SOS)
    assert said(owed) == [("CallState", STAGE_ARRIVED), ("Ack", STAGE_HEARD)]


def test_a_hub_that_starts_anew_tells_no_end_of_what_the_pendant_has_let_go() -> None:
    owed = Owed()
    for number in range(1, 20):
        owed.stage(LIFE, number, STAGE_CLOSED, SOS)
    owed.stage(LIFE, 20, STAGE_DELIVERED, SOS)
    owed.held(LIFE, {19, 20})
    told = []
    while message := owed.next():
        told.append((message.number, message.stage))
        owed.answered(message)
    assert told == [(19, STAGE_CLOSED), (20, STAGE_DELIVERED)]


def test_what_it_has_let_go_and_is_not_over_is_told_all_the_same() -> None:
    owed = Owed()
    owed.stage(LIFE, 1, STAGE_DELIVERED, SOS)
    owed.stage(LIFE + 1, 2, STAGE_CLOSED, SOS)
    owed.held(LIFE, ())
    assert owed.next() is not None


def test_taken_is_said_after_the_acks() -> None:
    owed = Owed()
    owed.call_state(STAGE_TAKEN, SOS)
    owed.stage(LIFE, 7, STAGE_DELIVERED, SOS)
    assert said(owed) == [("Ack", STAGE_DELIVERED), ("CallState", STAGE_TAKEN)]


def test_taken_of_one_call_is_never_said_of_the_next() -> None:
    owed = Owed()
    owed.call_state(STAGE_TAKEN, SOS)
    owed.stage(LIFE, 7, STAGE_CLOSED, SOS)
    owed.stage(LIFE, 8, STAGE_HEARD, SOS)
    assert said(owed) == [("Ack", STAGE_CLOSED), ("Ack", STAGE_HEARD)]
    owed.call_state(STAGE_TAKEN, SOS)
    assert said(owed) == [("CallState", STAGE_TAKEN)]


def test_the_floor_goes_first_and_is_a_reason_to_connect() -> None:
    owed = Owed()
    owed.stage(LIFE, 7, STAGE_HEARD, ASSIST)
    owed.floor(50_000)
    assert owed.lane() == SOS
    assert said(owed)[0] == ("Floor", 0)


def test_configuration_waits_for_an_occasion() -> None:
    owed = Owed()
    owed.config(1, "zh")
    assert owed.lane() is None
    assert said(owed) == [("Config", 0)]


def test_a_question_is_asked_once_a_round_and_can_be_taken_back() -> None:
    owed = Owed()
    owed.ask(1, ASSIST)
    assert said(owed) == [("Ask", 0)]
    owed.ask(2, ASSIST)
    owed.ask_no_more()
    assert owed.next() is None


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 6), st.sampled_from((SOS, ASSIST)), st.booleans()),
        max_size=300,
    )
)
def test_it_stays_bounded_and_each_press_only_rises(told: list[tuple[int, int, int, bool]]) -> None:
    owed, shown = Owed(), dict[int, int]()
    for number, stage, lane, answer in told:
        owed.stage(LIFE, number, stage, lane)
        assert len(owed._presses) <= MAX_PRESSES
        message = owed.next()
        if answer and isinstance(message, messages.Ack):
            before = shown.get(message.number, 0)
            assert message.stage > before or before >= STAGE_CLOSED or len(shown) > MAX_PRESSES - 1
            shown[message.number] = message.stage
            owed.answered(message)
