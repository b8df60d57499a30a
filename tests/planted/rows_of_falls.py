"""Planted faults of falls: asked about, weighed, walked away from."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

FALLS = (
    Plant(
        "a fall that nobody answers is forgotten",
        (2,),
        "fall",
        "nobody answers: the platform has the fall",
        (
            Change(
                "edge/calls.py",
                '        "asking.opens": Trigger.OPENS,\n',
                '        "asking.opens": Trigger.FINE,\n',
            ),
        ),
    ),
    Plant(
        "whoever had three false falls is asked once, and then not called for a minute",
        (),
        "falls-often",
        "and once more aloud",
        (
            Change(
                "edge/surfaces.py",
                "[: question(book, call, now)]",
                "[:1]",
            ),
        ),
    ),
    Plant(
        "whoever walks again after a fall is thereby taken to be well",
        (2,),
        "fall-walks",
        "it asks once more at the first steps",
        (
            Change(
                "edge/inputs/pendants.py",
                '        self._hub.update(call.id, WALKS, "rule")\n',
                '        self._hub.local(call.id, "answer_yes")\n',
            ),
        ),
    ),
    Plant(
        "nobody hears that whoever fell walks again",
        (),
        "fall-walks",
        "it asks once more at the first steps",
        (
            Change(
                "firmware/pendant/app.py",
                "        return presses.FALL_WALKS if press.number == newest else presses.FALL",
                "        return presses.FALL",
            ),
        ),
    ),
    Plant(
        "a pendant keeps to itself that another hub was answered",
        (),
        "fall-two-hubs-green-at-one",
        "the other ends its question too",
        (
            Change(
                "firmware/pendant/hublink.py",
                "            if other != hub:\n",
                "            if other == hub:\n",
            ),
        ),
    ),
    Plant(
        "nobody weighs what the pendant tells of a fall",
        (),
        "fall",
        "and how sure it is",
        (
            Change(
                "drivers/ble/pendant.py",
                "        for fall in talk.falls:\n",
                "        for fall in talk.falls[:0]:\n",
            ),
        ),
    ),
    Plant(
        "the green key that answers after a fall calls all the same",
        (),
        "fall",
        "green ends it on the pendant",
        (
            Change(
                "edge/calls.py",
                '        "answer_yes": Trigger.FINE,\n',
                '        "answer_yes": Trigger.OPENS,\n',
            ),
        ),
    ),
    Plant(
        "a nap is longer than what the chip's FIFO holds",
        (),
        "tests/micropython/test_naps.py::test_it_decides_the_same_with_and_without_naps[26]",
        "each sample once and in order",
        (
            Change(
                "firmware/pendant/app.py",
                "        self.board.light_sleep(wait_ms)\n",
                "        self.board.light_sleep(5 * wait_ms)\n",
            ),
        ),
    ),
    Plant(
        "it naps between two payloads of a press that nobody has heard",
        (4,),
        "tests/micropython/test_naps.py::test_a_press_in_a_nap_is_an_sos_at_once_and_no_nap_follows",
        "TimeoutError",
        (
            Change(
                "firmware/pendant/app.py",
                "        if wait_ms < NAP_MS or not self._rests or self._busy():\n",
                "        if wait_ms < NAP_MS:\n",
            ),
            Change(
                "firmware/pendant/app.py",
                "        if not (self._idle() and self._stored):\n",
                "        if not self.board.naps:\n",
            ),
        ),
    ),
    Plant(
        "the key goes on interrupting for as long as it is down after a nap",
        (4,),
        "tests/micropython/test_naps.py::test_a_press_in_a_nap_is_an_sos_at_once_and_no_nap_follows",
        "watchdog",
        (
            Change(
                "firmware/boards/family.py",
                "        machine.mem32[self._pin_registers + 4 * self._key] &= ~_INTERRUPTS\n",
                "",
            ),
        ),
    ),
)
