"""ESP32-C3 (Super Mini class boards). Deep-sleep wake works on GPIO0-5 only."""

import esp32

from firmware.boards.family import Board


def _arm_wake(pins, level: int) -> None:
    esp32.wake_on_gpio(pins, esp32.WAKEUP_ANY_HIGH if level else esp32.WAKEUP_ALL_LOW)


board = Board(
    key=2, red=4, green=5, buzzer=6, cell=0, arm_wake=_arm_wake, motion=(3, 10, 7), pin_registers=0x60004074
)
