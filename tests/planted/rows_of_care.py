"""Planted faults of meters, sensors and the rules of care: the rest of `rows.py`."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

METERS = (
    Plant(
        "a reading of an unknown user is given to the elder of the hub",
        (9,),
        "blood-pressure",
        "whose it is not known is nobody's",
        (
            Change(
                "edge/inputs/meters.py",
                'elder = person_of(section.users, section.elder, reading.data.get("user"))',
                'elder = person_of(section.users, section.elder, reading.data.get("user")) or "e-chen"',
            ),
        ),
    ),
    Plant(
        "a reading of an unknown person is given to who was asked about first",
        (9,),
        "whose-reading",
        "then Mr Wang",
        (
            Change(
                "edge/whose.py",
                "        if answer == YES:\n",
                "        if answer in (YES, NO):\n",
            ),
        ),
    ),
    Plant(
        "a record that a meter sends again is another reading",
        (),
        "blood-pressure",
        "its whole memory sent again doubles nothing",
        (
            Change(
                "edge/readings.py",
                'name_of(at.meter, uuid, raw, "" if dated else at.mark)',
                "name_of(at.meter, uuid, raw, at.mark)",
            ),
        ),
    ),
    Plant(
        "a meter is let go before the disk has its records",
        (1,),
        "tests/integration/ble/test_meters.py::test_the_link_is_not_ended_before_the_disk_has_it",
        "",
        (
            Change(
                "drivers/ble/transfer.py",
                "            await asyncio.wait(self._waiting, timeout=self._timing.kept_s)\n",
                "            pass\n",
            ),
        ),
    ),
    Plant(
        "a test of the meter with control solution is somebody's glucose",
        (9,),
        "tests/unit/edge/test_readings.py::test_a_test_of_the_meter_is_nobodys_glucose",
        "",
        (
            Change(
                "edge/readings.py",
                'if CONTROL in (values.get("sample"), values.get("place")):',
                "if False:",
            ),
        ),
    ),
    Plant(
        "a sensor's history counts as taken before it was told to its end",
        (1,),
        "tests/integration/ble/test_meters.py"
        "::test_a_sensor_that_dies_amid_its_history_is_asked_for_all_of_it_again",
        "",
        (
            Change(
                "drivers/ble/transfer.py",
                "elif self._session is not None and self._done and self._newest >= 0:",
                "elif self._session is not None and self._newest >= 0:",
            ),
        ),
    ),
    Plant(
        "every advert of one weighing is a weighing",
        (),
        "tests/integration/ble/test_told.py::test_a_weighing_is_one_reading_of_hers",
        "",
        (
            Change(
                "drivers/ble/xiaomi.py",
                "if before is not None and before[0] == weight and advert.heard_ms - before[1] < AGAIN_MS:",
                "if False:",
            ),
        ),
    ),
    Plant(
        "a meter is asked what it has before it is bonded",
        (),
        "tests/integration/ble/test_bonds.py"
        "::test_a_meter_that_hides_all_from_strangers_is_bonded_before_it_is_discovered",
        "",
        (
            Change(
                "drivers/ble/meters.py",
                "bonding = self.pairing if self.meter.bond else None",
                "bonding = None",
            ),
        ),
    ),
    Plant(
        "whoever is in pairing mode is the meter",
        (),
        "tests/integration/ble/test_bonds.py"
        "::test_a_neighbours_meter_that_pairs_instead_is_refused_and_forgotten",
        "",
        (Change("drivers/ble/pairing.py", "if identity != self._address:", "if False:"),),
    ),
    Plant(
        "a code that a scale refuses is passed over",
        (),
        "tests/integration/ble/test_consents.py::test_a_wrong_code_is_told_and_keeps_nobody_elses_back",
        "",
        (Change("drivers/ble/consent.py", 'if answer["result"] != "success":', "if False:"),),
    ),
    Plant(
        "a connect waits for an advert that the card tells once in ten seconds",
        (),
        "tests/unit/drivers_ble/test_scan_anew.py"
        "::test_scanning_begins_anew_for_a_connect_that_waits_for_an_advert",
        "",
        (Change("drivers/ble/radio.py", "if not done and limit_s > soon_s:", "if False:"),),
    ),
    Plant(
        "nobody is told of a bond that the meter lost",
        (),
        "tests/integration/ble/test_bonds.py::test_a_meter_that_lost_its_bond_is_told_of_and_paired_anew_by_a_person",
        "",
        (Change("drivers/ble/meters.py", "if self._failures >= PAIRINGS:", "if False:"),),
    ),
    Plant(
        "a bond that is lost is begged for without end",
        (),
        "tests/unit/drivers_ble/test_meter_link.py::test_a_lost_bond_is_told_and_not_begged_for",
        "",
        (Change("drivers/ble/pairing.py", "return self._failed >= PAIRINGS", "return False"),),
    ),
)

SENSORS = (
    Plant(
        "smoke is asked about first",
        (),
        "smoke",
        "smoke is a call at once",
        (
            Change(
                "edge/inputs/sensors.py",
                '            firing.kind,\n            "system",\n',
                '            firing.kind,\n            "rule",\n',
            ),
        ),
    ),
    Plant(
        "plain text is believed of a sensor that has a key",
        (6,),
        "smoke",
        "plain text under its address is nobody's alarm",
        (
            Change(
                "drivers/ble/sensors.py",
                "if not data or bool(data[0] & ENCRYPTED) is not (self._key is not None):",
                "if not data:",
            ),
            Change(
                "drivers/ble/sensors.py",
                "if self._key is not None and not device.bindkey_verified:",
                "if False:",
            ),
            Change(
                "drivers/ble/sensors.py",
                "BTHomeBluetoothDeviceData(bindkey=self._key)",
                "BTHomeBluetoothDeviceData()",
            ),
        ),
    ),
    Plant(
        "a silent sensor is taken for one that sees no smoke",
        (9,),
        "smoke",
        "a sensor that is silent is blind, and that is told",
        (
            Change(
                "edge/care/hazards.py",
                "blind=now_ms - hazard.heard_ms >= hazard.silent_ms",
                "blind=False",
            ),
        ),
    ),
)

PROMPTS = (
    Plant(
        "silence is taken for yes",
        (9,),
        "medication",
        "silence is no answer: the platform is told that it was missed",
        (
            Change(
                "edge/prompter.py",
                "            self._open = None  # silence is no answer: what follows is for `decide`\n",
                "            self.answer(question.token, Answer.YES)\n",
            ),
        ),
    ),
    Plant(
        "a question of the day keeps the green key during a call",
        (4,),
        "medication",
        "in a call green means what it does in a call",
        (
            Change(
                "edge/prompter.py",
                'return "" if self._open is None or self._held_back() else self._open.token',
                'return "" if self._open is None else self._open.token',
            ),
            Change(
                "edge/prompter.py",
                "            self._open, self._not_before_ms = None, now.uptime_ms + AFTER_CALL_MS\n",
                "",
            ),
        ),
    ),
)

RULES = (
    Plant(
        "a rule calls without asking",
        (),
        "bed-exit",
        "out of bed for too long: it is asked aloud",
        (Change("edge/carer.py", '                "rule",\n', '                "system",\n'),),
    ),
    Plant(
        "a hub that starts does not learn what its sensors said before",
        (1,),
        "bed-exit",
        "killed and back, it asks all the same",
        (Change("edge/carer.py", "        await self._learn()\n", ""),),
    ),
    Plant(
        "what a silent sensor said last is taken for how it is",
        (9,),
        "bed-exit",
        "a silent sensor makes the rule blind",
        (Change("edge/care/rules.py", "if sensor.id in silent and", "if False and"),),
    ),
)
