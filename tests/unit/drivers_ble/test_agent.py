"""What BlueZ asks while a meter is paired: answered for this meter with what a person typed, else refused."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from dbus_fast import Message, MessageType
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.agent import AGENT, PATH, REJECTED, Refused, answer, answering
from protocols.errors import AnbanError

DEVICE = "/org/bluez/hci0/dev_C4_0E_00_00_00_01"


def typed(passkey: int | None) -> Any:
    async def ask() -> int | None:
        return passkey

    return ask


async def test_the_passkey_that_a_person_typed_is_the_answer() -> None:
    assert await answer("RequestPasskey", [DEVICE], DEVICE, typed(42317)) == ("u", [42317])
    assert await answer("RequestPinCode", [DEVICE], DEVICE, typed(42317)) == ("s", ["042317"])
    assert await answer("RequestAuthorization", [DEVICE], DEVICE, typed(None)) == ("", [])


@pytest.mark.parametrize(
    ("member", "body", "passkey"),
    [
        ("RequestPasskey", [DEVICE], None),  # nobody is there
        ("RequestPasskey", ["/org/bluez/hci0/dev_C4_0E_00_00_00_02"], 42317),  # another's pairing
        ("RequestAuthorization", ["/org/bluez/hci0/dev_AA_AA_AA_AA_AA_AA"], 42317),
        ("RequestConfirmation", [DEVICE, 42317], 42317),  # nobody sees both numbers
        ("AuthorizeService", [DEVICE, "1810"], 42317),
        ("RequestPasskey", [], 42317),
    ],
)
async def test_everything_else_is_refused(member: str, body: list[Any], passkey: int | None) -> None:
    with pytest.raises(Refused):
        await answer(member, body, DEVICE, typed(passkey))


@given(st.text(max_size=20), st.lists(st.text(max_size=60) | st.integers() | st.none(), max_size=3))
def test_a_stranger_never_gets_the_passkey(member: str, body: list[Any]) -> None:
    asking = answer(member, body, DEVICE, typed(42317))
    with contextlib.suppress(Refused):
        with pytest.raises(StopIteration) as told:  # it waits for nobody
            asking.send(None)
        assert told.value.value == ("", [])


class Bus:
    """A bus that notes what is asked of BlueZ, and can put BlueZ's questions."""

    def __init__(self, refuses: str = "") -> None:
        self.asked: list[tuple[str, list[Any]]] = []
        self.sent: list[Message] = []
        self.handlers: list[Any] = []
        self.open, self._refuses = True, refuses

    def add_message_handler(self, handler: Any) -> None:
        self.handlers.append(handler)

    async def call(self, message: Message) -> Any:
        self.asked.append((message.member or "", message.body))
        refused = message.member == self._refuses
        kind = MessageType.ERROR if refused else MessageType.METHOD_RETURN
        return SimpleNamespace(message_type=kind, error_name="org.bluez.Error.AlreadyExists")

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def disconnect(self) -> None:
        self.open = False

    async def puts(self, interface: str, member: str, *body: Any) -> bool:
        message = Message(
            path=PATH,
            interface=interface,
            member=member,
            signature="o",
            body=list(body),
            serial=9,
            sender=":1.5",
        )
        (handler,) = self.handlers
        taken = bool(handler(message))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return taken


async def test_the_agent_is_there_for_one_pairing_and_gone_after_it() -> None:
    bus = Bus()
    async with answering(DEVICE, typed(42317), bus):
        assert [member for member, _ in bus.asked] == ["RegisterAgent", "RequestDefaultAgent"]
        assert await bus.puts(AGENT, "RequestPasskey", DEVICE)
        assert not await bus.puts("org.freedesktop.DBus.Peer", "Ping", DEVICE)
        assert await bus.puts(AGENT, "RequestConfirmation", DEVICE)
        assert [(m.body, m.error_name) for m in bus.sent] == [
            ([42317], None),
            (["not this pairing"], REJECTED),
        ]
    assert bus.asked[-1][0] == "UnregisterAgent"
    assert not bus.open


async def test_a_bluez_that_takes_no_agent_is_said_so() -> None:
    bus = Bus("RegisterAgent")
    with pytest.raises(AnbanError, match="RegisterAgent"):
        async with answering(DEVICE, typed(None), bus):
            raise AssertionError("it was not refused")
    assert not bus.open
