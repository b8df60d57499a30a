# The `esp32` module for the unix port: NVS as given at the start, wake sources as noted for the supervisor.
import binascii

import powered

WAKEUP_ALL_LOW = 0
WAKEUP_ANY_HIGH = 1

armed = []


class NVS:
    def __init__(self, namespace):
        self._data = powered.param("nvs")

    def get_blob(self, key, buffer):
        if key not in self._data:
            raise OSError(-4354)  # ESP_ERR_NVS_NOT_FOUND
        value = binascii.unhexlify(self._data[key])
        buffer[: len(value)] = value
        return len(value)


def wake_on_gpio(pins, level):
    global armed
    armed = [[pin.number, level] for pin in pins]
