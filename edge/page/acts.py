"""What a person does on the page, out of a request's bytes: the hub's operation and its arguments. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from protocols.errors import AnbanError, Reason

MOST_BYTES: Final = 2_048
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Passkey = Annotated[str, msgspec.Meta(pattern="^[0-9]{6}$", max_length=6)]


class _Act(msgspec.Struct, frozen=True, tag_field="act", forbid_unknown_fields=True):
    pass


class Give(_Act, frozen=True, tag="give"):
    """A reading is somebody's; "" is nobody's."""

    id: Id
    person: Annotated[str, msgspec.Meta(max_length=120)]


class Undo(_Act, frozen=True, tag="undo"):
    """What was last said of whose a reading is is taken back."""

    id: Id


class Pair(_Act, frozen=True, tag="pair"):
    """A meter is paired anew."""

    meter: Id


class Shown(_Act, frozen=True, tag="passkey"):
    """The six figures that a meter shows."""

    meter: Id
    passkey: Passkey


def act_of(body: bytes) -> tuple[str, dict[str, Any]]:
    """(operation, arguments). AnbanError(BAD_REQUEST), whose sentence repeats nothing of the request."""
    try:
        act = msgspec.json.decode(body, type=Give | Undo | Pair | Shown)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AnbanError(
            Reason.BAD_REQUEST, "That is nothing that this page can ask.", "Load the page again."
        ) from None
    if isinstance(act, Give):
        return "readings.assign", {"id": act.id, "person": act.person}
    if isinstance(act, Undo):
        return "readings.undo", {"id": act.id}
    if isinstance(act, Pair):
        return "meter_pair", {"meter": act.meter}
    return "meter_passkey", {"meter": act.meter, "passkey": act.passkey}
