"""ESP32-C6. Deep-sleep wake by ext1: low-power pins GPIO0-7, either level."""

import esp32

from firmware.boards.family import Board


def _arm_wake(pins, level: int) -> None:
    esp32.wake_on_ext1(pins, esp32.WAKEUP_ANY_HIGH if level else esp32.WAKEUP_ALL_LOW)


board = Board(key=2, red=4, green=5, buzzer=6, cell=0, arm_wake=_arm_wake)
