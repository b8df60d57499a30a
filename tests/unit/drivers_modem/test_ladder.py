"""How a silent modem is brought back: rung by rung, within a budget, not amid an alarm."""

from drivers.modem.ladder import BUDGET_MS, Climb, Rung, climb

MIN = 60_000


def climbed(checks, *, answers, alarm=False, talking=False):
    state, rungs = Climb(), []
    for number in range(checks):
        state, rung = climb(
            state, answers=answers, service=False, alarm=alarm, talking=talking, now_ms=number * MIN
        )
        rungs.append(rung)
    return rungs


def test_a_silent_modem_is_reopened_then_reset_then_switched():
    assert climbed(4, answers=False) == [Rung.REOPEN, Rung.RADIO, Rung.RESET, Rung.POWER]


def test_without_service_it_is_given_minutes():
    rungs = climbed(16, answers=True)
    assert [n for n, rung in enumerate(rungs, 1) if rung is not Rung.WAIT] == [5, 15]
    assert rungs[4] is Rung.RADIO
    assert rungs[14] is Rung.RESET


def test_amid_an_alarm_one_that_answers_is_left_alone_and_a_dead_one_is_not():  # rule 12
    assert set(climbed(40, answers=True, alarm=True)) == {Rung.WAIT}
    assert Rung.RESET in climbed(5, answers=False, alarm=True)


def test_a_port_that_is_silent_while_somebody_talks_is_reopened_and_no_more():  # rule 12
    assert set(climbed(5, answers=False, talking=True)) == {Rung.REOPEN}


def test_no_rung_is_used_oftener_than_its_budget():
    used: dict[Rung, int] = {}
    for number, rung in enumerate(climbed(2000, answers=False)):
        if rung in BUDGET_MS:
            assert number * MIN - used.get(rung, -BUDGET_MS[rung]) >= BUDGET_MS[rung]
            used[rung] = number * MIN


def test_what_works_again_begins_anew():
    state, _ = climb(Climb(silent=3), answers=True, service=True, alarm=False, now_ms=0)
    assert climb(state, answers=False, service=False, alarm=False, now_ms=MIN)[1] is Rung.REOPEN
