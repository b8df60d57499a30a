"""Simulated health meters: real GATT servers on the air with the manners of real ones.

A meter is off until somebody measures. Then it advertises for a while, sends what it holds to whoever
connects and subscribes, and switches off.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Any

from bumble import att, core, gatt, hci
from bumble.device import Connection
from bumble.pairing import PairingConfig, PairingDelegate

from protocols.gatt import Absence, Moment, decode, encode
from sim.air.ether import Air
from sim.air.host import local_device
from sim.air.manners import KINDS, Manners, Seen

_P = gatt.Characteristic.Properties
_A = gatt.Characteristic.Permissions
INTERVAL_MS = 100.0


# A session whose start is not known: year 0, zone and summer time unknown, and the checksum of that.
_NO_START = encode(
    0x2AAA,
    {"time": Moment(0, 0, 0, 0, 0, 0), "zone_15min": Absence.NAN, "dst_15min": Absence.NAN, "crc": True},
)


def _number(uuid: int, raw: bytes) -> int:
    """What a memory orders a record by: the minute of a sensor's session, a sequence number."""
    at = 4 if uuid == 0x2AA7 else 1
    return int.from_bytes(raw[at : at + 2], "little")


class _Display(PairingDelegate):
    """Shows its passkey, or nothing at all."""

    def __init__(self, bond: str) -> None:
        kinds = PairingDelegate.IoCapability
        super().__init__(kinds.DISPLAY_OUTPUT_ONLY if bond.isdigit() else kinds.NO_OUTPUT_NO_INPUT)
        self._bond = bond

    async def generate_passkey(self) -> int:
        return int(self._bond)


class Meter:
    """One meter; `name` is that of its radio."""

    def __init__(self, air: Air, name: str, address: str, kind: str, manners: Manners) -> None:
        self.name, self.address, self.kind = name, address, KINDS[kind]
        self.manners, self.seen = manners, Seen()
        self.records: list[tuple[int, bytes]] = []
        self.device, self.radio = local_device(air, name, address)
        self._characteristics: dict[int, gatt.Characteristic[Any]] = {}
        self._subscribed: set[int] = set()
        self._connected_at = 0.0
        self._work: asyncio.Task[None] | None = None
        self._off: asyncio.TimerHandle | None = None
        self._build()
        self._serve_pdu = self.device.gatt_server.on_gatt_pdu
        self.device.gatt_server.on_gatt_pdu = self._hear  # type: ignore[method-assign]
        self.device.on("connection", self._connected)
        if manners.bond:
            self.device.pairing_config_factory = lambda _connection: PairingConfig(
                delegate=_Display(manners.bond)
            )

    # ---- its server ----

    def _build(self) -> None:
        notifies, clock = self.kind.notifies, self.manners.clock
        for service, uuids in self.kind.services.items():
            found = [self._tells(uuid, _P.NOTIFY if uuid in notifies else _P.INDICATE) for uuid in uuids]
            if self.kind.memory:
                found.append(self._memory())
            if self.kind.session:
                found += self._session()
            if clock == "date-time":
                found.append(self._clock(0x2A08))
            self.device.add_service(gatt.Service(core.UUID.from_16_bits(service), found))
        if clock == "current-time":
            self._serve(0x1805, self._clock(0x2A2B))
        if self.manners.consents:
            self._serve(0x181C, self._users())
        self._serve(0x180F, self._says(0x2A19, bytes((80,))))
        self._serve(0x180A, self._says(0x2A24, b"Simulated"))

    def _serve(self, service: int, characteristic: gatt.Characteristic[Any]) -> None:
        self.device.add_service(gatt.Service(core.UUID.from_16_bits(service), [characteristic]))

    def _tells(self, uuid: int, how: Any) -> gatt.Characteristic[Any]:
        made: gatt.Characteristic[Any] = gatt.Characteristic(
            core.UUID.from_16_bits(uuid), how, _A.READABLE, b""
        )
        made.on(
            made.EVENT_SUBSCRIPTION,
            lambda connection, notify, indicate, uuid=uuid: self._subscribes(
                connection, uuid, notify or indicate
            ),
        )
        self._characteristics[uuid] = made
        return made

    def _says(self, uuid: int, value: bytes) -> gatt.Characteristic[Any]:
        return gatt.Characteristic(core.UUID.from_16_bits(uuid), _P.READ, _A.READABLE, value)

    def _clock(self, uuid: int) -> gatt.Characteristic[Any]:
        return gatt.Characteristic(
            core.UUID.from_16_bits(uuid),
            _P.READ | _P.WRITE,
            _A.READABLE | _A.WRITEABLE,
            gatt.CharacteristicValue(write=lambda _connection, value: self._clock_set(bytes(value))),
        )

    def _memory(self) -> gatt.Characteristic[Any]:
        made: gatt.Characteristic[Any] = gatt.Characteristic(
            core.UUID.from_16_bits(0x2A52),
            _P.WRITE | _P.INDICATE,
            _A.WRITEABLE,
            gatt.CharacteristicValue(write=lambda connection, value: self._asked(connection, bytes(value))),
        )
        self._characteristics[0x2A52] = made
        return made

    def _users(self) -> gatt.Characteristic[Any]:
        made: gatt.Characteristic[Any] = gatt.Characteristic(
            core.UUID.from_16_bits(0x2A9F),
            _P.WRITE | _P.INDICATE,
            _A.WRITEABLE,
            gatt.CharacteristicValue(write=lambda connection, value: self._code(connection, bytes(value))),
        )
        self._characteristics[0x2A9F] = made
        return made

    def _session(self) -> list[gatt.Characteristic[Any]]:
        """A sensor with checksums: its features, whether its session runs and for how long, when it began."""
        features = encode(0x2AA8, {"features": 1 << 12, "sample": "interstitial-fluid", "place": "finger"})
        start: gatt.Characteristic[Any] = gatt.Characteristic(
            core.UUID.from_16_bits(0x2AAA),
            _P.READ | _P.WRITE,
            _A.READABLE | _A.WRITEABLE,
            gatt.CharacteristicValue(
                read=lambda _connection: bytes.fromhex(self.manners.session) or _NO_START,
                write=lambda _connection, value: setattr(self.manners, "session", bytes(value).hex()),
            ),
        )
        status = {"offset_min": 60, "status": int(self.manners.stopped), "crc": True}
        return [self._says(0x2AA8, features), self._says(0x2AA9, encode(0x2AA9, status)), start]

    # ---- what its centrals do ----

    def _steps(self, step: str) -> bool:
        """Its battery is out here, if that is where it dies."""
        if self.manners.dies_at != step:
            return False
        self.manners.dies_at = ""
        asyncio.get_running_loop().call_soon(self.power_off)
        return True

    def _connected(self, connection: Connection) -> None:
        self.seen.connections += 1
        self._steps("connected")
        self._connected_at = asyncio.get_running_loop().time()
        self._subscribed.clear()
        connection.on(connection.EVENT_DISCONNECTION, lambda _reason: self._gone())

    def _gone(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work = None
        if self.records and self._off is not None:
            self._off.cancel()
            self._off = asyncio.get_running_loop().call_later(self.manners.off_s, self._switch_off)
            self._work = asyncio.create_task(self._advertise())

    def _hear(self, bearer: Connection, pdu: att.ATT_PDU) -> None:
        if self.manners.hides and not bearer.is_encrypted:
            self.seen.hung_up += 1
            asyncio.get_running_loop().create_task(self._hang_up(bearer))
            return
        self._serve_pdu(bearer, pdu)

    @staticmethod
    async def _hang_up(connection: Connection) -> None:
        with contextlib.suppress(core.BaseBumbleError, hci.HCI_Error, asyncio.CancelledError):
            await connection.disconnect(hci.HCI_AUTHENTICATION_FAILURE_ERROR)

    def _clock_set(self, value: bytes) -> None:
        self._steps("clock")
        self.seen.clock = value.hex()
        self.seen.clock_after_s = asyncio.get_running_loop().time() - self._connected_at

    def _subscribes(self, connection: Connection, uuid: int, on: bool) -> None:
        if not on:
            self._subscribed.discard(uuid)
            return
        if self.manners.bond and not connection.is_encrypted:
            self.seen.strangers += 1
            return
        if self._steps("subscribed"):
            return
        self._subscribed.add(uuid)
        if not self.kind.memory and not self.manners.consents and self._work is None:
            self._work = asyncio.create_task(self._transfer(connection, self.records))

    def _code(self, connection: Connection, value: bytes) -> None:
        """Somebody gives a code (op 2): what is held of that user follows, or "not authorised" (5)."""
        op, user = value[0], value[1] if len(value) == 4 else -1
        known = op == 2 and self.manners.consents.get(str(user)) == int.from_bytes(value[2:4], "little")
        answer = bytes((0x20, op, 1 if known else 5 if op == 2 else 2))
        self.seen.consented.append(answer.hex())
        held = [(uuid, raw) for uuid, raw in self.records if decode(uuid, raw).get("user") == user]
        work = self._open_for(connection, answer, held if known else [], self._work)
        self._work = asyncio.create_task(work)

    async def _open_for(
        self,
        connection: Connection,
        answer: bytes,
        held: list[tuple[int, bytes]],
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:  # the answer to the code before is confirmed, and not done with yet
            await asyncio.wait({before})
            self._work = asyncio.current_task()
        await self.device.indicate_subscriber(connection, self._characteristics[0x2A9F], answer)
        await self._transfer(connection, held)

    def _asked(self, connection: Connection, value: bytes) -> None:
        self.seen.asked.append(value.hex())
        if self._steps("asked"):
            return
        wanted = self.records
        if value[:3] == b"\x01\x03\x01":  # from a sequence number, or a minute of its session, on
            least = int.from_bytes(value[3:5], "little")
            wanted = [(uuid, raw) for uuid, raw in wanted if _number(uuid, raw) >= least]
        if self._work is None and value[:1] == b"\x01":
            self._work = asyncio.create_task(self._transfer(connection, wanted, answer=True))

    # ---- its transfer ----

    async def _transfer(
        self, connection: Connection, records: list[tuple[int, bytes]], answer: bool = False
    ) -> None:
        with contextlib.suppress(core.BaseBumbleError, hci.HCI_Error, TimeoutError):  # the central has gone
            await self._send_all(connection, list(records), answer)
        self._work = None

    async def _send_all(self, connection: Connection, held: list[tuple[int, bytes]], answer: bool) -> None:
        for uuid, raw in held:
            if uuid not in self._subscribed:
                continue
            if self.manners.dies_after == 0:
                self.power_off()
                return
            self.manners.dies_after -= 1
            await asyncio.sleep(self.manners.pace_s)
            await self._send(connection, uuid, raw)
            if self.manners.forgets:
                self.records.remove((uuid, raw))
        if answer:
            done = bytes((6, 0, 1, 1 if held else 6))
            await self.device.indicate_subscriber(connection, self._characteristics[0x2A52], done)
        if self._off is not None and all(uuid in self._subscribed for uuid, _ in held):
            self._off.cancel()  # told all: it switches off when the link ends
            self._off = None
        if self.manners.leaves:
            await connection.disconnect()

    async def _send(self, connection: Connection, uuid: int, raw: bytes) -> None:
        self.seen.sent += 1
        characteristic = self._characteristics[uuid]
        if uuid in self.kind.notifies:
            await self.device.notify_subscriber(connection, characteristic, raw)
        else:
            await self.device.indicate_subscriber(connection, characteristic, raw)
        self.seen.confirmed += 1

    # ---- what people do ----

    async def measure(self, records: list[tuple[int, bytes]]) -> None:
        """Somebody measured: the records are in its memory, and it advertises."""
        if not self.device.powered_on:
            await self.device.power_on()
        self.records += records
        if self._off is not None:
            self._off.cancel()
        self._off = asyncio.get_running_loop().call_later(self.manners.off_s, self._switch_off)
        if self.kind.session and self._work is not None and self.device.connections:
            await asyncio.wait({self._work})  # its history first
        if not self.device.connections:
            await self._advertise()
        elif self._work is None and self._subscribed and (self.kind.session or not self.kind.memory):
            connection = next(iter(self.device.connections.values()))
            self._work = asyncio.create_task(self._transfer(connection, records))

    async def _new_address(self) -> None:
        key = self.device.irk if self.manners.addresses == "resolvable" else b""
        address = hci.Address.generate_private_address(key)
        await self.device.send_sync_command(hci.HCI_LE_Set_Random_Address_Command(random_address=address))
        self.device.random_address = address
        self.seen.addresses.append(address.to_string(False))

    async def _advertise(self) -> None:
        if self.manners.addresses != "static":
            await self._new_address()
        services = b"".join(struct.pack("<H", service) for service in self.kind.services)
        data = bytes(
            core.AdvertisingData(
                [
                    (core.AdvertisingData.FLAGS, bytes((6,))),
                    (core.AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, services),
                ]
            )
        )
        await self.device.start_advertising(
            advertising_data=data, advertising_interval_min=INTERVAL_MS, advertising_interval_max=INTERVAL_MS
        )
        self._work = None

    def _switch_off(self) -> None:
        self._off = None
        self.radio.le_legacy_advertiser.stop()

    def power_off(self) -> None:
        """Its battery is out: off the air without a word; its memory stays."""
        if self._off is not None:
            self._off.cancel()
            self._off = None
        self.radio.le_legacy_advertiser.stop()
        for connection in list(self.radio.le_connections.values()):
            self.radio.link.lose(connection)
        self.radio.le_connections.clear()
        for connection in list(self.device.connections.values()):
            self.device.on_disconnection(connection.handle, hci.HCI_CONNECTION_TIMEOUT_ERROR)

    async def lose_bond(self) -> None:
        """It was reset, or bonded with another: it knows nobody any more."""
        if self.device.keystore is not None:
            await self.device.keystore.delete_all()

    async def stop(self) -> None:
        """Off for good."""
        self.power_off()
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
