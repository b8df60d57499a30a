"""Planted faults of a hub whose loop reads from the card while it runs: a card that hangs holds it up."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

LOADED = (
    Plant(
        "the hub's loop reads the source of a traceback from the card",
        (4,),
        "tests/unit/edge/test_logs.py::test_the_source_of_a_traceback_is_read_by_the_logs_thread_alone",
        "",
        (
            Change(
                "edge/logs.py",
                "            self._records.put_nowait(record)\n",
                "            self.format(record)\n            self._records.put_nowait(record)\n",
            ),
        ),
    ),
    Plant(
        "what weighs a fall is loaded with the first fall",
        (4,),
        "tests/system/test_loaded.py::test_a_fall_a_reading_and_a_press_without_internet_load_nothing",
        "edge.weighing",
        (
            Change("edge/inputs/pendants.py", "from edge.weighing import Weighing, charging\n", ""),
            Change("edge/inputs/pendants.py", "self._weighing = Weighing(hub)\n", "self._weighing = None\n"),
            Change(
                "edge/inputs/pendants.py",
                "        weighed = self._weighing.take(\n",
                "        from edge.weighing import Weighing, charging\n\n"
                "        self._weighing = self._weighing or Weighing(self._hub)\n"
                "        weighed = self._weighing.take(\n",
            ),
        ),
    ),
    Plant(
        "what writes Chinese into a text is loaded with the first text",
        (4,),
        "tests/system/test_loaded.py::test_a_fall_a_reading_and_a_press_without_internet_load_nothing",
        "utf_16_be",
        (Change("protocols/sms_pdu.py", 'codecs.lookup("utf-16-be")', 'codecs.lookup("utf-8")'),),
    ),
    Plant(
        "what connects to a pendant is loaded at the first connection",
        (4,),
        "tests/unit/drivers_ble/test_bluez.py"
        "::test_what_the_first_scan_and_the_first_connection_need_is_loaded_before_in_a_thread",
        "",
        (Change("drivers/ble/bluez.py", ', "bleak.backends.bluezdbus.client"', ""),),
    ),
)
