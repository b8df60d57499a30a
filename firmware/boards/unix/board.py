"""The unix port of MicroPython as a board: `machine`, `esp32`, `bluetooth` and the flash chip are modelled
in sim/pendant.
"""

import esp32
import flashchip
import powered

from firmware.boards import family


def _arm_wake(pins, level: int) -> None:
    esp32.wake_on_gpio(pins, esp32.WAKEUP_ANY_HIGH if level else esp32.WAKEUP_ALL_LOW)


class Board(family.Board):
    """As on the chip; only the flash is mounted here, and two clocks are those of the process."""

    def mount(self, again: bool) -> None:
        """Mounts LittleFS on the modelled flash chip, which the chip's boot script would have done."""
        flashchip.mount("/flash", again)
        family.Board.mount(self, False)

    def power_on_ms(self) -> int:
        """Milliseconds since the power came, deep sleep included."""
        return powered.rtc_ms()

    def since_wake_ms(self) -> int:
        """How long ago the chip woke."""
        return powered.since_wake_ms()


board = Board(
    key=2, red=4, green=5, buzzer=6, cell=0, arm_wake=_arm_wake, motion=(3, 10, 7), pin_registers=0x60004074
)
board.directory = "/flash/anban"
