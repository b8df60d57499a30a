"""Bumble hosts on the virtual air: a Device beside its own radio, or behind the daemon's HCI socket."""

from __future__ import annotations

import hashlib
from typing import Any

from bumble import hci, smp
from bumble.device import Device
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.transport.common import AsyncPipeSink

from sim.air.controller import AirController
from sim.air.ether import Air

_ADVERT_PREFIX = (0x04, 0x3E)  # HCI event, LE meta
_REPORT = 0x02  # LE Advertising Report subevent


class AirHost(Host):
    """A Bumble host that hands adverts on as plain bytes.

    Bumble parses each report into objects, prints it for the log and then holds an advert back until a scan
    response or the next advert comes. At 50 adverts a second that is most of a core. `on_report` gets
    (address, event type, data, rssi) of each report instead.
    """

    on_report: Any = None

    def on_packet(self, packet: bytes) -> None:
        if packet[0] == 0x04 and packet[1] == 0x3E and packet[3] == _REPORT:
            if self.on_report and self.ready:
                length = packet[13]
                address = hci.Address(packet[7:13], hci.AddressType(packet[6]))
                rssi = packet[14 + length]
                data = packet[14 : 14 + length]
                self.on_report(address, packet[5], data, rssi - 256 if rssi > 127 else rssi)
            return
        super().on_packet(packet)

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        elif isinstance(packet, hci.HCI_Event):
            self.on_hci_event_packet(packet)


class _Resolver(smp.AddressResolver):
    """Says whose a resolvable address is. Bumble would scan by itself for an identity that it connects to;
    here the adapter knows under which address a device was heard last, as the kernel does."""

    def can_resolve_to(self, address: hci.Address) -> bool:
        return False


class AirDevice(Device):
    """Resolves addresses with the keys that were exchanged at bonding."""

    async def refresh_resolving_list(self) -> None:
        assert self.keystore is not None
        self.address_resolver = _Resolver(await self.keystore.get_resolving_keys())


def make_device(name: str, address: str, source: Any, sink: Any) -> Device:
    """A Bumble device with a random static address (display order) on an HCI source and sink."""
    device = AirDevice(name=name, address=hci.Address(address), host=AirHost(source, sink))
    device.irk = hashlib.sha256(address.encode()).digest()[:16]  # Bumble's own are all zero
    device.keystore = MemoryKeyStore()
    return device


def local_device(
    air: Air, name: str, address: str, *, public: bool = False, deaf_while_connecting: bool = False
) -> tuple[Device, AirController]:
    """A device and its radio on the air, in this process; `await device.power_on()` starts it."""
    radio = AirController(
        name, air, public_address=address if public else None, deaf_while_connecting=deaf_while_connecting
    )
    device = make_device(name, "F0:F1:F2:F3:F4:F5" if public else address, radio, AsyncPipeSink(radio))
    return device, radio
