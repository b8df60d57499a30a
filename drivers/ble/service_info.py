"""An advert as the parsers of other people's sensors want it (bthome-ble, xiaomi-ble)."""

from __future__ import annotations

from typing import Any

from habluetooth import BluetoothServiceInfoBleak

from drivers.ble.ports import Advert


def service_info(advert: Advert, service: str, data: bytes) -> Any:
    """The advert with the data of one of its services alone."""
    return BluetoothServiceInfoBleak(
        name=advert.name or "",
        address=advert.address,
        rssi=advert.rssi,
        manufacturer_data={},
        service_data={service: bytes(data)},
        service_uuids=[],
        source=advert.adapter,
        device=None,  # type: ignore[arg-type]
        advertisement=None,
        connectable=False,
        time=advert.heard_ms / 1000,
        tx_power=None,
    )
