"""Every key of a pendant, from the one root on its label.

HKDF-SHA256 with the salt of this version and a label for each use: no key tells anything about another. The
advert key is shared by the hubs of a home and may go to Home Assistant; a link key belongs to one hub
alone.
"""

from protocols.link.crypto import KEY_LENGTH, hkdf
from protocols.link.errors import REASON_KEY, LinkError

_SALT = b"anban link v1"
ROOT_LENGTHS = (16, 32)
MAX_ID = 16  # characters of a hub's or pendant's id


def advert_key(root: bytes) -> bytes:
    """16 bytes: encrypts the adverts (BTHome's bind key)."""
    return _derive(root, b"advert", KEY_LENGTH)


def link_key(root: bytes, hub_id: str) -> bytes:
    """16 bytes: proves the pendant and this one hub to each other over GATT."""
    return _derive(root, b"link\x00" + id_bytes(hub_id), KEY_LENGTH)


def platform_key(root: bytes) -> bytes:
    """32 bytes: for the pendant's own way to the platform, which is reserved."""
    return _derive(root, b"platform", 32)


def update_key(root: bytes) -> bytes:
    """32 bytes: authenticates firmware updates handed over by a hub."""
    return _derive(root, b"update", 32)


def id_bytes(text: str) -> bytes:
    """The bytes of an id of 1-16 characters `[a-z0-9-]`. Raises LinkError(REASON_KEY) for anything else."""
    if not 1 <= len(text) <= MAX_ID:
        raise LinkError(REASON_KEY)
    try:
        ascii_ = text.encode()  # as bytes: MicroPython keeps every letter that is looked at alone for ever
    except ValueError:
        raise LinkError(REASON_KEY) from None
    for byte in ascii_:
        if not (97 <= byte <= 122 or 48 <= byte <= 57 or byte == 45):
            raise LinkError(REASON_KEY)
    return ascii_


def _derive(root: bytes, info: bytes, length: int) -> bytes:
    if len(root) not in ROOT_LENGTHS:
        raise LinkError(REASON_KEY)
    return hkdf(root, _SALT, info, length)
