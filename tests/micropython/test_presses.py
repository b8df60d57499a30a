"""The press book, the air and the surfaces over time. Runs under both interpreters."""

from drivers.pendant.buzz import Buzzer
from firmware.pendant import core, presses, schedule, surface
from firmware.pendant.core import AIR, FEEL, STORE, Core
from firmware.pendant.gesture import ASSIST, PRESET_TWO_MEANINGS, SOS

MINUTE = 60000
PRESSED = [(AIR,), (STORE,), (FEEL, surface.PRESSED)]


def numbers(start=1):
    box = [start - 1]

    def take():
        box[0] += 1
        return box[0]

    return take


def pressed(preset=0, at=1000):
    mind = Core(preset, numbers())
    mind.key(True, at)
    effects = mind.tick(at + 8)
    mind.key(False, at + 100)
    effects += mind.tick(at + 200)
    return mind, effects


def tick(mind, start, end, step=250):
    """All effects between two moments, with their time."""
    out = []
    for now in range(start, end, step):
        out += [(now, effect) for effect in mind.tick(now)]
    return out


def test_a_press_is_on_the_air_then_in_flash_then_felt():
    mind, effects = pressed()
    assert effects == PRESSED
    press, interval, _ = mind.book.on_air(1008, 0)
    assert (press.number, press.meaning, press.pressed_ms, interval) == (1, SOS, 1000, 20)


def test_a_key_that_was_stuck_and_is_pressed_anew_is_on_the_air_before_flash_is_written():
    mind = Core(0, numbers())
    assert mind.resume_stuck(True, 100000) == []
    assert mind.pressed_anew(200000, 200450)[0] == (AIR,)


def test_the_pace_on_the_air():
    on = [schedule.pace(schedule.UNHEARD, age)[0] for age in range(0, 180000, 1000)]
    assert on == [20] * 30 + [100] * 150
    for age, period in ((180000, 30000), (1740000, 30000), (1800000, 300000), (86400000 * 30, 300000)):
        assert schedule.pace(schedule.UNHEARD, age) == (20, age + 3000)
        assert schedule.pace(schedule.UNHEARD, age + 2999)[0] == 20
        assert schedule.pace(schedule.UNHEARD, age + 3000) == (0, age + period)


def test_an_unheard_press_is_never_abandoned():
    mind, _ = pressed()
    for day in (1, 7, 60):
        now = day * 86400000
        mind.tick(now)
        assert any(mind.book.on_air(now + second * 1000, 0)[1] for second in range(301))


def test_a_pendant_without_a_hub_says_so_low_and_red():
    mind, _ = pressed(at=0)
    assert mind.light(19999) == surface.AMBER
    felt = tick(mind, 300, 12 * MINUTE)
    assert [at for at, effect in felt if effect == (FEEL, surface.NO_HUB)] == [20050, 60050, 360050, 660050]
    assert mind.light(20000) == surface.RED


def test_an_sos_after_a_taken_assistance_is_not_felt_as_taken():
    mind = Core(PRESET_TWO_MEANINGS, numbers())
    mind.key(True, 1000)
    mind.tick(1008)
    mind.key(False, 1100)
    mind.tick(1200)
    mind.ack(1, presses.DELIVERED, 2000)
    assert (FEEL, surface.TAKEN) in mind.call(presses.TAKEN, 3000)
    mind.key(True, 20000)
    mind.tick(20008)
    mind.tick(21100)
    mind.key(False, 21200)
    mind.tick(21300)
    assert [p.meaning for p in mind.book.presses][-1] == SOS
    number = mind.book.presses[-1].number
    felt = mind.ack(number, presses.DELIVERED, 22000)
    assert (FEEL, surface.TAKEN) not in felt
    assert mind.call(presses.HEARD, 22100) == [(AIR,), (STORE,)]
    assert (FEEL, surface.TAKEN) in mind.call(presses.TAKEN, 30000)


def test_a_press_after_the_end_of_a_taken_call_is_not_felt_as_taken():
    mind, _ = pressed()
    mind.ack(1, presses.DELIVERED, 2000)
    mind.call(presses.TAKEN, 3000)
    mind.key(True, 20000)
    mind.tick(20008)
    mind.key(False, 20100)
    mind.tick(20200)
    assert (FEEL, surface.TAKEN) not in mind.ack(1, presses.CLOSED, 21000)
    assert mind.ack(2, presses.DELIVERED, 21100) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
    assert mind.book.stage() == presses.DELIVERED


def again(mind, at):
    """Another press."""
    mind.key(True, at)
    mind.tick(at + 8)
    mind.key(False, at + 100)
    mind.tick(at + 200)


def test_no_help_is_felt_while_a_press_is_unheard():
    mind, _ = pressed()
    again(mind, 2000)
    assert mind.ack(1, presses.DELIVERED, 2300) == [(AIR,), (STORE,)]
    assert mind.call(presses.TAKEN, 2400) == [(AIR,), (STORE,)]
    assert mind.light(2400) == surface.AMBER
    assert mind.ack(2, presses.HEARD, 2500) == [(AIR,), (STORE,)]
    assert mind.ack(2, presses.DELIVERED, 2600) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
    assert mind.call(presses.TAKEN, 2700) == [(AIR,), (STORE,), (FEEL, surface.TAKEN)]
    assert mind.light(2700) == surface.GREEN


def test_that_a_call_is_taken_is_not_felt_of_a_press_that_came_after_it_was_said():
    """Its hub may have lost its memory, and the call been closed meanwhile."""
    said = (presses.TAKEN, presses.ARRIVED)
    for stage, heard_first, cut in ((s, h, c) for s in said for h in (False, True) for c in (False, True)):
        mind, _ = pressed()
        mind.ack(1, presses.DELIVERED, 2000)
        mind.call(stage, 3000)
        again(mind, 20000)
        if cut:  # the pendant too knows only what its flash holds
            kept, mind = mind.book.pack(20300), Core(0, numbers(3))
            mind.restore(kept, 20300, True)
        if heard_first:
            assert mind.ack(2, presses.HEARD, 20400) == [(AIR,), (STORE,)]
        assert mind.ack(2, presses.DELIVERED, 21000) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
        assert mind.call(presses.TAKEN, 30000) == [(AIR,), (STORE,), (FEEL, surface.TAKEN)]


def test_what_one_hub_says_is_not_felt_of_a_press_that_only_the_other_has():
    mind, _ = pressed()
    mind.ack(1, presses.DELIVERED, 2000)
    again(mind, 3000)
    mind.ack(2, presses.HEARD, 3300)
    assert mind.call(presses.TAKEN, 3400) == [(AIR,), (STORE,)]
    assert mind.light(3400) == surface.AMBER
    assert mind.ack(2, presses.DELIVERED, 3500) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
    assert mind.call(presses.TAKEN, 3600) == [(AIR,), (STORE,), (FEEL, surface.TAKEN)]


def test_that_it_is_taken_stays_true_through_words_that_are_no_news():
    mind, _ = pressed()
    mind.ack(1, presses.DELIVERED, 2000)
    mind.call(presses.TAKEN, 3000)
    for stage in (presses.HEARD, presses.DELIVERED):  # the other hub, or this one started anew
        assert mind.ack(1, stage, 4000) == []
    assert mind.book.stage() == presses.TAKEN
    assert mind.call(presses.TAKEN, 5000) == []


def test_taken_is_felt_only_when_it_was_said_after_all_presses_had_come_as_far():
    for seed in range(300):
        mind = Core(seed % 2, numbers())
        said, now, state = presses.NONE, 1000, seed * 7919 + 1
        for _ in range(60):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            chance, now = state >> 16, now + 3000
            if chance % 5 == 0:
                made = len(mind.book.presses)
                again(mind, now)
                said = presses.NONE if len(mind.book.presses) > made else said
                continue
            if chance % 5 < 3 and mind.book.presses:
                press = mind.book.presses[chance // 5 % len(mind.book.presses)]
                stage = (presses.HEARD, presses.DELIVERED)[chance // 100 % 2]
                said = presses.NONE if stage > press.stage else said
                felt_now = mind.ack(press.number, stage, now)
            else:
                said = (presses.HEARD, presses.TAKEN, presses.ARRIVED)[chance // 5 % 3]
                felt_now = mind.call(said, now)
            least = min([p.stage for p in mind.book.presses] or [presses.NONE])
            taken = said == presses.TAKEN and least == presses.DELIVERED
            assert taken or (FEEL, surface.TAKEN) not in felt_now, seed
            assert taken == (mind.book.stage() == presses.TAKEN), seed


def test_two_presses_that_are_heard_are_felt_as_delivered_when_both_are():
    mind, _ = pressed()
    again(mind, 2000)
    mind.ack(1, presses.HEARD, 2300)
    mind.ack(2, presses.HEARD, 2400)
    assert mind.ack(1, presses.DELIVERED, 2500) == [(AIR,), (STORE,)]
    assert mind.ack(2, presses.DELIVERED, 2600) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
    assert mind.call(presses.TAKEN, 2700) == [(AIR,), (STORE,), (FEEL, surface.TAKEN)]


def test_the_end_of_a_call_is_not_felt_by_who_has_pressed_again():
    mind, _ = pressed()
    mind.ack(1, presses.DELIVERED, 2000)
    mind.call(presses.TAKEN, 3000)
    again(mind, 20000)
    assert mind.call(presses.ARRIVED, 20300) == [(AIR,), (STORE,)]
    assert mind.ack(2, presses.DELIVERED, 21000) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
    assert mind.book.stage() == presses.DELIVERED


def test_an_sos_is_not_felt_as_taken_by_who_took_an_assistance_when_nobody_had_heard_it():
    mind = Core(PRESET_TWO_MEANINGS, numbers())
    again(mind, 1000)
    mind.ack(1, presses.DELIVERED, 2000)
    again(mind, 20000)
    assert mind.book.presses[-1].meaning == SOS
    mind.call(presses.TAKEN, 20300)
    assert mind.ack(2, presses.DELIVERED, 21000)[-1] == (FEEL, surface.DELIVERED)


def test_heard_delivered_taken_closed():
    mind, _ = pressed()
    assert mind.ack(1, presses.HEARD, 2000) == [(AIR,), (STORE,)]
    assert mind.light(2000) == surface.AMBER
    assert mind.ack(1, presses.DELIVERED, 2100) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
    assert mind.light(2100) == surface.GREEN
    assert mind.call(presses.TAKEN, 9000) == [(AIR,), (STORE,), (FEEL, surface.TAKEN)]
    assert mind.call(presses.TAKEN, 9500) == []
    assert mind.call(presses.ARRIVED, 60000) == [(AIR,), (STORE,), (FEEL, surface.ENDED)]
    assert mind.light(60000) == surface.DARK
    assert mind.call(presses.CLOSED, 90000) == [(AIR,), (STORE,)]
    assert not mind.book.presses
    assert not mind.gesture.open


def test_acknowledgements_out_of_order_never_go_back():
    mind, _ = pressed()
    assert (FEEL, surface.DELIVERED) in mind.ack(1, presses.DELIVERED, 2000)
    assert mind.ack(1, presses.HEARD, 2100) == []
    assert mind.ack(77, presses.HEARD, 2100) == []
    assert mind.light(2200) == surface.GREEN


def test_closing_a_call_leaves_a_press_that_no_hub_has_heard():
    mind, _ = pressed()
    mind.ack(1, presses.DELIVERED, 2000)
    mind.key(True, 3000)
    mind.tick(3010)
    mind.key(False, 3100)
    mind.tick(3200)
    mind.call(presses.CLOSED, 4000)
    assert [p.number for p in mind.book.presses] == [2]
    assert mind.light(4000) == surface.AMBER
    assert mind.book.on_air(4000, 0)[1] == 20


def test_what_was_said_of_the_last_call_says_nothing_of_the_next():
    mind, _ = pressed()
    mind.ack(1, presses.DELIVERED, 2000)
    mind.call(presses.TAKEN, 3000)
    mind.tick(40 * MINUTE)
    assert not mind.book.presses
    mind.key(True, 60 * MINUTE)
    mind.tick(60 * MINUTE + 10)
    mind.ack(2, presses.HEARD, 60 * MINUTE + 20)
    assert mind.light(60 * MINUTE + 20) == surface.AMBER
    mind.ack(2, presses.DELIVERED, 60 * MINUTE + 30)
    assert mind.book.stage() == presses.DELIVERED
    assert (FEEL, surface.TAKEN) in mind.call(presses.TAKEN, 60 * MINUTE + 40)


def test_taken_is_polled_for_30_minutes_at_most():
    mind, _ = pressed(at=0)
    mind.ack(1, presses.DELIVERED, 1000)
    on = [mind.book.on_air(1000 + age, 0)[1] for age in range(0, 30 * MINUTE, 500)]
    assert all(on[:120])
    for start in range(120, 3600, 20):
        assert any(on[start : start + 20])  # at least every 10 s
    assert mind.tick(1000 + 30 * MINUTE) == [(AIR,), (STORE,)]
    assert mind.book.on_air(1000 + 30 * MINUTE, 0)[1] == 0


def test_what_was_said_of_a_call_that_is_polled_no_longer_is_not_felt_for_a_press_that_no_hub_has():
    mind, _ = pressed(at=0)
    mind.ack(1, presses.DELIVERED, 1000)
    mind.call(presses.TAKEN, 2000)
    mind.key(True, 5 * MINUTE)  # out of range, in the call that somebody has taken
    mind.tick(5 * MINUTE + 50)
    mind.tick(2000 + 30 * MINUTE)
    assert [p.number for p in mind.book.presses] == [2]
    mind.ack(2, presses.DELIVERED, 60 * MINUTE)  # by then that call is over, and this press waits in another
    assert mind.book.stage() == presses.DELIVERED


def test_unheard_presses_take_turns_with_the_highest_first():
    mind = Core(PRESET_TWO_MEANINGS, numbers())
    for at in (0, 1000, 2000):
        mind.key(True, at)
        mind.tick(at + 50)
        mind.key(False, at + 100)
        mind.tick(at + 200)
    carried = [mind.book.on_air(3000, turn)[0] for turn in range(6)]
    assert [(p.number, p.meaning) for p in carried] == [(2, SOS), (3, SOS), (1, ASSIST)] * 2
    assert mind.book.on_air(3000, 0)[1] == 20


def test_a_full_book_still_says_sos_and_loses_no_unheard_press():
    mind = Core(PRESET_TWO_MEANINGS, numbers())
    book = mind.book
    for i in range(40):
        book.press(i, 100 + i, ASSIST, i)
    assert len(book.presses) == presses.CAPACITY - presses.KEPT_FOR_SOS
    assert book.press(50, 112, SOS, 50)
    for i in range(40):
        book.press(60 + i, 300 + i, SOS, 60 + i)
    assert len(book.presses) == presses.CAPACITY
    assert [p.number for p in book.presses[:13]] == list(range(100, 113))
    assert book.on_air(100, 0)[0].meaning == SOS


def test_a_full_book_gives_up_what_a_hub_already_has():
    book = presses.PressBook()
    for i in range(presses.CAPACITY):
        book.press(i, i + 1, SOS, i)
    book.ack(20, 3, presses.HEARD)
    assert book.press(30, 99, SOS, 30)
    assert 3 not in [p.number for p in book.presses]
    assert len(book.presses) == presses.CAPACITY


def test_the_book_survives_its_bytes():
    mind, _ = pressed()
    mind.wall(1700000000000, 1500)
    mind.ack(1, presses.DELIVERED, 2000)
    mind.key(True, 3000)
    mind.tick(3010)
    data = mind.book.pack(5000)
    again = Core(0, numbers(9))
    again.restore(data, 9000, True)
    assert [(p.number, p.meaning, p.stage, p.pressed_ms) for p in again.book.presses] == [
        (1, SOS, presses.DELIVERED, 1000),
        (2, SOS, presses.NONE, 3000),
    ]
    assert again.gesture.open
    assert again.book.progress_ms == 2000
    after_power_loss = presses.PressBook()
    after_power_loss.load(data, 100, False)
    assert after_power_loss.presses[1].pressed_ms == 100 - 2000


def test_a_press_gets_its_age_back_with_the_time_of_the_hub():
    mind, _ = pressed()
    mind.wall(1700000000000, 1500)  # pressed at ...999.5 s
    data = mind.book.pack(1600)
    again = Core(0, numbers(9))
    again.restore(data, 50, False)
    assert again.wall(1700003600000, 10050) == [(STORE,)]
    assert again.book.presses[0].pressed_ms == 10050 - 3600500


def test_bytes_that_are_no_book_are_refused():
    good = presses.PressBook().pack(1)
    for bad in (b"", b"x" * 40, good[:-1], good + b"x", b"ABPB\x09" + good[5:]):
        book = presses.PressBook()
        try:
            book.load(bad, 5, True)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_asking_is_felt_and_changes_nothing():
    mind, _ = pressed()
    before = mind.book.pack(5000)
    assert mind.ask(5000) == [(FEEL, surface.ASKED)]
    assert mind.book.pack(5000) == before


class Motor:
    """The PWM behind the buzzer: the first tones that it was given, in their order."""

    def __init__(self):
        self.tones = []

    def freq(self, hertz):
        self.tones.append(hertz)

    def duty_u16(self, duty):
        pass


def felt(*buzzes):
    """What the motor gives of buzzes that came while another one sounded."""
    motor = Motor()
    buzzer = Buzzer(motor)
    for buzz in buzzes:
        buzzer.play(surface.BUZZES[buzz], surface.OVERTAKEN[buzz])
        buzzer.step(0)
    now = 0
    while now is not None:
        now = buzzer.step(now)
    names = {steps[0][0]: buzz for buzz, steps in surface.BUZZES.items()}
    first = [names[tone] for i, tone in enumerate(motor.tones) if not i or motor.tones[i - 1] != tone]
    return first[1:]


def test_no_buzz_begins_that_is_true_no_longer():
    after = surface.PRESSED  # sounds while the others come
    news = (surface.DELIVERED, surface.TAKEN, surface.ENDED)
    assert felt(after, *news) == [surface.ENDED]
    assert felt(after, surface.ENDED, surface.DELIVERED) == [surface.DELIVERED]
    assert felt(after, surface.NO_HUB, surface.DELIVERED) == [surface.DELIVERED]
    assert felt(surface.TAKEN, surface.DELIVERED, surface.PRESSED) == [surface.PRESSED]
    assert felt(after, surface.ASKED, surface.DELIVERED) == [surface.ASKED, surface.DELIVERED]
    assert felt(after, surface.ASKED, surface.ENDED) == [surface.ENDED]


def test_every_first_tone_belongs_to_one_buzz():
    tones = [steps[0][0] for steps in surface.BUZZES.values()]
    assert len(set(tones)) == len(tones) == len(surface.BUZZ_NAMES)
    assert core.FEEL == 3


def test_a_fall_is_on_the_air_unfelt_and_the_green_key_ends_it():
    mind = Core(0, numbers())
    assert mind.fall(1000) == [(AIR,), (STORE,)]
    press, interval, _ = mind.book.on_air(1000, 0)
    assert (press.number, press.meaning, interval) == (1, presses.FALL, 20)
    mind.ack(1, presses.HEARD, 1500)
    assert mind.ask(1600) == [(FEEL, surface.ASKED)]
    assert mind.ack(1, presses.CANCELLED, 9000) == [(AIR,), (STORE,), (FEEL, surface.ENDED)]
    assert mind.book.on_air(9000, 0)[1] == 0
    assert not mind.gesture.open


def test_a_press_after_a_fall_tells_of_help_only_when_both_have_come_as_far():
    mind = Core(0, numbers())
    mind.fall(1000)
    mind.ack(1, presses.HEARD, 1500)
    mind.key(True, 5000)
    mind.tick(5008)
    assert mind.ack(2, presses.HEARD, 5500) == [(AIR,), (STORE,)]
    assert mind.ack(2, presses.DELIVERED, 6000) == [(AIR,), (STORE,)], "the fall is not there yet"
    assert mind.ack(1, presses.DELIVERED, 6500) == [(AIR,), (STORE,), (FEEL, surface.DELIVERED)]
