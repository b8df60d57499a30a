"""Relatives by text and phone, who phones the home, and the proof of every way, put together.

A hub without a modem and without SIP loads none of it but the proof of its ways. SIP runs in a process of its
own, in a folder of the runtime directory that nobody else may enter.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge.api import Operation
from edge.asked import Run, runs
from edge.config import Config
from edge.credentials import Credentials
from edge.delivery import Delivery
from edge.heartbeat import Heartbeat
from edge.hub import Hub
from edge.phrases import Phrase
from edge.ports import Ports
from edge.proving import Proving
from edge.stores.state import State
from edge.supervisor import Supervisor
from protocols.values import Lane

if TYPE_CHECKING:
    from drivers.pi.audio import Speaker
    from drivers.pi.room import Room
    from edge.incoming import Incoming
    from edge.lines import Lines, Way
    from edge.reaching import Reaching
    from edge.texting import Texting


class Voice(Protocol):
    """Says what belongs to no call of the elder's; what it gives may be a future of the sentence's end."""

    def __call__(self, phrase: Phrase, lane: Lane = Lane.FAULT) -> object: ...


class Telephony:
    """Made once. `lines` is None where the seed has no telephone, neither by modem nor by SIP.

    `config()` is what is in force; ports, accounts, numbers and tests are the seed's and stay.
    """

    def __init__(
        self,
        hub: Hub,
        state: State,
        delivery: Delivery,
        texting: Texting | None,
        config: Callable[[], Config],
        credentials: Credentials,
        ports: Ports,
        say: Voice,
    ) -> None:
        self._hub, self._state, self._config, self._ports = hub, state, config, ports
        self.lines: Lines | None = None
        self.incoming: Incoming | None = None
        self.reaching: Reaching | None = None
        urgently = functools.partial(say, lane=Lane.SOS)
        ways = [*self._by_modem(texting), *self._by_sip(credentials)]
        if ways:
            self._join(ways, urgently)
        if config().contacts and (texting is not None or ways):
            from edge.reaching import Reaching

            self.reaching = Reaching(hub, texting, config, self.lines, urgently)
        self.proving = Proving(
            *(hub, state, delivery, texting, self.lines),
            say=say,
            utc_offset_minutes=lambda: config().home.utc_offset_minutes,
        )
        self._texting = texting
        sections = (config().modem, config().sip)
        self._proves_itself = any(section is not None and section.weekly_test for section in sections)

    def begin(self, supervisor: Supervisor) -> None:
        """Start what there is."""
        for way in self.lines.ways if self.lines is not None else ():
            supervisor.add(f"telephone {way.name}", way.phone.run)
        if self.incoming is not None:
            supervisor.add("incoming", self.incoming.run)
        if self.reaching is not None:
            supervisor.add("reaching", self.reaching.run)
        if self._proves_itself:
            supervisor.add("proving", self.proving.run)

    def runs(self, power: Heartbeat) -> Mapping[str, Run]:
        """What the platform may ask of it, and that an answer by text says of mains and battery."""
        if self._texting is not None:
            self._texting.asks.power = power
        modem = self._config().modem
        seat = None if modem is None else modem.seat_number or modem.platform_numbers[0]
        at = None if seat is None else lambda way: number_at(self._config(), seat, way)
        return runs(self.proving, self.incoming, at)

    def talking(self) -> bool:
        """Whether somebody is on the line: nothing of a call is said or asked meanwhile."""
        return self.lines is not None and self.lines.is_open

    def sounding(self) -> bool:
        """Whether the room is open to somebody: no prompt is said into it."""
        return self.lines is not None and self.lines.sounding

    def quiet(self, speaker: Speaker) -> None:
        """Have nothing said while the room is open: what is being said then is ended."""
        speaker.muted = self.sounding
        if self.lines is not None:
            self.lines.on_sound = speaker.hush

    def takes_key(self) -> bool:
        """The green key went down: whether it answers the phone, and means nothing else."""
        return self.incoming is not None and self.incoming.take()

    def operations(self) -> dict[str, Operation]:
        """What the hub's socket offers of it."""
        return self.proving.operations()

    def _join(self, ways: list[Way], say: Callable[[Phrase], object]) -> None:
        from edge.incoming import Incoming
        from edge.lines import Lines

        self.lines = Lines(ways)
        self.incoming = Incoming(self._hub, self.lines, lambda: listed(self._config()), say)

    def _by_modem(self, texting: Texting | None) -> Iterator[Way]:
        """The modem's second port, where the seed gives it."""
        section = self._config().modem
        if section is None or section.voice_port is None or texting is None:
            return
        from drivers.modem.voice import Telephone
        from edge.lines import Way

        room = serial = None
        if section.sound_port is not None:
            from drivers.modem.sound import SerialSound
            from drivers.pi.room import MICROPHONE, SPEAKER

            room = self._room("line")
            serial = SerialSound(section.sound_port, room, MICROPHONE, SPEAKER)
        elif section.sound_card is not None:
            from drivers.pi.room import line_of

            room = self._room("line", line_of(section.sound_card))
        opener = self._ports.modem_port(section.voice_port)
        phone = Telephone(opener, sounds=room is not None, serial=serial)
        phone.on_standing = lambda good: self._hub.see("modem", "voice", not good, "voice-port")
        modem = texting.modem
        modem.talking = lambda: phone.talk is not None
        yield Way(
            *("voice", phone, texting.calls),
            trouble=lambda: modem.standing.trouble,
            test=section.test_number,
            room=room,
        )

    def _by_sip(self, credentials: Credentials) -> Iterator[Way]:
        """baresip, where the seed has an account and the credentials its password."""
        config, secret = self._config(), credentials.sip
        section = config.sip
        if section is None:
            return
        from drivers.sip.phone import SipPhone
        from drivers.sip.program import Account
        from edge.budget import Budget, calls_cap
        from edge.lines import Way

        account = Account(
            address=section.address,
            user=secret.user if secret is not None else "",
            password=secret.password if secret is not None else "",
            transport=section.transport,
            ca_file=section.ca_file,
            interface=section.interface,
            modules=section.modules,
        )
        room, devices = None, (section.microphone or "", section.speaker or "")
        if not all(devices):
            from drivers.pi.room import MICROPHONE, SPEAKER

            room, devices = self._room("room"), (f"alsa,{MICROPHONE}", f"alsa,{SPEAKER}")
        phone = SipPhone(
            account,
            Path(config.hub.runtime_dir) / "sip",
            microphone=devices[0],
            speaker=devices[1],
            environment=None if room is None else room.environment,
            prepare=None if room is None else room.prepare,
        )
        phone.on_standing = lambda good: self._hub.see("path", "sip", not good, phone.trouble)
        most = section.calls_a_day
        budget = Budget(self._state, "sip_calls", most, self._hub.mint.stamp, calls_cap(most))
        yield Way("sip", phone, budget, test=section.test_address, room=room)

    def _room(self, name: str, line: tuple[str, ...] = ()) -> Room:
        """The hub's microphone and speaker with echo control, for one telephone."""
        from drivers.pi.room import Room, card_of

        config = self._config()
        card = card_of(config.audio.microphone, config.audio.speaker)
        return Room(Path(config.hub.runtime_dir) / name, self._ports.room_card or card, line)


def listed(config: Config) -> dict[str, str]:
    """Number or SIP address -> id of those who may come in by phone: contacts, and the platform."""
    platform = {} if config.modem is None else dict.fromkeys(config.modem.platform_numbers, "platform")
    contacts = {contact.number: contact.id for contact in config.contacts}
    return platform | contacts | {contact.sip: contact.id for contact in config.contacts if contact.sip}


def address_of(config: Config, contact: str, way: str) -> str:
    """Whom a telephone rings to reach a contact: a number, or for SIP an address at the account's domain."""
    row = next(row for row in config.contacts if row.id == contact)
    return row.sip if way == "sip" and row.sip else number_at(config, row.number, way)


def number_at(config: Config, number: str, way: str) -> str:
    """What a telephone rings to reach a number: itself, or for SIP an address at the account's domain."""
    if way != "sip" or config.sip is None:
        return number
    return f"sip:{number}@{config.sip.address.rpartition('@')[2]}"
