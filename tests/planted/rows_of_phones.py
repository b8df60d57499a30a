"""Planted faults of telephones by SIP and of the open room: what is wrong, and what must notice it."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

PHONES = (
    Plant(
        "whoever answers by SIP hears tones and never the room",
        (),
        "voice-only-sip",
        "the neighbour hears the room",
        (Change("edge/lines.py", "            await way.phone.sound()\n", ""),),
    ),
    Plant(
        "a number that the modem cannot reach is not rung by SIP",
        (),
        "voice-by-second-way",
        "her mobile is off: her telephone rings",
        (
            Change(
                "edge/ringing.py",
                '    return talk.rang or talk.answered or bool(talk.tones) or talk.end == "busy"\n',
                "    return True\n",
            ),
        ),
    ),
    Plant(
        "the telephone answers by itself",
        (6,),
        "incoming-call-sip",
        "and nobody is let in",
        (Change("drivers/sip/program.py", ";answermode=manual;", ";answermode=auto;"),),
    ),
    Plant(
        "the room stays with the line when a call is over",
        (),
        "tests/integration/sip/test_telephone.py"
        "::test_both_ends_hear_each_other_once_the_room_is_opened_and_never_before",
        "",
        (Change("drivers/sip/phone.py", "            if not self._open:\n", "            if True:\n"),),
    ),
    Plant(
        "the telephone is ended when somebody rings early",
        (),
        "tests/integration/sip/test_telephone.py"
        "::test_who_rings_before_the_room_is_taken_back_is_refused_and_may_ring_again",
        "",
        (
            Change(
                "drivers/sip/phone.py",
                'await control.ask("hangup")\n                await self._take_back(control)\n',
                "raise\n",
            ),
        ),
    ),
    Plant(
        "whoever phones hears their own voice back",
        (),
        "tests/integration/sound/test_room.py"
        "::test_the_echo_of_who_phones_is_taken_out_and_who_is_there_is_heard",
        "",
        (Change("drivers/pi/room.py", "aec_method=webrtc", "aec_method=null"),),
    ),
    Plant(
        "a baresip that has ended stays so",
        (9,),
        "tests/integration/sip/test_telephone.py"
        "::test_a_baresip_that_dies_is_a_way_that_is_down_and_is_started_again",
        "",
        (
            Change(
                "drivers/sip/phone.py",
                "        while True:\n            began = loop.time()\n",
                "        for _ in range(1):\n            began = loop.time()\n",
            ),
        ),
    ),
    Plant(
        "whoever runs a program on the hub may use its telephone",
        (6,),
        "tests/integration/sip/test_telephone.py::test_no_other_program_of_this_machine_gets_at_its_control",
        "",
        (Change("drivers/sip/phone.py", "            self._seal(program)\n", ""),),
    ),
    Plant(
        "a program that is started while the hub dies lives on",
        (),
        "tests/unit/drivers_sip/test_child.py"
        "::test_a_program_whose_hub_died_while_it_was_started_does_not_begin",
        "",
        (Change("drivers/child.py", """'[ "$PPID" = "$0" ] && exec "$@"'""", """'exec "$@"'"""),),
    ),
)
