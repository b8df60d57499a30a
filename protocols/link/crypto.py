"""AES-CCM, HMAC and HKDF from what both interpreters have: AES of one block, and SHA-256.

CCM: RFC 3610 with L = 2 (nonce of 13 bytes). HMAC: RFC 2104. HKDF: RFC 5869. AES itself is `cryptolib` on
MicroPython and `cryptography` on CPython: nothing of it is written here.
"""

import hashlib

from protocols.link.errors import REASON_KEY, REASON_LENGTH, REASON_TAG, LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from cryptolib import aes as _cryptolib_aes  # type: ignore[import-not-found,unused-ignore]

    def _block_cipher(key: bytes) -> "Callable[[bytearray, bytearray], object]":
        encrypt: Callable[[bytearray, bytearray], object] = _cryptolib_aes(bytes(key), 1).encrypt  # 1 is ECB
        return encrypt

except ImportError:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    def _block_cipher(key: bytes) -> "Callable[[bytearray, bytearray], object]":
        update = Cipher(AES(bytes(key)), ECB()).encryptor().update  # ECB of one block is the bare cipher

        def encrypt(source: bytearray, target: bytearray) -> None:
            target[:] = update(source)

        return encrypt


NONCE_LENGTH = 13
KEY_LENGTH = 16
_BLOCK = 16
_HASH = 32
_HASH_BLOCK = 64


class Ccm:
    """AES-CCM under one key. Works in place on the caller's bytearray, and allocates next to nothing."""

    def __init__(self, key: bytes, tag_length: int) -> None:
        """`key` of 16 bytes, `tag_length` 4 (BTHome) or 16 (frames). Raises LinkError(REASON_KEY)."""
        if len(key) != KEY_LENGTH or tag_length not in (4, 16):
            raise LinkError(REASON_KEY)
        self._encrypt = _block_cipher(key)
        self._tag_length = tag_length
        self._mac = bytearray(_BLOCK)
        self._counter = bytearray(_BLOCK)
        self._stream = bytearray(_BLOCK)

    def seal(self, nonce: "bytes | bytearray", aad: bytes, buf: bytearray, start: int, end: int) -> None:
        """Encrypt buf[start:end] in place and write the tag behind it, at buf[end:]."""
        self._check(nonce, buf, start, end)
        self._authenticate(nonce, aad, buf, start, end)
        self._crypt(nonce, buf, start, end)
        for i in range(self._tag_length):
            buf[end + i] = self._mac[i]

    def open(self, nonce: "bytes | bytearray", aad: bytes, buf: bytearray, start: int, end: int) -> None:
        """Decrypt buf[start:end] in place if the tag behind it fits, else zero it: LinkError(REASON_TAG)."""
        self._check(nonce, buf, start, end)
        self._crypt(nonce, buf, start, end)
        self._authenticate(nonce, aad, buf, start, end)
        differing = 0
        for i in range(self._tag_length):
            differing |= buf[end + i] ^ self._mac[i]
        if differing:
            for i in range(start, end):
                buf[i] = 0
            raise LinkError(REASON_TAG)

    def _check(self, nonce: "bytes | bytearray", buf: bytearray, start: int, end: int) -> None:
        if len(nonce) != NONCE_LENGTH or not 0 <= start <= end <= len(buf) - self._tag_length or end > 0xFFFF:
            raise LinkError(REASON_LENGTH)

    def _crypt(self, nonce: "bytes | bytearray", buf: bytearray, start: int, end: int) -> None:
        """Counter mode; afterwards the counter block stands at 0 again, its key stream in `_stream`."""
        counter, stream = self._counter, self._stream
        counter[0] = 1  # L - 1
        counter[1:14] = nonce
        for at in range(start, end, _BLOCK):
            number = (at - start) // _BLOCK + 1
            counter[14] = number >> 8
            counter[15] = number & 0xFF
            self._encrypt(counter, stream)
            for i in range(min(_BLOCK, end - at)):
                buf[at + i] ^= stream[i]

    def _authenticate(
        self, nonce: "bytes | bytearray", aad: bytes, buf: bytearray, start: int, end: int
    ) -> None:
        """Leave the encrypted tag of aad and buf[start:end] (plaintext) in `_mac`."""
        mac = self._mac
        mac[0] = (64 if aad else 0) | ((self._tag_length - 2) // 2) << 3 | 1
        mac[1:14] = nonce
        mac[14] = (end - start) >> 8
        mac[15] = (end - start) & 0xFF
        self._encrypt(mac, mac)
        if aad:
            self._absorb(bytes((len(aad) >> 8, len(aad) & 0xFF)) + aad, 0, len(aad) + 2)
        self._absorb(buf, start, end)
        counter, stream = self._counter, self._stream
        counter[0] = 1
        counter[1:14] = nonce
        counter[14] = 0
        counter[15] = 0
        self._encrypt(counter, stream)
        for i in range(_BLOCK):
            mac[i] ^= stream[i]

    def _absorb(self, source: "bytes | bytearray", start: int, end: int) -> None:
        """CBC-MAC over source[start:end], zero padded."""
        mac = self._mac
        for at in range(start, end, _BLOCK):
            for i in range(min(_BLOCK, end - at)):
                mac[i] ^= source[at + i]
            self._encrypt(mac, mac)


def ccm_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes = b"", tag_length: int = 16) -> bytes:
    """Ciphertext and tag. Raises LinkError for a key or nonce of a wrong length."""
    buf = bytearray(len(plaintext) + tag_length)
    buf[: len(plaintext)] = plaintext
    Ccm(key, tag_length).seal(nonce, aad, buf, 0, len(plaintext))
    return bytes(buf)


def ccm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes = b"", tag_length: int = 16) -> bytes:
    """The plaintext of what ccm_seal gave. Raises LinkError(REASON_TAG) when it is not authentic."""
    if len(sealed) < tag_length:
        raise LinkError(REASON_LENGTH)
    buf = bytearray(sealed)
    end = len(buf) - tag_length
    Ccm(key, tag_length).open(nonce, aad, buf, 0, end)
    return bytes(buf[:end])


def same(one: bytes, other: bytes) -> bool:
    """Whether two byte strings are equal, in a time that does not tell where they differ."""
    if len(one) != len(other):
        return False
    differing = 0
    for i in range(len(one)):
        differing |= one[i] ^ other[i]
    return differing == 0


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    if len(key) > _HASH_BLOCK:
        key = hashlib.sha256(key).digest()
    pad = bytearray(b"\x36" * _HASH_BLOCK)
    for i in range(len(key)):
        pad[i] ^= key[i]
    inner = hashlib.sha256(pad)
    inner.update(message)
    for i in range(_HASH_BLOCK):
        pad[i] ^= 0x36 ^ 0x5C
    outer = hashlib.sha256(pad)
    outer.update(inner.digest())
    return outer.digest()


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256, extract and expand; `length` up to 8160 bytes."""
    if not 0 < length <= 255 * _HASH:
        raise LinkError(REASON_KEY)
    key = hmac_sha256(salt, secret)
    block = b""
    out = b""
    number = 0
    while len(out) < length:
        number += 1
        block = hmac_sha256(key, block + info + bytes((number,)))
        out += block
    return out[:length]
