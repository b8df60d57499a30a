"""Every planted fault as a row: what is wrong, which invariants it breaks, and what must notice it.

Each scenario of `anban sim home --list` and each invariant of ARCHITECTURE has at least one row; a test says
so. A fault is the kind of slip that a change could make, not sabotage of the scenario.
"""

from __future__ import annotations

from tests.planted.plant import Change, Plant
from tests.planted.rows_of_cards import LOADED
from tests.planted.rows_of_care import METERS, PROMPTS, RULES, SENSORS
from tests.planted.rows_of_falls import FALLS
from tests.planted.rows_of_modem import MODEM
from tests.planted.rows_of_pages import PAGES
from tests.planted.rows_of_phones import PHONES
from tests.planted.rows_of_tests import TESTS
from tests.planted.rows_of_texts import TEXTS

# Of the two faults that ask whether a call stands.
KNOWS_OPEN_CALLS = Change(
    "edge/inputs/pendants.py",
    "from edge.book import Life, find\n",
    "from edge.book import Life, find, open_calls\n",
)

PRESSES = (
    Plant(
        "that somebody took the call is shown as if the platform only had it",
        (9,),
        "sos",
        "that it is taken is felt",
        (Change("edge/surfaces.py", "Handling.TAKEN: STAGE_TAKEN,", "Handling.TAKEN: STAGE_DELIVERED,"),),
    ),
    Plant(
        "every press of a pendant becomes an SOS",
        (),
        "assist",
        "both are assistance and nothing more",
        (
            Change(
                "edge/inputs/pendants.py",
                'kind = KINDS.get(press.meaning, "call.sos")',
                'kind = "call.sos"',
            ),
        ),
    ),
    Plant(
        "a press during an open call is taken for a repetition",
        (2, 8),
        "upgrade",
        "the platform has both presses",
        (
            Change(
                "edge/inputs/pendants.py",
                "        self._sign(pendant, press.rssi, None)\n",
                "        self._sign(pendant, press.rssi, None)\n"
                "        if pendant.section.elder in {c.elder for c in open_calls(self._hub.book)}:\n"
                "            return\n",
            ),
            KNOWS_OPEN_CALLS,
        ),
    ),
    Plant(
        "the platform opens a case for each press",
        (2,),
        "second-press",
        "it is still one case",
        (
            Change("sim/platform/folding.py", "return event.call_id or event.id", "return event.id"),
            # else it is taken for the new call of a hub that has forgotten the first, and joins it
            Change("sim/platform/desk.py", "known = self._shelf.open_case_for(hub, event.elder)", "pass"),
        ),
    ),
    Plant(
        "the wish to cancel ends the call by itself",
        (8,),
        "cancel",
        "the call stays until the seat accepts",
        (
            Change(
                "sim/platform/folding.py",
                "msgspec.structs.replace(case, cancel_asked=True)",
                "msgspec.structs.replace(case, cancel_asked=True, lifecycle=Lifecycle.CANCELLED)",
            ),
        ),
    ),
    Plant(
        "a press joins the open call of whomever",
        (2,),
        "two-pendants",
        "as two cases",
        (
            Change(
                "edge/book.py",
                "    mine = [call for call in open_calls(book) if call.elder == elder]\n    if mine and",
                "    mine = list(open_calls(book))\n    if mine and",
            ),
        ),
    ),
    Plant(
        "a pendant believes its first hub only",
        (4,),
        "two-hubs",
        "and it is felt",
        (
            Change(
                "firmware/pendant/hublink.py",
                "return keys.link_key(self._root, hub_id)",
                'return keys.link_key(self._root, "hub-01")',
            ),
        ),
    ),
)

LINES = (
    Plant(
        "a call that failed once is not tried again",
        (2,),
        "platform-down-then-back",
        "both calls arrive once it is back",
        (Change("edge/plan.py", "    if row.most and count >= row.most:", "    if count >= 1:"),),
    ),
    Plant(
        "an SOS that nobody takes is left at that",
        (),
        "nobody-takes-it",
        "after the deadline it is alerted again",
        (
            Change(
                "edge/deadlines.py",
                "    if call.lane is Lane.SOS or call.backed_up:",
                "    if call.backed_up:",
            ),
        ),
    ),
    Plant(
        "an SOS is never tried by HTTPS",
        (2, 4),
        "internet-cut-http-alive",
        "HTTPS carries what CoAP cannot",
        (
            Change(
                "edge/plan.py",
                "_SOS: Final = (\n    _COAP,\n    _HTTPS,\n",
                "_SOS: Final = (\n    _COAP,\n",
            ),
        ),
    ),
    Plant(
        "what the platform says by HTTPS is not heard",
        (2,),
        "udp-blocked",
        "it is felt",
        (
            Change(
                "edge/hub.py",
                "        press = self._press(receipt.about)\n        lane =",
                '        if path == "https":\n            return None\n'
                "        press = self._press(receipt.about)\n        lane =",
            ),
        ),
    ),
    Plant(
        "that nobody is reached is kept to itself",
        (9,),
        "internet-cut-without-modem",
        "it says that nobody is reached yet",
        (Change("edge/surfaces.py", "    return no_path or old\n", "    return False\n"),),
    ),
    Plant(
        "a press that comes into an ended case leaves it ended",
        (8,),
        "press-crosses-the-end",
        "and the seat has the call again",
        (
            Change(
                "sim/platform/folding.py",
                '        "lifecycle": Lifecycle.OPEN,\n        "handling": Handling.NONE,\n',
                '        "lifecycle": case.lifecycle,\n        "handling": Handling.NONE,\n',
            ),
        ),
    ),
    Plant(
        "a call has one path, one packet and one try",
        (2,),
        "bad-line",
        "the platform has the call",
        (
            Change("edge/plan.py", "    if row.most and count >= row.most:", "    if count >= 1:"),
            Change(
                "edge/plan.py",
                "_SOS: Final = (\n    _COAP,\n    _HTTPS,\n",
                "_SOS: Final = (\n    _COAP,\n",
            ),
            Change("edge/paths/coap.py", "    MAX_RETRANSMIT = 3\n", "    MAX_RETRANSMIT = 0\n"),
        ),
        plays=4,  # seven of ten packets arrive all the same, and there are four calls
    ),
)

DEATHS = (
    Plant(
        "a hub does not read back what it had told",
        (1,),
        "hub-killed-at-every-stage",
        "taken while it was dead: it shows",
        (
            Change(
                "edge/main.py",
                "    return [entry for _, entry in journal.replay(calls_only=True)]",
                "    return []",
            ),
        ),
    ),
    Plant(
        "a pendant's press numbers begin anew after a power cut",
        (1, 5),
        "pendant-power-cut-at-every-stage",
        "told of, so it arrives",
        (
            Change(
                "firmware/pendant/store.py",
                "            self.number.next = self.number.limit\n        self._extend",
                "            self.number.next = 1\n        self._extend",
            ),
        ),
    ),
    Plant(
        "an error of the pendant's flash ends the press",
        (4,),
        "pendant-flash-dead",
        "and is felt",
        (
            Change(
                "firmware/pendant/store.py",
                "            self._failed()\n            return False\n        self.flash_ok = True",
                "            raise\n        self.flash_ok = True",
            ),
        ),
    ),
)

CARDS = (
    Plant(
        "a call waits for the card",
        (4,),
        "fsync-hangs-10s",
        "the call goes out from memory",
        (Change("edge/hub.py", "LATE_S: Final = 0.25", "LATE_S: Final = 30.0"),),
    ),
    Plant(
        "what is held back on the card is not given to calls when the hub starts",
        (1,),
        "disk-full",
        "and keeps the call, in the room that was held back",
        (
            Change(
                "edge/stores/database.py",
                "elif self._reserve and may_be_full(error) and self._reserve.release(of_earlier_run=True):",
                "elif False:",
            ),
        ),
    ),
    Plant(
        "a card that takes nothing is no fault",
        (9,),
        "read-only-disk",
        "the fault reaches the platform",
        (
            Change(
                "edge/upkeep.py",
                'self._hub.see("storage", hub_id, bool(why), why)',
                'self._hub.see("storage", hub_id, False, why)',
            ),
        ),
    ),
    Plant(
        "a damaged store is mended and nobody hears of it",
        (9,),
        "corrupt-db",
        "it is told",
        (Change("edge/upkeep.py", "        if recovered:\n", "        if False:\n"),),
    ),
    Plant(
        "a hub waits for its disk before it reads its keys",
        (4,),
        "disk-hangs-at-start",
        "its keys are read all the same",
        (Change("edge/main.py", "OPEN_S: Final = 3.0", "OPEN_S: Final = 30.0"),),
    ),
)

RADIO = (
    Plant(
        "an old counter counts, and a press of a call that is over is a new one",
        (5,),
        "replay",
        "a replay is no event",
        (
            Change("protocols/link/replay.py", "        if counter > self.floor:", "        if True:"),
            Change(
                "edge/inputs/pendants.py",
                "            event_id=self._id_of(press, kind),",
                "            event_id=None\n"
                "            if self._id_of(press, kind) in self._hub.book.index\n"
                "            and pendant.section.elder not in {c.elder for c in open_calls(self._hub.book)}\n"
                "            else self._id_of(press, kind),",
            ),
            KNOWS_OPEN_CALLS,
            Change(
                "drivers/ble/heard.py",
                "        if self.meaning(press.number) >= press.meaning:",
                "        if False:",
            ),
        ),
    ),
    Plant(
        "whoever is connected holds the pendant for himself",
        (4,),
        "stranger-connects",
        "a phone that will idle",
        (
            Change(
                "firmware/pendant/app.py",
                "self._on_air = self.radio.advertise(payload, interval)",
                "self._on_air = bool(self.link) or self.radio.advertise(payload, interval)",
            ),
            Change(
                "firmware/pendant/radio.py",
                "            if self._interval_us:\n                self._on_air()\n        elif",
                "            pass\n        elif",
            ),
            Change("firmware/pendant/peers.py", "PROVE_MS = 3000 ", "PROVE_MS = 3000000 "),
        ),
        plays=3,  # the phone must hold it while it is pressed
    ),
    Plant(
        "a pendant forgets a press that nobody has heard within two seconds",
        (2,),
        "jammed",
        "once it is quiet the call arrives",
        (
            Change(
                "firmware/pendant/presses.py",
                "        if not self.presses:\n            if not self.answered:\n",
                "        young = now_ms - 2000\n"
                "        self.presses = [p for p in self.presses if p.stage or p.pressed_ms > young]\n"
                "        if not self.presses:\n            if not self.answered:\n",
            ),
        ),
    ),
    Plant(
        "a pendant that no hub hears says nothing",
        (9,),
        "no-hub",
        "a low buzz says: not yet",
        (
            Change(
                "firmware/pendant/core.py",
                "            if count > self.book.low_buzzes:",
                "            if False:",
            ),
        ),
    ),
)

WEIGHT = (
    Plant(
        "a call waits until the readings are gone",
        (3,),
        "backlog",
        "both calls overtake the readings",
        (
            Change(
                "edge/delivery.py",
                "        try:\n            receipts = await path.send([event])",
                "        while await self._pending(Lane.READING, 1, 0):\n"
                "            await asyncio.sleep(0.05)\n"
                "        try:\n            receipts = await path.send([event])",
            ),
        ),
    ),
    Plant(
        "every clock is trusted",
        (7, 9),
        "clock-wrong",
        "no event trusts the wrong clock",
        (Change("edge/mint.py", "clock_trusted=now.trusted,", "clock_trusted=True,"),),
    ),
)

SETTINGS = (
    Plant(
        "a call waits until settings have been tried to their end",
        (4, 10),
        "settings-reverted",
        "a call goes out in the middle of it",
        (
            Change(
                "edge/configuration.py",
                '                    return "a-call-began"\n',
                "                    pass\n",
            ),
        ),
    ),
    Plant(
        "a hub that dies while trying settings begins with them",
        (10,),
        "settings-reverted",
        "killed while trying, it begins with what worked",
        (
            Change(
                "edge/configuration.py",
                "        stored = self._read(ACTIVE)\n",
                "        stored = self._read(TRIAL) or self._read(ACTIVE)\n",
            ),
        ),
    ),
    Plant(
        "settings are kept without an answer",
        (10,),
        "tests/unit/edge/test_configuration.py::test_settings_under_which_nobody_answers_are_taken_back",
        "",
        (
            Change(
                "edge/configuration.py",
                "if asking.done() and asking.result():",
                "if asking.done():",
            ),
        ),
    ),
)

PLANTS = (
    *MODEM,
    *(*PRESSES, *FALLS, *LINES, *TEXTS, *PHONES, *PAGES, *DEATHS, *CARDS, *RADIO, *WEIGHT, *SETTINGS),
    *(*METERS, *SENSORS, *RULES, *PROMPTS, *LOADED, *TESTS),
)
