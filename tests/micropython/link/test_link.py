"""The link under MicroPython and CPython, both ways round: same bytes, same refusals."""

from __future__ import annotations

import random
from typing import Any

import pytest

from protocols.link import advert, const
from protocols.link.errors import (
    REASON_LENGTH,
    REASON_OLD,
    REASON_PLAINTEXT,
    REASON_REPEAT,
    REASON_TAG,
    REASON_UNKNOWN_HUB,
)
from tests.micropython.link.conftest import Asked

LABEL = bytes(range(16)).hex()
MAC = "aabbccddee01"
ROUNDS = 200


def hexes(rng: random.Random, length: int) -> str:
    """Random bytes as a request carries them."""
    return rng.randbytes(length).hex()


@pytest.fixture(params=["hub on CPython", "hub on MicroPython"])
def sides(request: pytest.FixtureRequest, here: Asked, there: Asked) -> tuple[Asked, Asked]:
    """(hub, pendant), one on each interpreter."""
    return (here, there) if request.param == "hub on CPython" else (there, here)


@pytest.fixture
def key(here: Asked) -> str:
    """The advert key of the label."""
    return str(here.ask("keys", root=LABEL, hub="hub-01")["ok"][0])


def test_both_derive_the_same_keys(here: Asked, there: Asked) -> None:
    for root, hub in (
        (LABEL, "hub-01"),
        (LABEL * 2, "hub-02"),
        ("00" * 15, "hub-01"),
        (LABEL, "HUB"),
        (LABEL, ""),
    ):
        assert here.ask("keys", root=root, hub=hub) == there.ask("keys", root=root, hub=hub)


def test_both_seal_and_open_alike(here: Asked, there: Asked) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS):
        tag = rng.choice([4, 16])
        box: dict[str, Any] = {
            "key": hexes(rng, 16),
            "nonce": hexes(rng, 13),
            "aad": hexes(rng, rng.choice([0, 5, 20])),
        }
        text = hexes(rng, rng.randint(0, 100))
        sealed = here.ask("ccm", seal=True, text=text, tag=tag, **box)
        assert sealed == there.ask("ccm", seal=True, text=text, tag=tag, **box)
        assert there.ask("ccm", seal=False, text=sealed["ok"], tag=tag, **box) == {"ok": text}
        spoilt = bytearray.fromhex(sealed["ok"])
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        for side in (here, there):
            assert side.ask("ccm", seal=False, text=spoilt.hex(), tag=tag, **box) == {"refused": REASON_TAG}


def test_both_expand_keys_alike(here: Asked, there: Asked) -> None:
    rng = random.Random(2)
    for length in (1, 16, 32, 33, 100):
        line = {
            "secret": hexes(rng, 16),
            "salt": hexes(rng, rng.randint(0, 80)),
            "info": hexes(rng, 9),
            "length": length,
        }
        assert here.ask("hkdf", **line) == there.ask("hkdf", **line)


def test_a_hub_reads_the_adverts_of_a_pendant(sides: tuple[Asked, Asked], key: str) -> None:
    hub, pendant = sides
    rng = random.Random(3)
    for counter in range(ROUNDS):
        said = [
            2**32 - 1 - counter,
            rng.randrange(256),
            rng.randrange(101),
            rng.randrange(5),
            rng.getrandbits(32),
        ]
        said.append(rng.randrange(advert.MAX_AGE_MS + 1))
        payload = pendant.ask("build", key=key, mac=MAC, said=said)["ok"]
        assert len(payload) == 2 * advert.ADVERT_LENGTH
        assert hub.ask("hear", key=key, mac=MAC, data=payload[14:]) == {"ok": said}
        assert hub.ask("build", key=key, mac=MAC, said=said) == {"ok": payload}


def test_both_refuse_the_same_adverts_for_the_same_reasons(here: Asked, there: Asked, key: str) -> None:
    rng = random.Random(4)
    good = bytes.fromhex(
        here.ask("build", key=key, mac=MAC, said=[7, 1, 90, const.MEANING_SOS, 17, 40])["ok"]
    )[7:]
    reasons = set()
    for _ in range(ROUNDS):
        data = bytearray(good)
        spoil = rng.randrange(4)
        if spoil == 0:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif spoil == 1:
            del data[rng.randrange(len(data)) :]
        elif spoil == 2:
            data[0] = rng.randrange(256)
            data[1] ^= 1
        else:
            data = bytearray(rng.randbytes(rng.randrange(32)))
        answers = [side.ask("hear", key=key, mac=MAC, data=data.hex()) for side in (here, there)]
        assert answers[0] == answers[1]
        reasons.add(answers[0]["refused"])
    assert {REASON_TAG, REASON_LENGTH, REASON_PLAINTEXT} <= reasons
    assert here.ask("report") == there.ask("report")


def test_both_judge_counters_alike(here: Asked, there: Asked) -> None:
    rng = random.Random(5)
    for side in (here, there):
        side.ask("guard", floor=2**32 - 60)
    verdicts = set()
    for n in range(ROUNDS):
        heard = {
            "counter": 2**32 - 70 + n // 4 + rng.randrange(3) - 1,
            "mic": rng.choice(["aaaaaaaa", "bbbbbbbb"]),
        }
        judged = here.ask("judge", **heard)
        assert judged == there.ask("judge", **heard)
        verdicts.add(judged["ok"][0])
    assert verdicts == {0, 1, 2}


def greet(hub: Asked, pendant: Asked, rng: random.Random, hub_id: str = "hub-01") -> Any:
    """HELLO and the pendant's answer to it."""
    link = hub.ask("keys", root=LABEL, hub=hub_id)["ok"][1]
    known = {"hub-01": pendant.ask("keys", root=LABEL, hub="hub-01")["ok"][1]}
    hello = hub.ask("be_hub", key=link, hub=hub_id, pendant="pd-01", random=hexes(rng, 16))["ok"]
    pendant.ask("be_pendant", hubs=known, pendant="pd-01", random=hexes(rng, 16))
    return pendant.ask("greeted", frame=hello)


def connect(hub: Asked, pendant: Asked, rng: random.Random) -> None:
    """A whole handshake; afterwards both sides hold a session."""
    challenge = greet(hub, pendant, rng)["ok"]
    proof = hub.ask("challenged", frame=challenge)["ok"]
    assert pendant.ask("proved", frame=proof) == {"ok": None}


def some_message(rng: random.Random) -> tuple[str, list[Any]]:
    """A message that either side might send."""
    u32 = rng.getrandbits(32)
    press = [rng.getrandbits(32), rng.randrange(5), rng.getrandbits(32), rng.randrange(7)]
    return rng.choice(
        [
            ("Status", [u32, 2**32 - 1, rng.randrange(101), 0xFFFF, u32, [press] * rng.randrange(9), 200]),
            ("Ack", [u32, u32, rng.randint(1, 6), rng.random() < 0.5]),
            ("Answered", [u32, u32, rng.choice(["hub-02", "h" * 16])]),
            ("CallState", [rng.randrange(7)]),
            ("Ask", [rng.randrange(256)]),
            ("Time", [rng.getrandbits(53), rng.random() < 0.5]),
            ("Floor", [u32]),
            ("Config", [rng.randrange(2), rng.choice(["zh", "en"])]),
            ("Ok", [2, 0, u32, u32, rng.randrange(7), 2**32 - 1]),
            ("GetStatus", []),
        ]
    )


def test_a_conversation_in_both_directions(sides: tuple[Asked, Asked]) -> None:
    rng = random.Random(6)
    connect(*sides, rng)
    spoken = set()
    for _ in range(ROUNDS):
        speaker, listener = rng.sample(sides, 2)
        kind, arguments = some_message(rng)
        frame = speaker.ask("say", kind=kind, arguments=arguments)["ok"]
        assert len(frame) <= 2 * const.MAX_FRAME
        name, fields = listener.ask("open", frame=frame)["ok"]
        assert name == kind
        assert sorted(map(repr, flat(arguments))) == sorted(map(repr, flat([value for _, value in fields])))
        spoken.add(kind)
    assert len(spoken) == 10
    assert [side.ask("report") for side in sides] == [{"ok": {}}] * 2


def flat(item: Any) -> list[Any]:
    """All values in nested lists; the names of a press's fields left out."""
    if not isinstance(item, list):
        return [item]
    if len(item) == 2 and item[0] in ("number", "meaning", "age_ms", "stage"):
        return flat(item[1])
    return [leaf for part in item for leaf in flat(part)]


def test_spoilt_repeated_and_reordered_frames_are_refused_and_counted(sides: tuple[Asked, Asked]) -> None:
    hub, pendant = sides
    rng = random.Random(7)
    connect(hub, pendant, rng)
    one, two, three = (hub.ask("say", kind="Floor", arguments=[n])["ok"] for n in (1, 2, 3))
    assert pendant.ask("open", frame=one)["ok"] == ["Floor", [["counter", 1]]]
    assert pendant.ask("open", frame=one) == {"refused": REASON_REPEAT}
    assert pendant.ask("open", frame=three)["ok"] == ["Floor", [["counter", 3]]]
    assert pendant.ask("open", frame=two) == {"refused": REASON_OLD}
    four = bytearray.fromhex(hub.ask("say", kind="Ack", arguments=[1, 2, 3])["ok"])
    for at in range(5, len(four)):
        bad = bytearray(four)
        bad[at] ^= 1 << rng.randrange(8)
        assert pendant.ask("open", frame=bad.hex()) == {"refused": REASON_TAG}
        assert pendant.ask("open", frame=four[:at].hex())["refused"] in (REASON_LENGTH, REASON_TAG)
    assert pendant.ask("open", frame="0201000000") == {"refused": REASON_PLAINTEXT}
    assert pendant.ask("open", frame=four.hex())["ok"][0] == "Ack"
    counted = pendant.ask("report")["ok"]
    assert (counted["repeat"], counted["old"], counted["plaintext"]) == (1, 1, 1)
    assert counted["tag"] + counted["length"] == 2 * (len(four) - 5)


def test_a_stranger_gets_no_session(sides: tuple[Asked, Asked]) -> None:
    hub, pendant = sides
    rng = random.Random(8)
    assert greet(hub, pendant, rng, "hub-02") == {"refused": REASON_UNKNOWN_HUB}
    greet(hub, pendant, rng)
    assert pendant.ask("proved", frame="03" + hexes(rng, 16)) == {"refused": REASON_TAG}
    greet(hub, pendant, rng)
    assert hub.ask("challenged", frame="0201" + hexes(rng, 32)) == {"refused": REASON_TAG}
