"""What a hub with a modem does beside its texts to the platform: relatives, phone calls, proofs.

A hub without a modem loads none of it but the proof of its ways.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from edge.api import Operation
from edge.config import Config
from edge.delivery import Delivery
from edge.hub import Hub
from edge.phrases import Phrase
from edge.ports import Ports
from edge.proving import Proving
from edge.stores.state import State
from edge.supervisor import Supervisor
from protocols.values import Lane

if TYPE_CHECKING:
    from drivers.modem.voice import Telephone
    from edge.incoming import Incoming
    from edge.reaching import Reaching
    from edge.texting import Texting


class Voice(Protocol):
    """Says what belongs to no call of the elder's."""

    def __call__(self, phrase: Phrase, lane: Lane = Lane.FAULT) -> None: ...


class Telephony:
    """Made once. Without a modem (`texting` is None) there is nothing but the proof of the other ways.

    `config()` is what is in force; ports, numbers and tests of the modem are the seed's and stay.
    """

    def __init__(
        self,
        hub: Hub,
        state: State,
        delivery: Delivery,
        texting: Texting | None,
        config: Callable[[], Config],
        ports: Ports,
        say: Voice,
    ) -> None:
        self.telephone: Telephone | None = None
        self.incoming: Incoming | None = None
        self.reaching: Reaching | None = None
        if texting is not None:
            self._with(hub, texting, config, ports, functools.partial(say, lane=Lane.SOS))
        modem = config().modem
        self.proving = Proving(
            *(hub, state, delivery, texting, self.telephone),
            test_number=None if modem is None else modem.test_number,
            say=say,
            utc_offset_minutes=lambda: config().home.utc_offset_minutes,
        )
        self._proves_itself = modem is not None and modem.weekly_test

    def _with(
        self,
        hub: Hub,
        texting: Texting,
        config: Callable[[], Config],
        ports: Ports,
        say: Callable[[Phrase], object],
    ) -> None:
        from edge.incoming import Incoming
        from edge.reaching import Reaching, listed, telephone_of

        self.telephone = telephone_of(config(), ports.modem_port)
        if self.telephone is not None:
            self.incoming = Incoming(hub, self.telephone, lambda: listed(config()), say)
            self.telephone.on_standing = lambda good: hub.see("modem", "voice", not good, "voice-port")
        if config().contacts:
            self.reaching = Reaching(hub, texting, config, self.telephone, say)

    def begin(self, supervisor: Supervisor) -> None:
        """Start what there is."""
        if self.telephone is not None:
            supervisor.add("telephone", self.telephone.run)
        if self.incoming is not None:
            supervisor.add("incoming", self.incoming.run)
        if self.reaching is not None:
            supervisor.add("reaching", self.reaching.run)
        if self._proves_itself:
            supervisor.add("proving", self.proving.run)

    def talking(self) -> bool:
        """Whether a line into the room is open: nothing is said or asked into it."""
        return self.telephone is not None and self.telephone.is_open

    def takes_key(self) -> bool:
        """The green key went down: whether it answers the phone, and means nothing else."""
        return self.incoming is not None and self.incoming.take()

    def operations(self) -> dict[str, Operation]:
        """What the hub's socket offers of it."""
        return self.proving.operations()
