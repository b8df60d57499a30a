"""The MicroPython `bluetooth` module's other end: a pendant's radio in the air daemon, driven by JSON lines.

A board process (the real firmware on the unix port, with a shim `bluetooth.py`) connects to the stream socket
`DIR/radio-NAME.sock` that the daemon opens when it is told to `add` the pendant radio NAME. One JSON object
a line, both ways. Bytes are lower-case hex. Handles are the *shim's own* (it allots them as it likes, > 0).
One process at a time: a new connection replaces the old one. When the socket closes (the process died, or
deep sleep) the radio leaves the air without a word: centrals run into their supervision timeout.

Board to daemon (`op`), in order, none is answered unless said so:
    {"op":"mac","t":0|1,"a":"c4..."}      own address in display order, 6 bytes; t 0 public, 1 random static.
                                          Optional, before all else; without it the address of `add` counts.
    {"op":"name","v":"pd-01"}             GAP device name (ble.config(gap_name=...)). Optional.
    {"op":"svc","s":[[UUID,[[UUID,FLAGS,H],...]],...]}   gatts_register_services; replaces the earlier ones.
                                          UUID = hex of the buffer of bluetooth.UUID (little-endian), FLAGS =
                                          bluetooth.FLAG_* as on the chip (2 read, 4 write without response,
                                          8 write, 16 notify, 32 indicate), H = value handle.
    {"op":"buf","h":H,"n":LEN,"append":0|1}   gatts_set_buffer; without it a write is cut at 20 bytes.
    {"op":"write","h":H,"v":HEX,"u":0|1}  gatts_write(h, v, send_update=u): what a central reads from now on.
    {"op":"adv","us":INTERVAL_US|null,"a":HEX|null,"r":HEX|null,"c":1|0}   gap_advertise; us null stops; a, r
                                          null keep the earlier payload; c connectable. Legal while connected
                                          (a connection stops advertising, as on the chip: restart it).
    {"op":"ntf","c":CONN,"h":H,"v":HEX}   gatts_notify (v always given: the shim knows its own database).
    {"op":"ind","c":CONN,"h":H,"v":HEX}   gatts_indicate; answered by event 20.
    {"op":"disc","c":CONN}                gap_disconnect; answered by event 2.
    {"op":"off"}                          active(False): advertising stops, connections are closed properly.
    {"op":"on"}                           active(True) again on this socket (a fresh socket is on already).
    {"op":"ping","n":N}                   answered by {"e":-2,"d":[N]}: all before it has been carried out.

Daemon to board (`e` = MicroPython's _IRQ_* number, `d` its tuple, `v` bytes that belong to it):
    {"e":0,"d":[T,"c4..."]}               first line: own address (type, hex) as given to `add`.
    {"e":1,"d":[CONN,T,"addr"]}           _IRQ_CENTRAL_CONNECT
    {"e":2,"d":[CONN,T,"addr"]}           _IRQ_CENTRAL_DISCONNECT
    {"e":3,"d":[CONN,H],"v":HEX}          _IRQ_GATTS_WRITE; v = what gatts_read(H) gives now (cut, appended).
    {"e":20,"d":[CONN,H,STATUS]}          _IRQ_GATTS_INDICATE_DONE; 0 confirmed, 13 timed out, else failed.
    {"e":21,"d":[CONN,MTU]}               _IRQ_MTU_EXCHANGED
    {"e":-1,"d":["sentence"]}             a line was refused (unknown handle, bad hex ...); nothing changed.
    {"e":-2,"d":[N]}                      answer to ping.

From the unix port (it takes a raw sockaddr_un, path of at most 107 bytes):
    s = socket.socket(socket.AF_UNIX); s.connect(b"\\x01\\x00" + path.encode() + b"\\x00")
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from bumble import att, core, gatt, hci
from bumble.device import AdvertisingType as Kind
from bumble.device import Connection, Device, LegacyAdvertiser

from sim.air.controller import AirController
from sim.air.ether import Air
from sim.air.host import local_device

_log = logging.getLogger(__name__)

IRQ_CENTRAL_CONNECT, IRQ_CENTRAL_DISCONNECT, IRQ_GATTS_WRITE = 1, 2, 3
IRQ_GATTS_INDICATE_DONE, IRQ_MTU_EXCHANGED = 20, 21
HELLO, REFUSED, PONG = 0, -1, -2
DEFAULT_BUFFER = 20  # MP_BLUETOOTH_DEFAULT_ATTR_LEN
_TIMED_OUT = 13  # BLE_HS_ETIMEOUT
_FAILED = 7  # BLE_HS_ENOTCONN
_UNIT_MS = 0.625
_FLAG_READ, _FLAGS_WRITE = 0x02, 0x0C
_ADV_IND = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType.ADV_IND
_ADV_NONCONN = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType.ADV_NONCONN_IND


class _Value:
    """One characteristic value: what is in the board's database, as far as the air needs to know it."""

    def __init__(self) -> None:
        self.value = b""
        self.limit = DEFAULT_BUFFER
        self.append = False

    def written(self, data: bytes) -> bytes:
        """A central wrote: cut or append as NimBLE's port does, and give what gatts_read now gives."""
        self.value = ((self.value if self.append else b"") + data)[: self.limit]
        return self.value


class PendantRadio:
    """A named pendant radio: at most one board process speaks for it; without one it is off the air."""

    def __init__(self, air: Air, name: str, address: str, public: bool = False) -> None:
        self.air, self.name, self.address, self.public = air, name, address, public
        self.device: Device | None = None
        self.radio: AirController | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._values: dict[int, _Value] = {}
        self._characteristics: dict[int, gatt.Characteristic[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._advert: tuple[bytes, bytes] = (b"", b"")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one board process until its socket closes."""
        self.leave()
        if self._writer:
            self._writer.close()
        self._writer = writer
        self._advert = (b"", b"")
        try:
            await self._join()
            self._say(HELLO, int(not self.public), self.address.replace(":", "").lower())
            async for line in reader:
                await self._line(line)
        except (ConnectionError, ValueError):  # ValueError: a line beyond the stream's limit
            pass
        except asyncio.CancelledError:  # the daemon ends; a server's task has nobody to tell
            pass
        finally:
            if self._writer is writer:
                self._writer = None
                self.leave()
            writer.close()

    async def _line(self, line: bytes) -> None:
        try:
            request = json.loads(line)
            await getattr(self, f"_op_{request.pop('op')}")(**request)
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            _log.warning("%s: refused %r: %s", self.name, line[:200], e)
            self._say(REFUSED, f"{type(e).__name__}: {e}")

    def _say(self, event: int, *values: Any, v: bytes | None = None) -> None:
        if self._writer is None or self._writer.is_closing():
            return
        message: dict[str, Any] = {"e": event, "d": values}
        if v is not None:
            message["v"] = v.hex()
        self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    # ---- on and off the air ----

    async def _join(self) -> None:
        self.device, self.radio = local_device(self.air, self.name, self.address, public=self.public)
        self.device.on(Device.EVENT_CONNECTION, self._connected)
        self._values.clear()
        self._characteristics.clear()
        await self.device.power_on()

    def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self.radio:
            self.radio.leave()
        self.device = self.radio = None

    async def _op_mac(self, t: int, a: str) -> None:
        mac = bytes.fromhex(a)
        if len(mac) != 6:
            raise ValueError("an address has 6 bytes")
        self.address, self.public = mac.hex(":").upper(), not t
        self.leave()
        await self._join()

    async def _op_on(self) -> None:
        if self.radio is None:
            await self._join()

    async def _op_off(self) -> None:
        if self.device:
            for connection in list(self.device.connections.values()):
                await self._op_disc(connection.handle)
        self.leave()

    async def _op_ping(self, n: int) -> None:
        self._say(PONG, n)

    async def _op_name(self, v: str) -> None:
        if self.device:
            self.device.name = v

    # ---- services ----

    async def _op_svc(self, s: list[Any]) -> None:
        if self._characteristics:
            self.leave()
            await self._join()
        assert self.device is not None
        for uuid, characteristics in s:
            made = [self._characteristic(*c) for c in characteristics]
            self.device.add_service(gatt.Service(core.UUID.from_bytes(bytes.fromhex(uuid)), made))

    def _characteristic(self, uuid: str, flags: int, handle: int) -> gatt.Characteristic[Any]:
        cell = self._values[handle] = _Value()

        def written(connection: Any, value: bytes) -> None:
            now = cell.written(bytes(value))
            self._say(IRQ_GATTS_WRITE, connection.handle if connection else 0, handle, v=now)

        allowed = gatt.Characteristic.READABLE if flags & _FLAG_READ else gatt.Characteristic.Permissions(0)
        if flags & _FLAGS_WRITE:
            allowed |= gatt.Characteristic.WRITEABLE
        made: gatt.Characteristic[Any] = gatt.Characteristic(
            core.UUID.from_bytes(bytes.fromhex(uuid)),
            gatt.Characteristic.Properties(flags & 0x3E),
            allowed,
            gatt.CharacteristicValue(read=lambda _connection: cell.value, write=written),
        )
        self._characteristics[handle] = made
        return made

    async def _op_buf(self, h: int, n: int, append: int = 0) -> None:
        self._values[h].limit, self._values[h].append = int(n), bool(append)

    async def _op_write(self, h: int, v: str, u: int = 0) -> None:
        self._values[h].value = bytes.fromhex(v)
        if u and self.device:
            self._do(self.device.notify_subscribers(self._characteristics[h], bytes.fromhex(v)))

    # ---- advertising ----

    async def _op_adv(self, us: int | None, a: str | None = None, r: str | None = None, c: int = 1) -> None:
        if self.radio is None or self.device is None:
            raise ValueError("the radio is off")
        advertiser = self.radio.le_legacy_advertiser
        if us is None:
            advertiser.stop()
            return
        data = self._advert[0] if a is None else bytes.fromhex(a)
        response = self._advert[1] if r is None else bytes.fromhex(r)
        if len(data) > 31 or len(response) > 31:
            raise ValueError("an advert has at most 31 bytes")
        self._advert = (data, response)
        own = hci.OwnAddressType.PUBLIC if self.public else hci.OwnAddressType.RANDOM
        advertiser.advertising_data, advertiser.scan_response_data = data, response
        advertiser.advertising_interval_min = round(us / 1000 / _UNIT_MS)
        advertiser.advertising_type = _ADV_IND if c else _ADV_NONCONN
        advertiser.own_address_type = own
        # Bumble asks its own advertiser object for the address of a new connection
        self.device.legacy_advertiser = LegacyAdvertiser(
            self.device, Kind.UNDIRECTED_CONNECTABLE_SCANNABLE, own, hci.Address.ANY, False
        )
        advertiser.start()

    # ---- connections ----

    def _connected(self, connection: Connection) -> None:
        peer = connection.peer_address
        who = (connection.handle, int(not peer.is_public), peer.to_string(False).replace(":", "").lower())
        connection.on(Connection.EVENT_DISCONNECTION, lambda _reason: self._say(IRQ_CENTRAL_DISCONNECT, *who))
        connection.on(
            Connection.EVENT_CONNECTION_ATT_MTU_UPDATE,
            lambda: self._say(IRQ_MTU_EXCHANGED, connection.handle, connection.att_mtu),
        )
        self._say(IRQ_CENTRAL_CONNECT, *who)

    def _connection(self, handle: int) -> Connection:
        if self.device is None or handle not in self.device.connections:
            raise ValueError(f"no connection {handle}")
        return self.device.connections[handle]

    def _do(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _op_ntf(self, c: int, h: int, v: str) -> None:
        connection, target = self._connection(c), self._characteristics[h]
        await connection.device.notify_subscriber(connection, target, bytes.fromhex(v), force=True)

    async def _op_ind(self, c: int, h: int, v: str) -> None:
        connection, target = self._connection(c), self._characteristics[h]
        self._do(self._indicate(connection, c, target, h, bytes.fromhex(v)))

    async def _indicate(self, connection: Connection, c: int, target: Any, h: int, value: bytes) -> None:
        status = 0
        try:
            await connection.device.indicate_subscriber(connection, target, value, force=True)
        except (TimeoutError, core.TimeoutError):
            status = _TIMED_OUT
        except (core.BaseBumbleError, att.ATT_Error):
            status = _FAILED
        self._say(IRQ_GATTS_INDICATE_DONE, c, h, status)

    async def _op_disc(self, c: int) -> None:
        connection = self._connection(c)
        self._do(connection.disconnect())
