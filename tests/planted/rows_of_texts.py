"""Planted faults of the way by SMS: what is wrong, and the scenario that must notice it."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

TEXTS = (
    Plant(
        "a receipt that comes by text is read and not kept",
        (1, 2),
        "internet-gone-sms",
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
        "internet-gone-sms",
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
)
