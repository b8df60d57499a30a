"""Every key of a pendant comes from its root, and no two of them are alike."""

from __future__ import annotations

import pytest

from protocols.link import keys
from protocols.link.errors import REASON_KEY, LinkError

ROOT = bytes(range(16))


def test_the_keys_of_a_label_never_change() -> None:
    """Pendants in the field hold these; a changed derivation would silence them."""
    assert keys.advert_key(ROOT).hex() == "60611b92042dbaccef800ca9180365a5"
    assert keys.link_key(ROOT, "hub-01").hex() == "60fc8dec84a6a5b8767eaaa795096a44"
    assert keys.platform_key(ROOT).hex() == "8b8afb635497a984f1712000e1d9632d722c174685ad384530757301a05ca1b6"
    assert keys.update_key(ROOT).hex() == "50f345fec04f152d45fff5825dcf8b2b871227b7886395a505cc7a501e92d155"


def test_no_two_keys_are_alike() -> None:
    derived = [
        keys.advert_key(ROOT),
        keys.advert_key(bytes(16)),
        keys.advert_key(ROOT + ROOT),
        keys.link_key(ROOT, "hub-01"),
        keys.link_key(ROOT, "hub-02"),
        keys.link_key(bytes(16), "hub-01"),
        keys.platform_key(ROOT)[:16],
        keys.update_key(ROOT)[:16],
    ]
    assert len(set(derived)) == len(derived)
    assert [len(k) for k in derived] == [16] * len(derived)


@pytest.mark.parametrize("root", [b"", bytes(15), bytes(17), bytes(33)])
def test_a_root_of_another_length_is_refused(root: bytes) -> None:
    with pytest.raises(LinkError) as refused:
        keys.advert_key(root)
    assert refused.value.reason == REASON_KEY


@pytest.mark.parametrize("hub_id", ["", "x" * 17, "Hub-01", "hub_01", "hub 01", "枢纽", "hub-01\n", "\ud800"])
def test_an_id_of_another_form_is_refused(hub_id: str) -> None:
    with pytest.raises(LinkError) as refused:
        keys.link_key(ROOT, hub_id)
    assert refused.value.reason == REASON_KEY
