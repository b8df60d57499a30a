"""Planted faults that a test notices, where no scenario can: the rest of `rows.py`."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

TESTS = (
    Plant(
        "a pendant is told that the hub has it before the card has it",
        (1, 9),
        "tests/unit/edge/test_surfaces.py::test_a_press_that_is_not_on_the_disk_yet_claims_nothing",
        "",
        (
            Change(
                "edge/surfaces.py",
                "STAGE_HEARD if press.durable else STAGE_NONE",
                "STAGE_HEARD",
            ),
        ),
    ),
    Plant(
        "the hub's loop waits for whoever reads its log",
        (4,),
        "tests/unit/edge/test_logs.py::test_a_hub_whose_log_nobody_reads_goes_on_and_ends",
        "",
        (
            Change(
                "edge/logs.py",
                "handlers=[Log(descriptor)]",
                'stream=os.fdopen(descriptor, "w")',
            ),
        ),
    ),
    Plant(
        "that somebody took the call is felt of a press that came after it was said",
        (9,),
        "tests/micropython/test_press.py::"
        "test_who_presses_again_is_not_told_what_a_hub_has_said_and_forgotten",
        "",
        (
            Change(
                "firmware/pendant/presses.py",
                "        self.call_stage = NONE  # whatever was said of help, it was not said of this one\n",
                "",
            ),
            Change(
                "firmware/pendant/presses.py",
                "                self.call_stage = NONE\n                self.progress_ms = now_ms\n",
                "                self.progress_ms = now_ms\n",
            ),
        ),
    ),
    Plant(
        "a hub's late word of help is said to whom another hub has just heard",
        (9,),
        "tests/integration/ble/test_pendant_link.py::"
        "test_a_late_word_of_help_is_not_said_to_who_has_pressed_again_at_another_hub",
        "",
        (
            Change(
                "drivers/ble/pendant.py",
                "            self.owed.call_falls(lane_of(press.meaning))\n",
                "            pass\n",
            ),
        ),
    ),
    Plant(
        "that somebody took the call is not said again to a press that joins it",
        (),
        "tests/unit/drivers_ble/test_owed.py::"
        "test_what_is_true_of_help_is_said_again_after_the_ack_of_a_press_that_joins",
        "",
        (
            Change(
                "drivers/ble/owed.py",
                "                    self._call.confirmed = STAGE_NONE  # forgotten",
                "                    pass  # forgotten",
            ),
        ),
    ),
    Plant(
        "a press of any key ends the question about a fall",
        (2,),
        "tests/unit/edge/test_calls.py::test_nothing_but_the_green_key_ends_a_falls_question",
        "",
        (
            Change(
                "edge/calls.py",
                "    (_L.ASKING, _H.NONE, _T.PRESS): (_L.OPEN, _H.NONE),",
                "    (_L.ASKING, _H.NONE, _T.PRESS): (_L.CANCELLED, _H.NONE),",
            ),
        ),
    ),
    Plant(
        "an answer at another hub ends the question about a second fall too",
        (2,),
        "tests/unit/edge/test_elsewhere.py::test_of_two_falls_both_have_to_be_answered",
        "",
        (
            Change(
                "edge/inputs/elsewhere.py",
                "        if all(press.id in self._by ",
                "        if any(press.id in self._by ",
            ),
        ),
    ),
    Plant(
        "a hub that asks takes heartbeats for nothing new",
        (),
        "tests/integration/ble/test_real_firmware.py::"
        "test_a_hub_that_asks_and_has_gone_comes_back_for_the_word_that_another_was_answered",
        "",
        (
            Change(
                "drivers/ble/pendant.py",
                "            self._let_go = True\n",
                "            pass\n",
            ),
        ),
    ),
    Plant(
        "a pendant takes the end of any press for an answer",
        (6,),
        "tests/micropython/test_answered.py::test_a_press_is_never_answered",
        "",
        (
            Change(
                "firmware/pendant/presses.py",
                "                    if hub and stage == CANCELLED and press.meaning == FALL:\n",
                "                    if hub:\n",
            ),
        ),
    ),
    Plant(
        "a pendant waits for ever for news of a fall that the green key ended",
        (9,),
        "tests/unit/edge/test_surfaces.py::test_a_fall_that_was_nothing_ends_on_its_pendant_too",
        "",
        (
            Change(
                "edge/surfaces.py",
                "        return STAGE_CANCELLED  # all is well",
                "        pass  # all is well",
            ),
        ),
    ),
    Plant(
        "falls of whoever had many false ones are asked about for ever",
        (2,),
        "tests/unit/edge/test_false_falls.py::test_somebody_who_does_not_answer_twice_is_called_for",
        "",
        (
            Change(
                "edge/false_falls.py",
                "    return QUESTIONS if first and presses else 1",
                "    return 10**9 if first and presses else 1",
            ),
        ),
    ),
    Plant(
        "a blow just before the pendant sleeps is forgotten",
        (4,),
        "tests/micropython/test_falls.py::test_a_blow_after_the_last_look_is_waited_for",
        "",
        (
            Change(
                "firmware/pendant/falls.py",
                "            if self._chip.cause():  # its samples are still to be read\n"
                "                self._blow_ms = now_ms\n"
                "                return False\n",
                "            self._chip.cause()\n",
            ),
        ),
    ),
    Plant(
        "a fall that is half judged is forgotten when the bus fails",
        (4,),
        "tests/micropython/test_falls.py::test_a_fall_that_is_half_judged_is_told_whatever_breaks_then",
        "",
        (
            Change(
                "firmware/pendant/falls.py",
                "            while self._detector.stage:\n",
                "            while False:\n",
            ),
        ),
    ),
    Plant(
        "the watchdog is started when the boot is over",
        (4,),
        "tests/micropython/test_supervision.py"
        "::test_a_flash_that_hangs_at_the_press_that_woke_the_chip_delays_its_buzz_alone",
        "",
        (
            Change(
                "firmware/pendant/app.py",
                "        self._watchdog = board.watchdog(WATCHDOG_MS)  # flash and",
                "        # flash and",
            ),
            Change(
                "firmware/pendant/app.py",
                "            self.beat_now()\n        gc.collect()\n\n    def _first",
                "            self.beat_now()\n"
                "        self._watchdog = self.board.watchdog(WATCHDOG_MS)\n"
                "        gc.collect()\n\n    def _first",
            ),
        ),
    ),
    Plant(
        "a press that is in the book is owed besides, and goes out under two numbers",
        (9,),
        "tests/micropython/test_power_cut.py"
        "::test_a_watchdog_reset_at_every_flash_operation_between_wake_and_journal_leaves_one_press",
        "one press, two numbers",
        (
            Change(
                "firmware/pendant/store.py",
                "            self.wake_owed = False\n            self.unfelt",
                "            self.unfelt",
            ),
        ),
    ),
    Plant(
        "a press that is not decided yet is owed no longer once the pendant has started",
        (4,),
        "tests/micropython/test_supervision.py"
        "::test_a_press_that_the_watchdog_interrupts_before_it_is_decided_is_not_lost",
        "",
        (
            Change(
                "firmware/pendant/app.py",
                "        self.perform(effects)\n        self.falls",
                "        self.perform(effects)\n        self.store.owe_wake(False)\n        self.falls",
            ),
        ),
    ),
    Plant(
        "a hub that forgot a call is taken to mean a new one",
        (2,),
        "tests/integration/platform/test_joining.py"
        "::test_a_hub_that_forgot_a_call_brings_the_next_press_into_it_and_the_seat_is_alerted",
        "",
        (
            Change(
                "sim/platform/desk.py",
                "(hub in standing.hubs and not would_join(standing, event, at_ms))",
                "hub in standing.hubs",
            ),
        ),
    ),
    Plant(
        "what a hub that forgot a call brings is no news to the seat",
        (2, 8),
        "tests/integration/platform/test_joining.py"
        "::test_a_hub_that_forgot_a_call_brings_the_next_press_into_it_and_the_seat_is_alerted",
        "",
        (
            Change(
                "sim/platform/folding.py",
                "at_ms), Alert.AGAIN, stages)\n    changes |= {",
                "at_ms), Alert.UPDATE if stages else Alert.AGAIN, stages)\n    changes |= {",
            ),
        ),
    ),
    Plant(
        "the journal writes in the order of arrival",
        (3,),
        "tests/unit/edge/test_store_writer.py::test_an_sos_overtakes_all_that_waits",
        "",
        (
            Change(
                "edge/stores/writer.py",
                "        for lane in (Lane.SOS, Lane.ASSIST):\n            if self._queues[lane]:",
                "        for lane in (Lane.TELEMETRY, Lane.READING, Lane.FAULT, Lane.SOS, Lane.ASSIST):\n"
                "            if self._queues[lane]:",
            ),
        ),
    ),
    Plant(
        "an old counter is a new one",
        (5,),
        "tests/unit/protocols/link/test_replay.py"
        "::test_a_recording_from_yesterday_is_old_and_changes_nothing",
        "",
        (Change("protocols/link/replay.py", "        if counter > self.floor:", "        if True:"),),
    ),
    Plant(
        "a late alarm is refused unasked",
        (5,),
        "tests/unit/drivers_ble/test_judge.py::test_the_pendant_stands_by_a_late_alarm",
        "",
        (
            Change(
                "drivers/ble/judge.py",
                "        self.challenge = reading\n        return Challenge(reading)",
                "        return None",
            ),
        ),
    ),
    Plant(
        "an advert is believed whatever its seal says",
        (6,),
        "tests/unit/protocols/link/test_advert.py::test_a_turned_bit_is_refused",
        "",
        (
            Change(
                "protocols/link/advert.py",
                '        self._ccm.open(nonce, b"", buf, 0, _OBJECTS_LENGTH)\n',
                "        try:\n"
                '            self._ccm.open(nonce, b"", buf, 0, _OBJECTS_LENGTH)\n'
                "        except LinkError:\n"
                "            pass\n",
            ),
        ),
    ),
    Plant(
        "any certificate of the platform is believed",
        (6,),
        "tests/integration/platform/test_https.py::test_another_authority_is_not_believed",
        "",
        (Change("edge/paths/https.py", "session.verify = self._ca_file", "session.verify = False"),),
    ),
    Plant(
        "a clock that jumps moves the deadlines",
        (7,),
        "tests/unit/edge/test_deadlines.py::test_a_clock_that_was_years_off_does_not_move_a_deadline",
        "",
        (
            Change(
                "edge/book.py",
                "        return max(0, now.uptime_ms - then.uptime_ms)",
                "        return max(0, now.wall_ms - then.wall_ms)",
            ),
        ),
    ),
    Plant(
        "a cancel overtakes the press that it is about",
        (8,),
        "tests/unit/edge/test_calls.py::test_a_cancel_waits_for_every_press_of_its_call_and_removes_none",
        "",
        (Change("edge/book.py", "        pressing = call.owes_a_press\n", "        pressing = False\n"),),
    ),
    Plant(
        "a seed whose keys contradict each other is taken",
        (10,),
        "tests/unit/edge/test_config.py::test_a_wrong_key_is_named_with_what_is_allowed",
        "",
        (Change("edge/document.py", "        errors = across(config)\n", "        errors = []\n"),),
    ),
    Plant(
        "every press of a call has a budget of its own",
        (),
        "tests/unit/edge/test_budget.py::test_a_call_of_ten_presses_costs_what_a_call_may_and_is_never_silent",
        "",
        (
            Change(
                "edge/budget.py",
                "    return not mine or not row.again or again + row.count <= allowed\n",
                "    return True\n",
            ),
        ),
    ),
    Plant(
        "what an assistance has cost is taken from the SOS into which it rises",
        (3,),
        "tests/unit/edge/test_budget.py"
        "::test_what_was_spent_on_an_assistance_takes_nothing_from_the_sos_into_which_it_rises",
        "",
        (Change("edge/budget.py", " and other.lane <= purpose.lane]", "]"),),
    ),
)
