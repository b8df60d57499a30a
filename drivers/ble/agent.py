"""Our own answer to what BlueZ asks while it pairs: a passkey that a person read from the meter, or nothing.

    async with answering("/org/bluez/hci0/dev_C4_0E_...", ask):
        ... org.bluez.Device1.Pair ...

Bleak has no agent, and without one bluetoothd refuses every meter that shows a passkey. An agent answers at
once, for one device and one pairing, and is gone after it: nobody else is let in meanwhile. D-Bus interface
org.bluez.Agent1 (BlueZ 5, doc/org.bluez.Agent.rst). Imported when a meter is paired for the first time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from drivers.ble.pairing import AskPasskey
from protocols.errors import AnbanError, Reason

PATH: Final = "/org/anban/agent"
AGENT: Final = "org.bluez.Agent1"
MANAGER: Final = "org.bluez.AgentManager1"
REJECTED: Final = "org.bluez.Error.Rejected"
KEYBOARD: Final = "KeyboardOnly"  # what a hub has: a person who types, and no display


class Refused(Exception):
    """This is no question of this pairing."""


async def answer(member: str, body: Sequence[Any], device: str, ask: AskPasskey) -> tuple[str, list[Any]]:
    """Signature and body of the answer to a call of BlueZ. Refused for what is not to be answered.

    Only the device that is being paired is answered; a question for yes or no is answered no, for nobody sees
    both numbers.
    """
    if member in ("Release", "Cancel"):
        return "", []
    if not body or str(body[0]) != device:
        raise Refused
    if member == "RequestAuthorization":  # Just Works, begun by us
        return "", []
    passkey = await ask() if member in ("RequestPasskey", "RequestPinCode") else None
    if passkey is None:
        raise Refused
    return ("u", [passkey]) if member == "RequestPasskey" else ("s", [f"{passkey:06d}"])


@contextlib.asynccontextmanager
async def answering(device: str, ask: AskPasskey, bus: Any = None) -> AsyncIterator[None]:
    """Be BlueZ's agent for the pairing of one device, named by its D-Bus path.

    AnbanError(RADIO_DOWN) when BlueZ takes none.
    """
    if bus is None:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    answers: set[asyncio.Task[None]] = set()

    async def reply(message: Message) -> None:
        try:
            found = await answer(message.member or "", message.body, device, ask)
        except Refused:
            await bus.send(Message.new_error(message, REJECTED, "not this pairing"))
        else:
            await bus.send(Message.new_method_return(message, *found))

    def handle(message: Message) -> bool:
        if message.message_type is not MessageType.METHOD_CALL or message.interface != AGENT:
            return False
        task = asyncio.ensure_future(reply(message))
        answers.add(task)
        task.add_done_callback(answers.discard)
        return True

    bus.add_message_handler(handle)
    try:
        await _ask(bus, "RegisterAgent", "os", [PATH, KEYBOARD])
        await _ask(bus, "RequestDefaultAgent", "o", [PATH])
        yield
    finally:
        for task in tuple(answers):
            task.cancel()
        with contextlib.suppress(AnbanError):
            await _ask(bus, "UnregisterAgent", "o", [PATH])
        bus.disconnect()


async def _ask(bus: Any, member: str, signature: str, body: list[Any]) -> None:
    reply = await bus.call(
        Message(
            destination="org.bluez",
            path="/org/bluez",
            interface=MANAGER,
            member=member,
            signature=signature,
            body=body,
        )
    )
    if reply is None or reply.message_type is MessageType.ERROR:
        raise AnbanError(Reason.RADIO_DOWN, f"BlueZ refuses {member}: {getattr(reply, 'error_name', '-')}")
