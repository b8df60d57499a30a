"""Measures what one SOS costs on the line: UDP payload by CoAP with OSCORE, TCP payload by HTTPS.

Nothing but the press passes the doors while they are read. HTTPS figures count both directions; cold is a new
connection with its TLS handshake. Headers of IP, UDP and TCP are in no figure.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from edge.credentials import Credentials
from edge.paths.coap import CoapPath
from edge.paths.https import HttpsPath
from protocols.wire import encode_event
from sim.internet import LOOPBACK, Door, Internet
from tests.benchmarks.rig import platform, press


def measure(directory: Path) -> dict[str, Any]:
    """coap_{request,response}_bytes, https_{cold,warm}_bytes, and event_bytes: the CBOR alone."""
    place = directory / "wire"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        with platform(place) as (info, secrets):
            return asyncio.run(_measure(info, msgspec.convert(secrets, Credentials)))
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _measure(info: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
    net = Internet()
    udp = await net.udp_door("coap", (LOOPBACK, info["coap_port"]))
    tcp = await net.tcp_door("https", (LOOPBACK, info["https_port"]))
    numbers = itertools.count(1)
    used: Counter[str] = Counter()

    def reserve(name: str, count: int) -> int:
        used[name] += count
        return used[name] - count

    coap = CoapPath(f"coap://{LOOPBACK}:{udp.port}", credentials.oscore, reserve)
    https = HttpsPath(f"https://{LOOPBACK}:{tcp.port}", info["ca_file"], credentials.https_token)
    try:
        for _ in range(2):  # after a start: the hub's context, then the kept one, is proven fresh by Echo
            await coap.send([press(next(numbers))])
        before = _passed(udp)
        event = press(next(numbers))
        await coap.send([event])
        request, response = (after - b for after, b in zip(_passed(udp), before, strict=True))
        cold = await _https(https, tcp, next(numbers))
        warm = await _https(https, tcp, next(numbers))
    finally:
        await coap.close()
        await https.close()
        await net.close()
    return {
        "coap_request_bytes": request,
        "coap_response_bytes": response,
        "https_cold_bytes": cold,
        "https_warm_bytes": warm,
        "event_bytes": len(encode_event(event)),
    }


def _passed(door: Door) -> tuple[int, int]:
    return door.traffic.up_bytes, door.traffic.down_bytes


async def _https(path: HttpsPath, door: Door, number: int) -> int:
    before = sum(_passed(door))
    await path.send([press(number)])
    return sum(_passed(door)) - before
