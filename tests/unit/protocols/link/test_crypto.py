"""Our CCM, HMAC and HKDF against published vectors and against `cryptography`."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from protocols.link.crypto import Ccm, ccm_open, ccm_seal, hkdf, hmac_sha256, same
from protocols.link.errors import REASON_KEY, REASON_LENGTH, REASON_TAG, LinkError

keys = st.binary(min_size=16, max_size=16)
nonces = st.binary(min_size=13, max_size=13)
tag_lengths = st.sampled_from([4, 16])


def test_the_vector_of_bthome() -> None:
    """bthome.io/encryption: temperature 25.06, humidity 50.55; counter 33221100."""
    key = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
    nonce = bytes.fromhex("5448E68F80A5" + "D2FC" + "41" + "33221100")
    assert ccm_seal(key, nonce, bytes.fromhex("02CA0903BF13"), b"", 4).hex() == "e445f3c9962b" + "6c7c4519"


@given(keys, nonces, st.binary(max_size=130), st.binary(max_size=40), tag_lengths)
def test_ccm_is_that_of_cryptography(
    key: bytes, nonce: bytes, text: bytes, aad: bytes, tag_length: int
) -> None:
    sealed = ccm_seal(key, nonce, text, aad, tag_length)
    assert sealed == AESCCM(key, tag_length).encrypt(nonce, text, aad)
    assert ccm_open(key, nonce, sealed, aad, tag_length) == text


@given(keys, nonces, st.binary(max_size=40), st.binary(max_size=8), tag_lengths, st.data())
def test_one_bit_anywhere_is_noticed(
    key: bytes, nonce: bytes, text: bytes, aad: bytes, tag_length: int, draw: st.DataObject
) -> None:
    sealed = ccm_seal(key, nonce, text, aad, tag_length)
    parts = [bytearray(part) for part in (key, nonce, sealed, aad)]
    part = draw.draw(st.sampled_from([p for p in parts if p]))
    part[draw.draw(st.integers(0, len(part) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(LinkError) as refused:
        ccm_open(bytes(parts[0]), bytes(parts[1]), bytes(parts[2]), bytes(parts[3]), tag_length)
    assert refused.value.reason == REASON_TAG


def test_nothing_of_a_forged_text_is_left_behind() -> None:
    buf = bytearray(ccm_seal(bytes(16), bytes(13), b"private", b"", 16))
    buf[-1] ^= 1
    with pytest.raises(LinkError):
        Ccm(bytes(16), 16).open(bytes(13), b"", buf, 0, 7)
    assert buf[:7] == bytes(7)


@pytest.mark.parametrize(("key", "tag_length"), [(b"", 16), (bytes(15), 16), (bytes(32), 16), (bytes(16), 8)])
def test_other_keys_and_tags_are_refused(key: bytes, tag_length: int) -> None:
    with pytest.raises(LinkError) as refused:
        Ccm(key, tag_length)
    assert refused.value.reason == REASON_KEY


@pytest.mark.parametrize(
    ("nonce", "start", "end"), [(12, 0, 4), (14, 0, 4), (13, -1, 4), (13, 5, 4), (13, 0, 5)]
)
def test_a_call_beyond_the_buffer_is_refused(nonce: int, start: int, end: int) -> None:
    for call in (Ccm(bytes(16), 16).seal, Ccm(bytes(16), 16).open):
        with pytest.raises(LinkError) as refused:
            call(bytes(nonce), b"", bytearray(20), start, end)
        assert refused.value.reason == REASON_LENGTH


def test_too_short_a_text_is_refused() -> None:
    with pytest.raises(LinkError) as refused:
        ccm_open(bytes(16), bytes(13), bytes(15))
    assert refused.value.reason == REASON_LENGTH


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_hmac_is_that_of_the_standard_library(key: bytes, message: bytes) -> None:
    assert hmac_sha256(key, message) == hmac.new(key, message, hashlib.sha256).digest()


def test_the_first_vector_of_rfc_5869() -> None:
    okm = hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


@given(
    st.binary(min_size=1, max_size=40), st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 100)
)
def test_hkdf_is_that_of_cryptography(secret: bytes, salt: bytes, info: bytes, length: int) -> None:
    assert hkdf(secret, salt, info, length) == HKDF(SHA256(), length, salt, info).derive(secret)


@pytest.mark.parametrize("length", [0, -1, 255 * 32 + 1])
def test_hkdf_refuses_lengths_it_cannot_give(length: int) -> None:
    with pytest.raises(LinkError) as refused:
        hkdf(b"secret", b"", b"", length)
    assert refused.value.reason == REASON_KEY


@given(st.binary(max_size=6), st.binary(max_size=6))
def test_same_is_equality(one: bytes, other: bytes) -> None:
    assert same(one, other) == (one == other)
    assert same(one, bytes(one))
