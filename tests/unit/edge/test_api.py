"""The hub's unix socket: who may speak to it, and that no line can hurt it."""

import asyncio
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.api import Api, ask
from protocols.errors import AnbanError, Reason


async def _status(args):
    return {"asked": dict(args)}


async def _refuse(args):
    raise AnbanError(Reason.NOT_FOUND, "no such call", "List them with `anban hub calls`.")


OPERATIONS = {"status": _status, "refuse": _refuse}


@pytest.fixture
async def door(tmp_path):
    path = tmp_path / "hub.sock"
    server = await Api(path, OPERATIONS).listen()
    yield path
    server.close()


async def test_an_operation_is_asked_and_answered(door):
    assert await asyncio.to_thread(ask, door, "status", limit=3) == {"asked": {"limit": 3}}


async def test_the_socket_is_its_owners_alone(door):
    assert stat.S_IMODE(door.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("op", "reason"), [("refuse", Reason.NOT_FOUND), ("no-such-thing", Reason.BAD_REQUEST)]
)
async def test_a_refusal_says_what_to_do(door, op, reason):
    with pytest.raises(AnbanError) as caught:
        await asyncio.to_thread(ask, door, op)
    assert caught.value.reason is reason
    assert caught.value.remedy


def test_no_hub_says_how_to_start_one(tmp_path):
    with pytest.raises(AnbanError) as caught:
        ask(tmp_path / "hub.sock", "status")
    assert caught.value.reason is Reason.NO_HUB
    assert "anban hub run" in caught.value.remedy


@given(st.binary(max_size=200) | st.sampled_from([b'{"v":2,"op":"status"}', b'{"v":1,"op":3}', b"[]"]))
def test_no_line_makes_it_fail(line):
    answer = asyncio.run(Api(None, OPERATIONS).answer(line))
    assert answer["ok"] or answer["error"]["remedy"]
