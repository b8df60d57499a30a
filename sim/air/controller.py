"""A virtual Bluetooth controller as a radio on the air: Bumble's, with its gaps closed one by one.

Each difference from bumble 0.0.236 stands in its own method with the reason beside it. The same class serves
Bumble hosts and the Linux kernel (through /dev/vhci).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bumble import hci, ll
from bumble.controller import Connection, Controller, LegacyAdvertiser

if TYPE_CHECKING:
    from sim.air.ether import Air

_ADV = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
_SCAN_RESPONSE = 4  # event type SCAN_RSP of an LE Advertising Report
_ADV_IND, _ADV_SCAN_IND, _ADV_NONCONN_IND = 0, 2, 3
_UNIT_S = 0.000625  # advertising interval unit, Core 5.4 Vol 4 Part E 7.8.5
_MIN_INTERVAL_S = 0.020
_ADV_DELAY_S = 0.010  # advDelay: 0-10 ms at random after each event, Core 5.4 Vol 6 Part B 4.4.2.2
_SUPPORTED_TYPES = (_ADV.ADV_IND, _ADV.ADV_SCAN_IND, _ADV.ADV_NONCONN_IND)


class AirAdvertiser(LegacyAdvertiser):
    """Legacy advertising with the true interval (Bumble reads units of 0.625 ms as ms) and advDelay."""

    controller: AirController

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        interval = max(self.advertising_interval_min * _UNIT_S, _MIN_INTERVAL_S)
        delay = self.controller.link.dice.of(self.controller.name, "").random() * _ADV_DELAY_S
        loop = asyncio.get_running_loop()
        self.timer_handle = loop.call_later(interval + delay, self._on_timer_fired)

    def send_advertising_data(self) -> None:
        if self.enabled and self.advertising_type in _SUPPORTED_TYPES:
            self.controller.link.advertise(self.controller, self)


class AirController(Controller):
    """One radio. `hung` makes it deaf and dumb towards its host; `deaf_while_connecting` is BlueZ's gap;
    `numb` lets it answer every command and hear nothing, until its host resets it; `filters_by_address` takes
    a new payload of a device for a duplicate, as Broadcom's and Intel's chips do."""

    link: Air

    # Linux waits for LE *Enhanced* Connection Complete as soon as the controller claims LL Privacy or
    # Extended Advertising; Bumble only ever sends the plain event. Claim neither, and no Set Privacy Mode.
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LL_PRIVACY
        | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
    )
    supported_commands = Controller.supported_commands - {hci.HCI_LE_SET_PRIVACY_MODE_COMMAND}

    def __init__(
        self,
        name: str,
        link: Air,
        host_source: Any = None,
        host_sink: Any = None,
        public_address: str | None = None,
        deaf_while_connecting: bool = False,
    ) -> None:
        super().__init__(name, host_source, host_sink, link, public_address)
        self.le_legacy_advertiser = AirAdvertiser(self)
        self.deaf_while_connecting = deaf_while_connecting
        # An active scanner gets a scan response from every scannable advertiser, an empty one if it has
        # nothing to add. Linux waits for it: without, it holds a lone device's adverts back for 10 s.
        # Bumble's hosts do not, and are spared the reports.
        self.reports_empty_responses = False
        self.hung = False
        self.numb = False
        self.filters_by_address = False
        self._reported: set[tuple[hci.Address, bytes]] = set()

    # ---- towards the host: packets are not turned into text for a log; a hung card says nothing ----

    def on_packet(self, packet: bytes) -> None:
        if not self.hung:
            command = hci.HCI_Packet.from_bytes(packet)
            if isinstance(command, hci.HCI_Command):
                self.on_hci_command_packet(command)
            elif isinstance(command, hci.HCI_AclDataPacket):
                self.on_hci_acl_data_packet(command)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        self.send_bytes(bytes(packet))

    def send_bytes(self, packet: bytes) -> None:
        """Hand a ready HCI packet to the host, unless the card hangs or there is no host any more."""
        if self.host and not self.hung:
            asyncio.get_running_loop().call_soon(self.host.on_packet, packet)

    def on_hci_reset_command(self, _command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        # Bumble resets nothing.
        self.numb = False
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        for connection in list(self.le_connections.values()):
            self.link.lose(connection)
        self.le_connections.clear()
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    # ---- scanning: true signal, one report an advert, scan responses of their own, duplicate filter ----

    def on_hci_le_set_scan_enable_command(self, command: Any) -> hci.HCI_StatusReturnParameters:
        self._reported.clear()
        return super().on_hci_le_set_scan_enable_command(command)

    @property
    def listening(self) -> bool:
        """True when an advert on the air would be looked at."""
        if self.hung or self.numb:
            return False
        return self.le_scan_enable or self.pending_le_connection is not None

    def receive_advert(
        self, address: hci.Address, kind: int, data: bytes, response: bytes | None, rssi: int
    ) -> None:
        """An advert came through the air: report it if scanning, open a pending connection to its sender."""
        if self.hung or self.numb:
            return
        pending = self.pending_le_connection
        if self.le_scan_enable and not (pending and self.deaf_while_connecting):
            fresh = self._report(kind, address, data, rssi)
            answered = response or (b"" if self.reports_empty_responses else None)
            if answered is not None and kind != _ADV_NONCONN_IND and self.le_scan_type:
                self._report(_SCAN_RESPONSE, address, answered, rssi, belongs_to_fresh=fresh)
        if pending and kind == _ADV_IND and pending.peer_address == address:
            if address in self.le_connections:
                self._fail_pending(hci.HCI_CONNECTION_ALREADY_EXISTS_ERROR)
            else:
                self.create_le_connection(address)

    def _report(
        self, kind: int, address: hci.Address, data: bytes, rssi: int, belongs_to_fresh: bool = False
    ) -> bool:
        """Tell the host, unless it is a duplicate: same address and data since scanning was enabled. A scan
        response is none when its advert was none. (Core 5.4 Vol 6 Part B 4.4.3.5 lets a controller look at
        the address alone: `filters_by_address`.)"""
        if self.filter_duplicates:
            seen = (address, b"" if self.filters_by_address else data)
            if seen in self._reported and not belongs_to_fresh:
                return False
            self._reported.add(seen)
        body = bytes((0x02, 1, kind, address.address_type)) + bytes(address)
        body += bytes((len(data),)) + data + rssi.to_bytes(1, "little", signed=True)
        self.send_bytes(bytes((0x04, 0x3E, len(body))) + body)
        return True

    # ---- connecting and disconnecting ----

    def _fail_pending(self, status: int) -> None:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=status,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )

    def on_hci_le_create_connection_cancel_command(self, _command: Any) -> hci.HCI_StatusReturnParameters:
        # Bumble says "success" and keeps the pending connection for ever.
        if self.pending_le_connection is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self._fail_pending, hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        # Both ends may notice the loss of one link: the second time there is nothing left to say.
        if self.le_connections.get(connection.peer_address) is connection:
            super().on_le_disconnected(connection, reason)

    def on_ll_control_pdu(self, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        if sender_address in self.le_connections:
            super().on_ll_control_pdu(sender_address, packet)

    def leave(self) -> None:
        """Off the air without a word: advertising ends, peers run into their supervision timeout."""
        self.set_packet_sink(None)
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.link.leave(self)


def advert_kind(advertising_type: int) -> int:
    """Event type of the report for an advertising type of the parameters command."""
    if advertising_type == _ADV.ADV_IND:
        return _ADV_IND
    return _ADV_SCAN_IND if advertising_type == _ADV.ADV_SCAN_IND else _ADV_NONCONN_IND
