"""The pendant's radio on the stock `bluetooth` module: adverts, one GATT service, connections; no
decisions.

Advertising stops when somebody connects: it restarts within that interrupt, so nobody silences a pendant by
connecting. When the stack has no connection left for one more peer it goes on unconnectable: a press is
heard from the advert alone. Interrupts only take notes; the loop asks for them with `notes()`.
"""

import bluetooth

from protocols.link.const import FRAME_IN_UUID, FRAME_OUT_UUID, INFO_UUID, MAX_FRAME, SERVICE_UUID

CONNECTED = 1  # _IRQ_CENTRAL_CONNECT
DISCONNECTED = 2  # _IRQ_CENTRAL_DISCONNECT
WROTE = 3  # _IRQ_GATTS_WRITE
CONFIRMED = 20  # _IRQ_GATTS_INDICATE_DONE

MAX_NOTES = 24  # four peers cannot have more in hand before the loop turns
ATT_OVERHEAD = 3
_FLAG_READ = 2
_FLAG_WRITE = 8
_FLAG_INDICATE = 32


class Radio:
    """One radio; `notify()` wakes the loop."""

    def __init__(self, notify, info: bytes) -> None:
        self._notify = notify
        self._info = info
        self._ble = bluetooth.BLE()
        self._notes = []
        self._interval_us = 0
        self._payload = None  # type: bytes | bytearray
        self._in = self._out = 0
        self.address = b""  # display order
        self.dropped = 0  # notes that did not fit

    def start(self) -> None:
        """Radio on, service registered. Raises OSError when the stack refuses."""
        ble = self._ble
        ble.active(True)
        ble.config(mtu=MAX_FRAME + ATT_OVERHEAD)
        self.address = bytes(ble.config("mac")[1])
        ble.irq(self._irq)
        service = (
            bluetooth.UUID(SERVICE_UUID),
            (
                (bluetooth.UUID(FRAME_IN_UUID), _FLAG_WRITE),
                (bluetooth.UUID(FRAME_OUT_UUID), _FLAG_READ | _FLAG_INDICATE),
                (bluetooth.UUID(INFO_UUID), _FLAG_READ),
            ),
        )
        ((self._in, self._out, info),) = ble.gatts_register_services((service,))
        ble.gatts_set_buffer(self._in, MAX_FRAME)
        ble.gatts_write(info, self._info)

    def stop(self) -> None:
        """Radio off; peers are dropped."""
        self._interval_us = 0
        self._ble.active(False)

    def advertise(self, payload: bytes | bytearray, interval_ms: int) -> bool:
        """This payload at this interval from now on; False when the stack refused."""
        self._payload = payload
        self._interval_us = interval_ms * 1000
        return self._on_air()

    def silence(self) -> None:
        """Nothing on the air; those who are connected stay."""
        if self._interval_us:
            self._interval_us = 0
            self._ble.gap_advertise(None)

    def _on_air(self) -> bool:
        try:
            self._ble.gap_advertise(self._interval_us, self._payload)
        except OSError:
            try:  # no room for one more connection
                self._ble.gap_advertise(self._interval_us, self._payload, connectable=False)
            except OSError:
                return False
        return True

    def send(self, conn: int, frame: bytes) -> bool:
        """Indicate a frame; one in flight for each peer. False when the stack refused."""
        try:
            self._ble.gatts_indicate(conn, self._out, frame)
        except OSError:
            return False
        return True

    def drop(self, conn: int) -> None:
        """Disconnect a peer; a peer that is gone already is no error."""
        try:
            self._ble.gap_disconnect(conn)
        except OSError:
            pass

    def notes(self) -> list:
        """What happened since the last call: (CONNECTED | DISCONNECTED | WROTE | CONFIRMED, conn, value)."""
        notes = self._notes
        if notes:
            self._notes = []
        return notes

    def _irq(self, event: int, data: tuple) -> None:
        value = None
        if event == CONNECTED:
            if self._interval_us:
                self._on_air()
        elif event == WROTE:
            if data[1] != self._in:
                return
            value = bytes(self._ble.gatts_read(self._in))
        elif event == CONFIRMED:
            value = data[2]
        elif event != DISCONNECTED:
            return
        if len(self._notes) < MAX_NOTES or event == DISCONNECTED:
            self._notes.append((event, data[0], value))
        else:
            self.dropped += 1
        self._notify()
