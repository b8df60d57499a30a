"""What a finger means: both presets, tremble, hold, wake and a key that is stuck. Runs under both
interpreters.
"""

from firmware.pendant.gesture import ASSIST, FREED, PRESET_TWO_MEANINGS, SOS, STUCK, Gesture


def play(gesture, edges, until):
    """Edges as (ms, down); every decision with its time, taken exactly when due as the loop does."""
    out = []
    now = edges[0][0] if edges else 0
    pending = list(edges)
    while True:
        due = gesture.next_ms()
        if pending and (due is None or pending[0][0] <= due):
            now, down = pending.pop(0)
            out += gesture.edge(down, now)
        elif due is not None and due <= until:
            now = due
            out += gesture.step(now)
        else:
            return out


def tap(at, hold=100):
    return [(at, True), (at + hold, False)]


def two():
    return Gesture(PRESET_TWO_MEANINGS)


def test_every_press_is_an_sos_by_default():
    assert play(Gesture(), tap(1000) + tap(1500) + tap(9000), 20000) == [
        (SOS, 1000),
        (SOS, 1500),
        (SOS, 9000),
    ]


def test_the_decision_falls_while_the_finger_is_still_down():
    gesture = Gesture()
    gesture.edge(True, 1000)
    assert gesture.next_ms() == 1008
    assert gesture.step(1007) == []
    assert gesture.step(1008) == [(SOS, 1000)]


def test_a_bouncing_contact_is_one_press():
    edges = [(0, True), (2, False), (3, True), (5, False), (6, True), (150, False), (152, True), (155, False)]
    assert play(Gesture(), edges, 2000) == [(SOS, 0)]


def test_a_light_tap_counts_and_a_spike_does_not():
    assert play(Gesture(), [(0, True), (9, False)], 1000) == [(SOS, 0)]
    assert play(Gesture(), [(0, True), (2, False)], 1000) == []
    assert play(Gesture(), [(0, True), (4, False), (9, True), (14, False)], 1000) == [(SOS, 0)]


def test_a_loop_that_comes_late_decides_the_same():
    gesture = Gesture()
    out = gesture.edge(True, 0) + gesture.edge(False, 100) + gesture.edge(True, 400) + gesture.step(5000)
    assert out == [(SOS, 0), (SOS, 400)]


def test_the_first_release_sends_assistance_at_once():
    assert play(two(), tap(0), 60000) == [(ASSIST, 100)]


def test_a_second_press_makes_it_an_sos_at_the_edge():
    assert play(two(), tap(0) + tap(300), 60000) == [(ASSIST, 100), (SOS, 300)]
    assert play(two(), tap(0) + tap(600000), 700000) == [(ASSIST, 100), (SOS, 600000)]


def test_a_trembling_finger_is_not_a_second_press():
    assert play(two(), tap(0, 60) + tap(150, 60), 60000) == [(ASSIST, 60)]


def test_who_hammers_on_faster_than_that_means_it():
    hammering = tap(0, 60) + tap(250, 60) + tap(500, 60) + tap(750, 60)
    assert play(two(), hammering, 60000) == [(ASSIST, 60), (SOS, 500)]


def test_a_trembling_finger_that_then_holds_means_it():
    assert play(two(), tap(0, 60) + tap(150, 2000), 60000) == [(ASSIST, 60), (SOS, 1150)]


def test_a_hold_is_an_sos_at_the_threshold_and_not_at_the_release():
    gesture = two()
    assert play(gesture, [(0, True)], 999) == []
    assert gesture.step(1000) == [(SOS, 1000)]
    assert play(gesture, [(5000, False)], 9000) == []


def test_a_hold_counts_from_the_wake_edge():
    gesture = two()
    assert gesture.wake(0, True, 450) == []
    assert gesture.next_ms() == 1000
    assert gesture.step(1000) == [(SOS, 1000)]
    late = two()
    assert late.wake(0, True, 1200) == [(SOS, 1000)]


def test_a_wake_press_is_never_lost():
    assert Gesture().wake(0, False, 450) == [(SOS, 0)]
    assert Gesture().wake(0, True, 450) == [(SOS, 0)]
    assert two().wake(0, False, 450) == [(ASSIST, 420)]


def test_a_wake_press_upgrades_an_open_call():
    gesture = two()
    gesture.open = True
    assert gesture.wake(0, False, 450) == [(SOS, 0)]


def test_meaning_only_ever_rises_while_a_call_is_open():
    gesture = two()
    assert play(gesture, tap(0) + tap(1000) + tap(2000) + tap(3000), 9000) == [
        (ASSIST, 100),
        (SOS, 1000),
        (SOS, 2000),
        (SOS, 3000),
    ]
    gesture.open = False  # the call was closed
    assert play(gesture, tap(20000), 30000) == [(ASSIST, 20100)]


def test_a_key_down_for_30_s_is_a_fault_until_it_is_let_go():
    gesture = Gesture()
    assert play(gesture, [(0, True)], 100000) == [(SOS, 0), (STUCK, 30000)]
    assert gesture.stuck
    assert gesture.next_ms() is None
    assert play(gesture, [(200000, False)], 300000) == [(FREED, 200000)]
    assert not gesture.stuck
    assert play(gesture, tap(400000), 500000) == [(SOS, 400000)]


def test_a_stuck_key_let_go_in_sleep_is_no_press():
    gesture = two()
    gesture.resume_stuck(False, 100000)
    assert gesture.step(100000) == []
    assert gesture.step(100030) == [(FREED, 100000)]
    assert play(gesture, tap(100100), 200000) == [(ASSIST, 100200)]


def test_a_stuck_key_that_stays_down_says_nothing_new():
    gesture = Gesture()
    assert gesture.resume_stuck(True, 100000) == []
    assert gesture.next_ms() is None
    assert gesture.step(999999) == []


def test_a_stuck_key_that_is_let_go_and_pressed_during_the_boot_is_a_press():
    """Its release wakes the chip; what the elder does in the 0.3-0.6 s after it cannot be seen."""
    gesture = Gesture()
    assert gesture.pressed_anew(100000, 100450) == [(FREED, 100000), (SOS, 100000)]
    assert not gesture.stuck
    assert gesture.step(130000) == [(STUCK, 130000)]  # and if it sticks again, that is a fault again
    held = two()
    assert held.pressed_anew(100000, 100450) == [(FREED, 100000)]
    assert held.step(101000) == [(SOS, 101000)]
