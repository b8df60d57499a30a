"""Planted faults of the way by SMS: what is wrong, and the scenario that must notice it."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

TEXTS = (
    Plant(
        "a cell network's time is trusted as if it were proved",
        (7, 9),
        "clock-from-the-cell-network",
        "which nobody has proved",
        (
            Change(
                "edge/clock.py",
                "        return self._confirmed is not None\n",
                "        return (self._confirmed or self._suggested) is not None\n",
            ),
        ),
    ),
    Plant(
        "a modem's local time is taken for GMT",
        (9,),
        "clock-from-the-cell-network",
        "at the time of its press",
        (
            Change(
                "drivers/modem/network_time.py",
                "    utc_s = local.clock_s - local.zone_s\n",
                "    utc_s = local.clock_s\n",
            ),
        ),
    ),
    Plant(
        "what a command by text came to is told by IP alone",
        (9,),
        "asked-by-text",
        "that it is done comes back by SMS",
        (
            Change(
                "edge/text_asks.py",
                "        if event.kind == RESULT and command in self._asked:\n",
                "        if False:\n",
            ),
        ),
    ),
    Plant(
        "when a line is back the first to try it is whatever happens to be due",
        (3,),
        "everything-down-for-a-day",
        "a call is the first that comes",
        (
            Change(
                "edge/delivery.py",
                "            if self._call_probes(action.path):\n",
                "            if False:\n",
            ),
        ),
    ),
    Plant(
        "a receipt that comes by text is read and not kept",
        (1, 2),
        "internet-cut",
        "and the lamp is green",
        (
            Change(
                "edge/texting.py",
                "        if not await self._kept(receipt):\n            return False\n",
                "",
            ),
        ),
    ),
    Plant(
        "a text that the network took counts as delivered",
        (9,),
        "internet-cut",
        "nothing was claimed before it was true",
        (
            Change(
                "edge/delivery.py",
                "                self._note(event, action.path, HANDED, unknown=True)\n",
                "                receipt = Receipt(number=1, about=event.id, stage='stored')\n"
                "                self._hub.receipt(receipt, action.path)\n",
            ),
        ),
    ),
    Plant(
        "a modem that is back waits for its turn in the plan",
        (2,),
        "modem-dies-mid-alarm",
        "back, it texts at once",
        (
            Change(
                "drivers/modem/modem.py",
                "            await asyncio.sleep(REOPEN_S[min(failures, len(REOPEN_S) - 1)])\n",
                "            await asyncio.sleep(60.0)\n",
            ),
        ),
    ),
    Plant(
        "a frame is believed whatever its tag says",
        (6,),
        "forged-sms",
        "and what the platform did not say is not told",
        (
            Change(
                "protocols/sms_frame.py",
                "    if not hmac.compare_digest(tag.encode(), _tag(key, machine).encode()):",
                "    if False:",
            ),
        ),
    ),
    Plant(
        "an event by text has another id than by IP",
        (2,),
        "sms-duplicated-and-late",
        "each press is one event",
        (
            Change(
                "sim/platform/texts.py",
                "        event_id = sms_frame.id_of(frame, devices)\n",
                "        event_id = sms_frame.id_of(frame, devices)\n"
                "        event_id = EventId(event_id.origin, event_id.life ^ 1, event_id.number)\n",
            ),
        ),
    ),
    Plant(
        "the family is told when the platform is not reached, and never when nobody takes it",
        (9,),
        "delivered-but-nobody-takes-it",
        "nobody takes it: daughter reads that",
        (
            Change(
                "edge/reach.py",
                "    return Why.UNTAKEN, elapsed_ms(book, call.view.since or call.at, now) - help_ms\n",
                "    return None\n",
            ),
        ),
    ),
    Plant(
        "what the family was told is known to that run alone",
        (1,),
        "delivered-but-nobody-takes-it",
        "it is taken: daughter reads that",
        (
            Change(
                "edge/reaching.py",
                "        await self.note(text.call_id, name)\n",
                "        self._held[text.call_id, text.contact] = 1 << 60\n",
            ),
        ),
    ),
    Plant(
        "that the modem takes the number counts as an answer",
        (9,),
        "voice-only",
        "the platform learns: daughter, no-answer",
        (
            Change(
                "drivers/modem/voice.py",
                "        self._talk = talk\n",
                "        self._talk = talk\n        talk.rise(Stage.ANSWERED)\n",
            ),
        ),
    ),
    Plant(
        "a restart begins the day's texts anew",
        (1,),
        "tests/unit/edge/test_budget.py::test_a_restart_does_not_forget_what_was_spent",
        "",
        (
            Change(
                "edge/budget.py",
                "        raw = None if self._known else self._state.get(SPACE, self._name)\n",
                "        raw = None\n",
            ),
        ),
    ),
    Plant(
        "a line that a person has confirmed stays open until somebody hangs up",
        (),
        "tests/integration/modem/test_ringing.py::test_no_line_is_open_for_more_than_ten_minutes",
        "",
        (
            Change(
                "edge/ringing.py",
                "                until_ms = opened_ms + MOST_MS\n",
                "                until_ms = opened_ms + 100 * MOST_MS\n",
            ),
        ),
    ),
    Plant(
        "a text that the modem took has proved the way",
        (9,),
        "tests/integration/modem/test_proving.py::test_a_text_that_does_not_come_back_is_a_fault_until_one_does",
        "",
        (
            Change(
                "edge/proving.py",
                '            return "" if await self._unless_busy(receipt, TEXT_S) else "no-receipt"\n',
                '            return ""\n',
            ),
        ),
    ),
    Plant(
        "what failed is printed and nobody else is told",
        (9,),
        "paths-proved",
        "it is a fault at the platform",
        (Change("edge/proving.py", '        self._hub.see("proof", name, outcome == FAILED, cause)\n', ""),),
    ),
    Plant(
        "a text that nobody understands stays in the modem's memory",
        (2,),
        "sim-full",
        "its receipt finds room",
        (
            Change(
                "edge/texting.py",
                "        if found is None:\n            return True\n",
                "        if found is None:\n            return False\n",
            ),
        ),
    ),
    Plant(
        "a card that is put back is not looked at",
        (2,),
        "sim-removed",
        "the card is back: the call is texted",
        (
            Change(
                "drivers/modem/modem.py",
                "        if self._card:\n            await self._unlock(channel)\n",
                "        if self._card:\n",
            ),
        ),
    ),
    Plant(
        "that the modem has service again waits for the plan's next try",
        (2,),
        "no-signal-then-back",
        "a minute after the signal is back: texted",
        (
            Change(
                "edge/texting.py",
                "            self.delivery.polled(self.path, error)\n",
                "            error = None\n",
            ),
        ),
    ),
    Plant(
        "whoever rings within a call is let in",
        (6,),
        "incoming-call",
        "a stranger rings aloud",
        (
            Change(
                "edge/incoming.py",
                "    return Door.TAKEN if number in listed else Door.ALOUD\n",
                "    return Door.TAKEN\n",
            ),
        ),
    ),
    Plant(
        "the phones go on ringing when the platform has the call",
        (),
        "internet-and-platform-sms-slow",
        "the phones",
        (
            Change(
                "edge/reach.py",
                "    return late is not None and late[1] >= 0\n",
                "    return late is not None\n",
            ),
        ),
    ),
)
