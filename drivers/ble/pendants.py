"""All pendants of a hub on its radio: adverts find their pendant, words of the hub find their link.

pendants = Pendants(hub_id, clock, on_fact, wall)
radio = Radio(adapters, clock, pendants.on_advert)
pendants.use(radio)
pendants.add(Paired(...))
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.ble.facts import PendantFact
from drivers.ble.owed import WallClock
from drivers.ble.pendant import Paired, PendantLink, RadioPort, Timing
from drivers.ble.ports import Advert, Clock
from protocols.errors import AnbanError, Reason


class Pendants:
    """By id and by address. Facts of all of them go to one `on_fact`."""

    def __init__(
        self,
        hub_id: str,
        clock: Clock,
        on_fact: Callable[[PendantFact], None],
        wall: WallClock | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._hub_id, self._clock, self._on_fact, self._wall = hub_id, clock, on_fact, wall
        self._timing = timing or Timing()
        self._radio: RadioPort | None = None
        self._by_id: dict[str, PendantLink] = {}
        self._by_address: dict[str, PendantLink] = {}

    def use(self, radio: RadioPort) -> None:
        """The radio that links are asked of."""
        self._radio = radio

    def add(self, paired: Paired) -> PendantLink:
        """A paired pendant. LinkError(REASON_KEY) for a bad key or id, ValueError for a bad address."""
        assert self._radio is not None
        link = PendantLink(
            paired, self._hub_id, self._radio, self._clock, self._on_fact, self._wall, self._timing
        )
        self._by_id[paired.id] = link
        self._by_address[paired.address.upper()] = link
        return link

    def remove(self, device: str) -> None:
        """It is no longer paired."""
        link = self._by_id.pop(device)
        self._by_address.pop(link.address.upper())
        if self._radio:
            self._radio.withdraw(link.address)

    def __getitem__(self, device: str) -> PendantLink:
        """The link of a pendant by its id. AnbanError(UNKNOWN_DEVICE)."""
        if device not in self._by_id:
            raise AnbanError(Reason.UNKNOWN_DEVICE, f"No pendant {device} is paired with this hub.")
        return self._by_id[device]

    def __contains__(self, device: str) -> bool:
        return device in self._by_id

    def on_advert(self, advert: Advert) -> None:
        """For Radio: every advert heard."""
        if link := self._by_address.get(advert.address):
            link.on_advert(advert)
