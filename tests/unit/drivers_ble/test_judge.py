"""Which adverts are believed: fresh, repeated, replayed, late, forged; and anything at all in the bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.judge import SPACING_MS, AdvertJudge, Challenge, Fresh, Refused
from protocols.link.advert import build
from protocols.link.const import MEANING_NONE, MEANING_SOS
from protocols.link.keys import advert_key
from protocols.link.messages import Press, Status

KEY = advert_key(bytes(16))
MAC = bytes.fromhex("C40000000001")
NOBODY: frozenset[int] = frozenset()


def data(counter: int, meaning: int = MEANING_SOS, number: int = 7) -> bytes:
    """The service data of an advert as a scanner gives it."""
    return bytes(build(KEY, MAC, counter, 1, 90, meaning, number, 50))[7:]


def status(counter: int, *numbers: int, open_count: int | None = None) -> Status:
    presses = [Press(n, MEANING_SOS, 60, 0) for n in numbers]
    return Status(1, counter, 90, 0, 5, presses, len(presses) if open_count is None else open_count)


def test_a_fresh_advert_is_believed_and_its_repeats_fold() -> None:
    judge = AdvertJudge(KEY, MAC, -1)
    verdict = judge.judge(data(5), 1_000, NOBODY)
    assert isinstance(verdict, Fresh)
    assert (verdict.reading.number, verdict.reading.meaning, judge.floor) == (7, MEANING_SOS, 5)
    assert judge.judge(data(5), 1_020, NOBODY) is None


def test_an_old_counter_is_a_challenge_once_at_a_time() -> None:
    judge = AdvertJudge(KEY, MAC, 1_000)
    assert isinstance(judge.judge(data(5), 1_000, NOBODY), Challenge)
    assert judge.judge(data(6), 1_020, NOBODY) is None
    assert judge.floor == 1_000


def test_the_pendant_stands_by_a_late_alarm() -> None:
    judge = AdvertJudge(KEY, MAC, 1_000)
    judge.judge(data(5), 1_000, NOBODY)
    assert judge.decide(status(5, 7), 2_000) is True
    assert judge.behind(status(5, 7))
    assert judge.judge(data(5), 2_020, NOBODY) is None  # settled


def test_the_pendant_does_not_stand_by_a_replay_and_the_next_challenges_are_spaced() -> None:
    judge, now = AdvertJudge(KEY, MAC, 1_000), 10_000
    for n in range(5):
        assert isinstance(judge.judge(data(5 + n), now, NOBODY), Challenge)
        assert judge.decide(status(1_001), now) is False
        spacing = SPACING_MS[min(n + 1, 3)]
        assert judge.judge(data(50 + n), now + spacing - 1, NOBODY) is None
        now += spacing
    assert isinstance(judge.judge(data(1_001), now, NOBODY), Fresh)  # what is fresh never waits


def test_what_does_not_fit_into_a_status_is_not_decided() -> None:
    judge = AdvertJudge(KEY, MAC, 1_000)
    judge.judge(data(5), 1_000, NOBODY)
    assert judge.decide(status(5, 1, 2, open_count=9), 2_000) is None
    assert judge.challenge is not None


def test_a_heartbeat_with_an_old_counter_is_believed_if_the_counters_went_back() -> None:
    judge = AdvertJudge(KEY, MAC, 1_000)
    judge.judge(data(5, MEANING_NONE), 1_000, NOBODY)
    assert judge.decide(status(5), 2_000) is True
    judge = AdvertJudge(KEY, MAC, 1_000)
    judge.judge(data(5, MEANING_NONE), 1_000, NOBODY)
    assert judge.decide(status(1_001), 2_000) is False


def test_two_adapters_may_hand_adverts_on_in_another_order() -> None:
    judge = AdvertJudge(KEY, MAC, -1)
    judge.judge(data(11), 1_000, NOBODY)
    assert judge.judge(data(10), 1_003, frozenset({7})) is None
    assert isinstance(
        judge.judge(data(9, number=8), 1_004, frozenset({7})), Challenge
    )  # it says something new
    judge = AdvertJudge(KEY, MAC, -1)
    judge.judge(data(11), 1_000, NOBODY)
    assert isinstance(judge.judge(data(10), 9_000, frozenset({7})), Challenge)  # too late for that


def test_plaintext_is_refused() -> None:
    assert AdvertJudge(KEY, MAC, -1).judge(b"\x40\x00\x01\x3a\x04", 0, NOBODY) == Refused("plaintext")


@given(st.integers(0, 23 * 8 - 1))
def test_one_flipped_bit_is_never_believed(bit: int) -> None:
    genuine = bytearray(data(5))
    genuine[bit // 8] ^= 1 << bit % 8
    judge = AdvertJudge(KEY, MAC, -1)
    assert isinstance(judge.judge(bytes(genuine), 1_000, NOBODY), Refused)
    assert judge.floor == -1


@given(st.binary(max_size=64), st.integers(-1, 2**32 - 1))
def test_any_bytes_are_refused_and_change_nothing(junk: bytes, floor: int) -> None:
    judge = AdvertJudge(KEY, MAC, floor)
    assert isinstance(judge.judge(junk, 1_000, NOBODY), Refused)
    assert (judge.floor, judge.challenge) == (floor, None)
