"""Planted faults of the modem's driver: each breaks one rule of it, and a test of that rule must notice."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

CHANNEL, DRIVER, LADDER = "drivers/modem/channel.py", "drivers/modem/modem.py", "drivers/modem/ladder.py"
PORT, VOICE, AT = "drivers/modem/port.py", "drivers/modem/voice.py", "protocols/at.py"
INBOX, PDU = "drivers/modem/inbox.py", "protocols/sms_pdu.py"
OF_CHANNEL = "tests/unit/drivers_modem/test_channel.py::"
OF_MODEM = "tests/unit/drivers_modem/test_modem.py::"
OF_LADDER = "tests/unit/drivers_modem/test_ladder.py::"
OF_VOICE = "tests/unit/drivers_modem/test_voice.py::"
OF_PDU = "tests/unit/protocols/test_sms_pdu.py::"
OF_INCOMING = "tests/integration/modem/test_incoming.py::"


def _rule(number: int, what: str, red: str, file: str, old: str, new: str) -> Plant:
    return Plant(f"rule {number}: {what}", (4,), red, "", (Change(file, old, new),))


MODEM = (
    _rule(
        1,
        "the reader ends without a word",
        OF_MODEM + "test_a_reader_that_meets_what_nobody_thought_of_says_that_it_ends",
        PORT,
        "        finally:\n            if not self._closed:\n                self._tell(self._on_lost)\n",
        "        finally:\n            pass\n",
    ),
    _rule(
        1,
        "a byte that is no text ends the line",
        OF_CHANNEL + "test_a_byte_that_is_no_text_changes_nothing",
        AT,
        'line[:MAX_LINE].decode("utf-8", "replace").strip()',
        'line[:MAX_LINE].decode("utf-8").strip()',
    ),
    _rule(
        2,
        "whatever comes amid a command answers it",
        OF_CHANNEL + "test_an_sms_that_arrives_during_a_send_is_not_lost",
        CHANNEL,
        "        if any(line.startswith(prefix) if prefix",
        "        if any(True if prefix",
    ),
    _rule(
        2,
        "a code of two lines is two",
        OF_CHANNEL + "test_a_report_of_two_lines_amid_an_answer_is_one_code",
        CHANNEL,
        "        elif line.startswith(TWO_LINES):\n",
        "        elif False:\n",
    ),
    _rule(
        2,
        "a code of both kinds never comes unasked",
        OF_CHANNEL + "test_a_code_of_both_kinds_answers_who_asked_and_else_comes_unasked",
        CHANNEL,
        'or line.startswith("+CMGS:"))) and line not in FINALS:\n',
        'or line.startswith("+CMGS:"))) and not line.startswith(("+CSQ", *FINALS)):\n',
    ),
    _rule(
        3,
        "a line that begins like a final is one",
        OF_CHANNEL + "test_a_final_is_a_whole_line",
        AT,
        "    return line in FINALS or line.startswith(ERRORS)",
        "    return line.startswith(FINALS) or line.startswith(ERRORS)",
    ),
    _rule(
        3,
        "NO CARRIER ends any command",
        OF_CHANNEL + "test_nobody_carrier_ends_only_a_dial",
        AT,
        "or (dialling and line in CALL_FINALS)",
        "or line in CALL_FINALS",
    ),
    _rule(
        4,
        "two commands are in flight",
        OF_CHANNEL + "test_one_command_is_in_flight",
        CHANNEL,
        "        self._lock = asyncio.Lock()\n",
        "        self._lock = contextlib.nullcontext()\n",
    ),
    _rule(
        4,
        "after a timeout the next command follows at once",
        OF_CHANNEL + "test_a_late_answer_is_dropped_and_the_next_command_gets_its_own",
        CHANNEL,
        "        if self.in_step:\n            return\n        self._dropping",
        "        if True:\n            return\n        self._dropping",
    ),
    _rule(
        4,
        "a prompt that came too late is left standing",
        OF_CHANNEL + "test_a_prompt_that_never_comes_means_that_it_has_not_gone",
        CHANNEL,
        '            await self._write(ESCAPE + b"\\r")\n',
        "",
    ),
    _rule(
        5,
        "handlers run in the reader",
        OF_CHANNEL + "test_a_handler_that_fails_takes_no_line_with_it",
        CHANNEL,
        "        asyncio.get_running_loop().call_soon(self._handler, line, body)\n",
        "        self._handler(line, body)\n",
    ),
    _rule(
        5,
        "a message is deleted before it is kept",
        OF_MODEM + "test_a_message_is_deleted_only_when_it_is_kept",
        INBOX,
        "            if await self._on_message(message):\n                done += places\n",
        "            await self._on_message(message)\n            done += places\n",
    ),
    _rule(
        5,
        "messages are read only when they are told of",
        OF_MODEM + "test_messages_are_listed_at_start_after_a_send_and_at_every_check",
        DRIVER,
        '            if self.standing.trouble not in ("silent", "lost"):\n',
        "            if self._telling:\n",
    ),
    _rule(
        5,
        "after a send nobody looks into the memory",
        OF_MODEM + "test_after_a_send_the_memory_is_looked_through",
        DRIVER,
        "                await self._send_one(pdu)\n        self._look.set()\n",
        "                await self._send_one(pdu)\n",
    ),
    _rule(
        6,
        "calls go by the port of texts",
        OF_VOICE + "test_a_text_that_hangs_holds_up_no_call",
        "tests/unit/drivers_modem/test_voice.py",
        "        opener = serial_opener(str(self.voice.path))\n",
        "        opener = serial_opener(str(self.modem.path))\n",
    ),
    _rule(
        7,
        "whoever withholds a number is let in",
        OF_INCOMING + "test_no_number_but_a_listed_one_within_a_call_opens_it_by_itself",
        "edge/incoming.py",
        "    if not number:\n        return Door.REFUSED\n",
        "",
    ),
    _rule(
        7,
        "the modem may answer by itself",
        OF_MODEM + "test_no_modem_answers_a_phone_by_itself",
        DRIVER,
        '"ATS0=0", ',
        "",
    ),
    _rule(
        8,
        "the log shows what goes over the wire",
        OF_CHANNEL + "test_what_goes_over_the_wire_is_masked_in_the_log",
        CHANNEL,
        'log.debug("> %s", masked(data.decode("ascii", "replace").strip()))',
        'log.debug("> %s", data.decode("ascii", "replace").strip())',
    ),
    _rule(
        8,
        "the log shows what comes over the wire",
        OF_CHANNEL + "test_what_goes_over_the_wire_is_masked_in_the_log",
        CHANNEL,
        'log.debug("< %s", masked(line))',
        'log.debug("< %s", line)',
    ),
    _rule(
        9,
        "a command that is lacking fails the modem",
        OF_MODEM + "test_a_command_that_a_modem_lacks_degrades_and_never_fails",
        DRIVER,
        "        except AtError as error:\n            log.info(",
        "        except ZeroDivisionError as error:\n            log.info(",
    ),
    _rule(
        10,
        "parts of two senders are joined",
        OF_PDU + "test_parts_of_two_senders_and_of_two_lengths_are_not_mixed",
        PDU,
        "groups.setdefault((item.message.number, part.reference,",
        'groups.setdefault(("", part.reference,',
    ),
    _rule(
        10,
        "narrow and wide references are one",
        OF_PDU + "test_wide_references_join_too_and_are_not_mixed_with_narrow_ones",
        PDU,
        "part.reference, part.wide, part.total)",
        "part.reference, False, part.total)",
    ),
    _rule(
        10,
        "what misses a part is never shown",
        OF_PDU + "test_what_misses_a_part_waits_for_an_hour_and_is_shown_as_it_is",
        PDU,
        "if len(parts) == total or now_ms",
        "if len(parts) == total and now_ms",
    ),
    _rule(
        11,
        "a modem that went is not looked for again",
        OF_MODEM + "test_a_modem_that_is_pulled_out_comes_back_by_its_path",
        DRIVER,
        "            await asyncio.sleep(REOPEN_S[min(",
        "            await asyncio.sleep(9_999 + REOPEN_S[min(",
    ),
    _rule(
        12,
        "a modem is reset amid an alarm though it answers",
        OF_MODEM + "test_amid_an_alarm_a_modem_without_service_is_not_reset",
        LADDER,
        "    if wanted is Rung.WAIT or (answers and alarm):\n",
        "    if wanted is Rung.WAIT:\n",
    ),
    _rule(
        12,
        "a dead modem is left alone amid an alarm",
        OF_LADDER + "test_amid_an_alarm_one_that_answers_is_left_alone_and_a_dead_one_is_not",
        LADDER,
        "    if wanted is Rung.WAIT or (answers and alarm):\n",
        "    if wanted is Rung.WAIT or alarm:\n",
    ),
    _rule(
        12,
        "a phone call is cut by a reset",
        OF_LADDER + "test_a_port_that_is_silent_while_somebody_talks_is_reopened_and_no_more",
        LADDER,
        "    if talking:\n",
        "    if False:\n",
    ),
    _rule(
        12,
        "rungs have no budget",
        OF_LADDER + "test_no_rung_is_used_oftener_than_its_budget",
        LADDER,
        "    return last_ms is not None and",
        "    return False and last_ms is not None and",
    ),
    Plant(
        "a PIN that was refused is tried until the SIM is dead",
        (4,),
        OF_MODEM + "test_a_pin_that_is_refused_is_entered_once_for_ever",
        "",
        (
            Change(
                DRIVER,
                "self._pin.pin and await asyncio.to_thread(self._pin.may_try):\n",
                "self._pin.pin:\n",
            ),
        ),
    ),
)
