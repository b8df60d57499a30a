"""Zigbee and other sensors through a real broker: heard, believed only when it is news, missed when gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from edge.book import Life
from edge.clock import SystemClock
from edge.config import (
    Config,
    ElderSection,
    HubSection,
    MqttSection,
    PlatformSection,
    SensorSection,
)
from edge.credentials import Credentials
from edge.hub import Hub
from edge.inputs.broker import Broker
from edge.inputs.sensors import Sensors
from edge.mint import Mint
from tests.integration.mqtt.conftest import Mosquitto
from tests.unit.edge.by_hand import DiskByHand

WITHIN_S = 60.0
DISCOVERY = "homeassistant/binary_sensor/0x1/occupancy/config"
SMOKE, BED = "zigbee2mqtt/smoke", "esphome/bed/state"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.02)


class Flat:
    """A hub that listens to a broker."""

    def __init__(self, broker: Mosquitto, password: str = "secret", topic: str = BED) -> None:
        sensors = (
            SensorSection(id="smoke-01", topic=SMOKE, role="smoke", room="kitchen", elder="e-chen"),
            SensorSection(id="bed-01", topic=topic, role="bed", room="bedroom", elder="e-chen"),
        )
        config = Config(
            hub=HubSection(id="hub-01", room="hall", elder="e-chen"),
            platform=PlatformSection(coap_uri="coap://c", https_url="https://c", ca_file="/ca"),
            elders=(ElderSection(id="e-chen"),),
            mqtt=MqttSection(port=broker.port, user="hub"),
            sensors=sensors,
        )
        self.clock = SystemClock()
        self.hub = Hub(Mint("hub-01", self.clock), DiskByHand(), elder="e-chen", room="hall")
        credentials = Credentials(hub_id="hub-01", https_token="", oscore=())
        self.sensors = Sensors(self.hub, SimpleNamespace(clock=self.clock), config, credentials)  # type: ignore[arg-type]
        self.sensed: list[tuple[str, str]] = []
        self.hub.sense = lambda *args: self.sensed.append(args)  # type: ignore[method-assign]
        self.seen: list[tuple[object, ...]] = []
        self.hub.see = lambda *args: self.seen.append(args)  # type: ignore[method-assign]
        assert config.mqtt is not None
        self.broker = Broker(
            self.hub, config.mqtt, password, lambda: self.sensors.topics, self.sensors.on_message
        )

    @property
    def ready(self) -> int:
        return self.seen.count(("mqtt", "hub-01", False))


async def test_smoke_of_a_zigbee_detector_is_a_call_at_once(mosquitto: Mosquitto) -> None:
    flat = Flat(mosquitto)
    task = asyncio.create_task(flat.broker.run())
    await until(lambda: flat.ready)
    await mosquitto.publish(SMOKE, '{"smoke": false, "battery": 80, "linkquality": 100}')
    await mosquitto.publish(SMOKE, '{"smoke": true, "battery": 80, "linkquality": 100}')
    await until(lambda: flat.hub.book.calls)
    (call,) = flat.hub.book.calls.values()
    assert (call.life, [press.kind for press in call.presses.values()]) == (Life.OPEN, ["call.smoke"])
    await mosquitto.publish(BED, "ON")
    await until(lambda: ("bed-01", "on") in flat.sensed)
    task.cancel()


async def test_a_retained_message_is_never_news(mosquitto: Mosquitto) -> None:
    await mosquitto.publish(SMOKE, '{"smoke": true}', retain=True)
    await mosquitto.publish(BED, "ON", retain=True)
    flat = Flat(mosquitto)
    task = asyncio.create_task(flat.broker.run())
    await until(lambda: flat.ready)
    await mosquitto.publish(BED, "OFF")  # comes after what was retained
    await until(lambda: flat.sensed)
    assert flat.sensed == [("bed-01", "off")]
    assert not flat.hub.book.calls
    task.cancel()


async def test_a_device_told_of_by_discovery_is_heard_on_the_topic_that_it_names(
    mosquitto: Mosquitto,
) -> None:
    config = '{"state_topic": "z/bed", "value_template": "{{ value_json.occupancy }}", '
    config += '"payload_on": true, "payload_off": false}'
    await mosquitto.publish(DISCOVERY, config, retain=True)
    flat = Flat(mosquitto, topic=DISCOVERY)
    task = asyncio.create_task(flat.broker.run())
    await until(lambda: "z/bed" in flat.sensors.topics)

    async def said() -> bool:  # until the broker has the subscription too
        await mosquitto.publish("z/bed", '{"occupancy": true}')
        return bool(flat.sensed)

    async with asyncio.timeout(WITHIN_S):
        while not await said():
            await asyncio.sleep(0.05)
    assert flat.sensed == [("bed-01", "on")]
    task.cancel()


async def test_a_broker_that_restarts_is_found_again_and_a_wrong_password_is_told(
    mosquitto: Mosquitto,
) -> None:
    flat = Flat(mosquitto)
    task = asyncio.create_task(flat.broker.run())
    await until(lambda: flat.ready)
    await mosquitto.stop()
    await until(lambda: ("mqtt", "hub-01", True, "path-down") in flat.seen)
    await mosquitto.start()
    await until(lambda: flat.ready == 2)
    await mosquitto.publish(SMOKE, '{"smoke": true}')
    await until(lambda: flat.hub.book.calls)
    task.cancel()
    stranger = Flat(mosquitto, "guess")
    task = asyncio.create_task(stranger.broker.run())
    await until(lambda: ("mqtt", "hub-01", True, "not-authentic") in stranger.seen)
    assert stranger.ready == 0
    task.cancel()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x20\x02\x00\x00\xff\xff\xff\xff\xff", b""])
async def test_what_is_no_broker_is_a_fault_and_no_harm(answer: bytes, mosquitto: Mosquitto) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    mosquitto.port = server.sockets[0].getsockname()[1]
    flat = Flat(mosquitto)
    task = asyncio.create_task(flat.broker.run())
    await until(lambda: any(row[:3] == ("mqtt", "hub-01", True) for row in flat.seen))
    assert not task.done()
    task.cancel()
    server.close()
