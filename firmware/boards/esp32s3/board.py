"""ESP32-S3. Deep-sleep wake by ext0: one RTC pin (GPIO0-21), either level."""

import esp32

from firmware.boards.family import Board


def _arm_wake(pins, level: int) -> None:
    esp32.wake_on_ext0(pins[0], esp32.WAKEUP_ANY_HIGH if level else esp32.WAKEUP_ALL_LOW)


board = Board(key=2, red=4, green=5, buzzer=6, cell=1, arm_wake=_arm_wake)
