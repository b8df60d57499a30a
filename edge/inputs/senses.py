"""The home's radios put together: pendants, meters, sensors, and the rules that watch what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.api import Operation
from edge.carer import Carer
from edge.config import Config
from edge.credentials import Credentials
from edge.history import doors_of
from edge.hub import Hub
from edge.inputs.broker import Broker
from edge.inputs.meters import Meters
from edge.inputs.pendants import Pendants
from edge.inputs.sensors import Sensors
from edge.ports import Ports
from edge.stores.journal import Journal
from edge.stores.state import State
from edge.supervisor import Supervisor
from edge.whose import Whose


class Senses:
    """Made once; `read` runs a question on the journal in its thread."""

    def __init__(
        self,
        hub: Hub,
        ports: Ports,
        config: Config,
        credentials: Credentials,
        state: State,
        read: Callable[[Callable[[Journal], Any]], Any],
    ) -> None:
        self._config, self._hub, self._read = config, hub, read
        self.pendants = Pendants(hub, ports, config, credentials, state)
        self.sensors = Sensors(hub, ports, config, credentials)
        self.carer = Carer(hub, config, read, self.sensors.silent)
        self.meters = Meters(
            *(hub, ports, config, self.pendants),
            lambda: self._config.home.utc_offset_minutes,
            self.carer.judge,
            credentials,
        )
        self.whose = Whose(hub, config, read, self.carer.judge)
        self.pendants.listeners += [self.meters.on_advert, self.sensors.on_advert]
        self._broker: Broker | None = None
        if config.mqtt is not None and self.sensors.topics:
            secret, sensors = credentials.mqtt_password, self.sensors
            self._broker = Broker(hub, config.mqtt, secret, lambda: sensors.topics, sensors.on_message)

    def begin(self, supervisor: Supervisor) -> None:
        """Start what there is; pendants first."""
        supervisor.add("radio", self.pendants.run)
        if self._config.sensors:
            supervisor.add("sensors", self.sensors.run)
        if self._config.meters:
            supervisor.add("meters", self.meters.run)
        if self._broker is not None:
            supervisor.add("mqtt", self._broker.run)
        supervisor.add("rules", self.carer.run)
        supervisor.add("whose", self.whose.run)

    def use(self, config: Config) -> None:
        """Other settings."""
        self._config = config
        self.carer.use(config)
        self.whose.use(config)

    def devices(self) -> list[dict[str, Any]]:
        """Every device with what is known of it: rows of `anban hub devices`."""
        return [*self.pendants.devices(), *self.meters.devices(), *self.sensors.devices()]

    def operations(self) -> dict[str, Operation]:
        """What the hub's socket offers of it."""
        readings = doors_of(self._hub, lambda: self._config, self._read, self.carer.judge)
        own = {**self.meters.operations(), **self.carer.operations(), **self.whose.operations()}
        return {**readings, **own}
