"""The outside ledger: it finds what was lost, doubled or claimed too early, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.home.ledger import FELL, Case, Deed, Ledger, Meaning, Press, Stored, Told, count_calls, match


def press(at_ms: int, origin: str = "hub-01", elder: str = "e-chen", **more: object) -> Press:
    return Press(at_ms, origin, "red", elder, **more)  # type: ignore[arg-type]


def stored(number: int, received_ms: int, origin: str = "hub-01", kind: str = "call.sos") -> Stored:
    return Stored(f"{origin}.0a.{number}", f"{origin}.0a.1", kind, origin, "e-chen", received_ms)


def ledger_of(*records: Press | Told | Deed) -> Ledger:
    ledger = Ledger()
    for record in records:
        ledger.write(record)
    return ledger


def test_a_press_with_its_event_and_case_is_in_order() -> None:
    verdict = ledger_of(press(100)).judge([stored(1, 130)], [Case("hub-01.0a.1", "e-chen")])
    assert verdict.ok
    assert (verdict.calls, verdict.cases, verdict.duplicated) == (1, 1, 0)


def test_the_second_of_two_presses_needs_an_event_of_its_own() -> None:
    verdict = ledger_of(press(100), press(900)).judge([stored(1, 130)], [Case("hub-01.0a.1", "e-chen")])
    assert len(verdict.lost) == 1


def test_an_old_event_does_not_excuse_a_new_press() -> None:
    assert ledger_of(press(900)).judge([stored(1, 130)], []).lost


def test_an_event_of_another_device_or_kind_carries_nothing() -> None:
    verdict = ledger_of(press(100)).judge([stored(1, 130, "pd-01"), stored(2, 130, kind="call.updated")], [])
    assert len(verdict.lost) == 1


def test_a_press_during_the_boot_may_be_part_of_the_one_that_woke() -> None:
    verdict = ledger_of(press(100), press(300, may_fold=True)).judge(
        [stored(1, 700)], [Case("hub-01.0a.1", "e-chen")]
    )
    assert verdict.ok


def test_a_power_cut_excuses_only_what_nobody_was_told() -> None:
    silent = ledger_of(press(100))
    silent.excuse("hub-01", 150)
    assert not silent.judge([], []).lost
    told = ledger_of(press(100), Told(120, "hub-01", "lamp", Meaning.OTHER))
    told.excuse("hub-01", 150)
    assert told.judge([], []).lost
    later = ledger_of(press(200))
    later.excuse("hub-01", 150)
    assert later.judge([], []).lost


def test_the_end_of_an_older_call_tells_nothing_of_a_press() -> None:
    for told in (
        Told(120, "hub-01", "lamp", Meaning.OTHER, "off off"),
        Told(120, "hub-01", "spoken", Meaning.OVER),
    ):
        ledger = ledger_of(press(100), told)
        ledger.excuse("hub-01", 150)
        assert not ledger.is_owed(press(100))


def test_two_cases_of_one_call_are_a_duplicate() -> None:
    cases = [Case("hub-01.0a.1", "e-chen"), Case("hub-01.0a.2", "e-chen")]
    assert ledger_of(press(1), press(2)).judge([stored(1, 9), stored(2, 9)], cases).duplicated == 1


def test_after_the_seat_closed_a_press_is_a_new_call() -> None:
    records = [press(1), Deed(5, "e-chen", "c", "close"), press(9)]
    assert count_calls([press(1), press(9)], [records[1]]) == 2  # type: ignore[list-item]
    assert count_calls([press(1), press(9)], [Deed(5, "e-chen", "c", "take")]) == 1


def test_a_press_that_crosses_the_end_of_its_call_is_the_call_once_more() -> None:
    ledger = ledger_of(press(100), Deed(200, "e-chen", "c", "close"), press(300))
    events = [stored(1, 130), stored(2, 330)]
    assert ledger.judge(events, [Case("hub-01.0a.1", "e-chen", opened=2)]).ok
    folded = ledger.judge(events, [Case("hub-01.0a.1", "e-chen", ended_ms=201)])
    assert "no seat was told" in folded.lost[0]
    assert folded.duplicated == -1


def test_a_press_from_before_the_end_that_comes_after_it_is_the_call_once_more() -> None:
    ledger = ledger_of(press(100), press(190), Deed(200, "e-chen", "c", "close"))
    events = [stored(1, 130), stored(2, 330)]
    assert ledger.judge(events, [Case("hub-01.0a.1", "e-chen", opened=2)]).ok
    assert ledger.judge(events, [Case("hub-01.0a.1", "e-chen", opened=1)]).duplicated == -1
    twice = [Case("hub-01.0a.1", "e-chen", opened=2), Case("hub-01.0a.2", "e-chen")]
    assert ledger.judge(events, twice).duplicated == 1


def test_an_excused_press_that_went_out_all_the_same_is_a_call() -> None:
    """Cut before anything was told, three times: the first press went nowhere, the other two went out."""
    records: list[Press | Deed] = []
    for begin in (0, 10_000, 20_000):
        records += [press(begin, may_fold=True), Deed(begin + 5_000, "e-chen", "c", "close")]
    del records[1]  # nobody closes what never came
    events = [stored(2, 10_400), stored(3, 20_600)]
    cases = [Case("hub-01.0a.2", "e-chen"), Case("hub-01.0a.3", "e-chen")]
    verdict = ledger_of(*records).judge(events, cases)
    assert (verdict.calls, verdict.cases, verdict.ok) == (2, 2, True)
    assert {made.at_ms for made in verdict.carried} == {10_000, 20_000}


def test_an_excused_press_does_not_cover_for_an_event_too_many() -> None:
    ledger = ledger_of(press(100, may_fold=True), press(500))
    events = [stored(1, 130), stored(2, 530), stored(3, 540)]
    cases = [Case(f"hub-01.0a.{number}", "e-chen") for number in (1, 2, 3)]
    assert ledger.judge(events, cases).duplicated == 2


def test_two_elders_are_two_calls() -> None:
    assert count_calls([press(1), press(2, elder="e-wang")], []) == 2


def test_a_lamp_that_says_delivered_before_the_platform_has_it_is_early() -> None:
    ledger = ledger_of(press(100), Told(110, "hub-01", "lamp", Meaning.DELIVERED))
    verdict = ledger.judge([stored(1, 130)], [Case("hub-01.0a.1", "e-chen")])
    assert verdict.early
    assert not verdict.lost


def test_whatever_was_told_and_is_not_at_the_platform_is_lost() -> None:
    ledger = ledger_of(press(100, may_fold=True), Told(110, "hub-01", "lamp", Meaning.HEARD))
    assert ledger.judge([], []).lost


def test_taken_is_true_only_after_somebody_took_it() -> None:
    told = Told(200, "pd-01", "buzz", Meaning.TAKEN)
    events, cases = [stored(1, 130)], [Case("hub-01.0a.1", "e-chen")]
    assert ledger_of(press(100), told).judge(events, cases).early
    taken = Deed(190, "e-chen", "c", "take")
    assert ledger_of(press(100), told, taken).judge(events, cases).ok


LATER = 10_000  # well after the reaction of any device
ONE = [Case("hub-01.0a.1", "e-chen")]


def lamp(at_ms: int, meaning: Meaning, text: str = "") -> Told:
    return Told(at_ms, "hub-01", "lamp", meaning, text)


def buzz(at_ms: int, text: str, meaning: Meaning = Meaning.OTHER) -> Told:
    return Told(at_ms, "pd-01", "buzz", meaning, text, "e-chen")


def early(events: list[Stored], *records: Press | Told | Deed) -> str:
    return " | ".join(ledger_of(*records).judge(events, ONE).early)


def test_delivered_of_a_new_call_is_not_excused_by_the_call_before() -> None:
    before = (
        press(100),
        lamp(140, Meaning.DELIVERED),
        Deed(200, "e-chen", "c", "close"),
        lamp(1_100, Meaning.OTHER, "off off"),
    )
    told = lamp(LATER + 10, Meaning.DELIVERED)  # at once: within the reaction of the lamp
    events = [stored(1, 130), stored(2, LATER + 500)]
    assert "nothing newer" in early(events, *before, press(LATER), told)
    assert not early([stored(1, 130), stored(2, LATER + 8)], *before, press(LATER), told)


def test_news_that_comes_late_is_not_early() -> None:
    """The seat had ended the call before the home heard that the platform had it."""
    records = (press(100), Deed(200, "e-chen", "c", "close"), lamp(900, Meaning.DELIVERED))
    assert not early([stored(1, 130)], *records)


def test_delivered_while_the_second_press_is_owed_is_early() -> None:
    records = (press(100), press(LATER), lamp(LATER + 4_000, Meaning.DELIVERED))
    assert f"press at {LATER} ms" in early([stored(1, 130), stored(2, LATER + 5_000)], *records)
    assert not early([stored(1, 130), stored(2, LATER + 3_900)], *records)


def test_an_event_of_the_first_press_that_comes_late_does_not_stand_for_the_second() -> None:
    records = (press(100), press(900), lamp(LATER, Meaning.DELIVERED))
    assert early([stored(1, 5_000), stored(2, LATER + 900)], *records)
    assert not early([stored(1, 5_000), stored(2, 5_100)], *records)


def test_a_lamp_that_goes_on_to_show_delivered_over_a_new_press_is_early() -> None:
    lit, out = lamp(140, Meaning.DELIVERED), lamp(3 * LATER, Meaning.HEARD)
    events = [stored(1, 130), stored(2, 2 * LATER)]
    assert early(events, press(100), lit, press(LATER), out)
    soon = lamp(LATER + 500, Meaning.HEARD)
    assert not early(events, press(100), lit, press(LATER), soon)
    assert not early([stored(1, 130), stored(2, LATER + 60)], press(100), lit, press(LATER), out)


def test_what_a_pendant_felt_binds_it_at_once() -> None:
    pressed = (press(100, "pd-01"), buzz(110, "pressed"), press(900, "pd-01"), buzz(950, "pressed"))
    green = buzz(960, "delivered", Meaning.DELIVERED)
    events = [stored(1, 130, "pd-01"), stored(2, 1_200, "pd-01")]
    assert "press at 900 ms" in early(events, *pressed, green)
    assert not early(events, *pressed, buzz(940, "delivered", Meaning.DELIVERED))  # still of the first
    assert not early(events, *pressed, buzz(1_210, "delivered", Meaning.DELIVERED))


def test_another_device_of_the_elder_does_not_excuse_a_claim_of_this_one() -> None:
    records = (press(100, "pd-01"), buzz(110, "pressed"), press(200), buzz(400, "", Meaning.DELIVERED))
    assert early([stored(1, 300), stored(2, 500, "pd-01")], *records)
    assert not early([stored(1, 300), stored(2, 390, "pd-01")], *records)


def test_a_press_that_may_fold_binds_nothing() -> None:
    records = (press(100), press(300, may_fold=True), lamp(LATER, Meaning.DELIVERED))
    assert not early([stored(1, 700)], *records)


def test_a_key_held_to_cancel_asks_for_no_help() -> None:
    kinds = frozenset({"call.assistance", "call.consultation", "call.updated"})
    held = Press(LATER, "hub-01", "green", "e-chen", kinds)
    lit, out = lamp(140, Meaning.DELIVERED), lamp(3 * LATER, Meaning.OTHER, "off off")
    cancelled = stored(2, 2 * LATER, kind="call.updated")
    assert not early([stored(1, 130), cancelled], press(100), lit, held, out)
    asked = stored(2, 2 * LATER, kind="call.assistance")
    assert f"press at {LATER} ms" in early([stored(1, 130), asked], press(100), lit, held, out)


def test_the_hand_that_took_the_call_before_has_not_taken_this_one() -> None:
    before = (
        press(100),
        Deed(200, "e-chen", "c", "take"),
        Deed(300, "e-chen", "c", "close"),
    )
    told = lamp(LATER + 4_000, Meaning.TAKEN)
    events = [stored(1, 130), stored(2, LATER + 50)]
    assert "nobody had taken" in early(events, *before, press(LATER), told)
    taken = Deed(LATER + 100, "e-chen", "c", "take")
    assert not early(events, *before, press(LATER), taken, told)


def test_a_hand_before_the_press_arrived_holds_it_only_if_it_took_this_call() -> None:
    told = lamp(LATER + 4_000, Meaning.TAKEN)
    events = [stored(1, 130), stored(2, LATER + 50)]
    taken = (press(100), Deed(200, "e-chen", "c", "take"), press(LATER), told)
    assert not early(events, *taken)  # taken stays taken
    assert "nobody had taken" in early(events, *taken, Deed(300, "e-chen", "c", "arrived"))
    assert "nobody had taken" in early(events, *taken, Deed(LATER + 20, "e-chen", "c", "close"))
    owed = [stored(1, 130), stored(2, LATER + 4_050)]
    assert f"press at {LATER} ms" in early(owed, *taken)


def test_an_sos_is_not_taken_by_whoever_took_an_assistance() -> None:
    kinds = frozenset({"call.assistance"})
    green = Press(100, "hub-01", "green", "e-chen", kinds)
    hand, told = Deed(200, "e-chen", "c", "take"), lamp(LATER + 4_000, Meaning.TAKEN)
    asked, alarm = stored(1, 130, kind="call.assistance"), stored(2, LATER + 50)
    assert "nobody had taken" in early([asked, alarm], green, hand, press(LATER), told)
    again = Deed(LATER + 60, "e-chen", "c", "take")
    assert not early([asked, alarm], green, hand, press(LATER), again, told)


def test_another_elders_hand_takes_nothing() -> None:
    records = (press(100, "pd-01"), buzz(110, "pressed"), buzz(900, "taken", Meaning.TAKEN))
    events = [stored(1, 130, "pd-01")]
    assert "nobody had taken" in early(events, *records, Deed(200, "e-wang", "c", "take"))
    assert not early(events, *records, Deed(200, "e-chen", "c", "take"))


times = st.integers(0, 20)


@given(st.lists(st.tuples(times, st.booleans()), max_size=7), st.lists(times, max_size=7))
def test_matching_never_overlooks_a_way_to_carry_all(pressed: list[tuple[int, bool]], got: list[int]) -> None:
    presses = [
        Press(at * 100 + n, "hub-01", "red", "e-chen", may_fold=fold) for n, (at, fold) in enumerate(pressed)
    ]
    events = [stored(n, at * 100 + 50) for n, at in enumerate(got)]
    carried = match(presses, events)
    assert len({event.id for event in carried.values()}) == len(carried)
    assert all(event.received_ms + 5 >= made.at_ms for made, event in carried.items())
    free, best = sorted(event.received_ms for event in events), 0
    for made in sorted(presses, key=lambda made: -made.at_ms):
        if free and free[-1] + 5 >= made.at_ms:
            free.pop()
            best += 1
    assert len(carried) == best


def fell(at_ms: int) -> Press:
    return Press(at_ms, "pd-01", FELL, "e-chen", frozenset({"call.fall"}))


def test_a_fall_needs_its_event_unless_somebody_answered_that_all_is_well() -> None:
    ended = Told(900, "pd-01", "buzz", Meaning.OVER, "ended")
    unanswered = ledger_of(fell(100), ended).judge([], [])
    assert len(unanswered.lost) == 2, "the call, and that it was told to be over"
    answered = ledger_of(fell(100))
    asked = answered.asked_about(500)
    assert asked is not None
    answered.answer(asked, 800)
    answered.write(ended)
    assert answered.judge([], []).ok
    assert answered.asked_about(900) is None, "the next press of the key is no answer"


def test_an_answer_is_about_the_last_fall_alone() -> None:
    ledger = ledger_of(fell(100), fell(40_000))
    last = ledger.asked_about(50_000)
    assert last == fell(40_000)
    assert last is not None
    ledger.answer(last, 50_000)
    assert len(ledger.judge([], []).lost) == 1


def test_that_it_is_over_is_early_before_somebody_said_so() -> None:
    ledger = ledger_of(fell(100), Told(700, "pd-01", "buzz", Meaning.OVER, "ended"))
    ledger.answer(fell(100), 800)
    assert len(ledger.judge([], []).early) == 1
