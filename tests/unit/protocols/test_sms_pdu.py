"""SMS PDUs: ours against another's in both directions, parts both ways, and whatever the air may bring."""

import contextlib

import gammu
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import gsm7
from protocols.errors import AnbanError
from protocols.sms_pdu import (
    EXPIRES_MS,
    Deliver,
    Held,
    Part,
    Report,
    assemble,
    decode,
    is_one_part,
    split,
    submits,
)
from sim.modem.network import deliver_of, read_submit

PLAIN = "".join(c for c in gsm7.BASIC if c != "\x1b") + "".join(gsm7.EXTENSION.values())
# What another encoder has no own way for (form feed) is compared with ourselves alone.
TEXTS = st.one_of(
    st.text(PLAIN.replace("\f", "").replace("\r", ""), max_size=400),
    st.text(st.sampled_from("张奶奶三号楼二单元请立即回电😀👵🏽€a1 "), max_size=200),
)
NUMBERS = st.from_regex(r"\A\+?[0-9]{3,15}\Z")


def delivered(number, text, reference=7, wide=False):
    """The PDUs of a text as the other side's modem gives them."""
    out = []
    for pdu in submits(number, text, reference=reference, wide=wide):
        raw = bytes.fromhex(pdu.hex)
        assert len(raw) - 1 == pdu.length
        _, coding, data = read_submit(raw[1:])
        out.append(
            "00" + deliver_of("+8613800138101", bool(raw[1] & 0x40), coding, data, 1_790_000_000).hex()
        )
    return out


def joined(pdus, now_ms=0):
    held = [Held(place, 0, decode(pdu)) for place, pdu in enumerate(pdus)]
    return [message.text for message, _ in assemble(held, now_ms)]


@settings(max_examples=60, deadline=None)
@given(TEXTS, NUMBERS, st.booleans())
def test_another_reads_what_we_write(text, number, wide):
    wanted = [text] if is_one_part(text) else split(text, wide=wide)
    pdus = submits(number, text, reference=7, wide=wide)
    assert len(pdus) == len(wanted)
    for place, (pdu, piece) in enumerate(zip(pdus, wanted, strict=True), 1):
        other = gammu.DecodePDU(bytes.fromhex(pdu.hex), True)
        assert other["Number"] == number
        # It counts septets where it should count characters, and reads on behind its end.
        assert other["Text"][: len(piece)] == piece
        assert len(other["Text"]) - len(piece) <= sum(piece.count(c) for c in gsm7.EXTENSION.values())
        if len(pdus) > 1:
            reference = other["UDH"]["ID16bit" if wide else "ID8bit"]
            assert (reference, other["UDH"]["PartNumber"]) == (7, place)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from(["ConcatenatedTextLong", "ConcatenatedTextLong16bit"]))
def test_we_read_what_another_writes(text, parts):
    unicode = not gsm7.fits(text)
    info = {"Class": -1, "Unicode": unicode, "Entries": [{"ID": parts, "Buffer": text}]}
    pdus = []
    for part in gammu.EncodeSMS(info):
        part |= {"Number": "+8613800138101", "SMSC": {"Number": "+8613800100500"}, "Type": "Submit"}
        raw = bytes(gammu.EncodePDU(part, "Submit"))
        raw = raw[1 + raw[0] :]  # the centre before it
        _, coding, data = read_submit(raw)
        pdus.append("00" + deliver_of("+8613800138101", bool(raw[0] & 0x40), coding, data).hex())
    assert joined(pdus) == [text]


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.randoms(), st.booleans())
def test_parts_come_together_in_any_order_and_twice(text, dice, wide):
    pdus = delivered("+8613800138000", text, wide=wide)
    mixed = [*pdus, *pdus[: len(pdus) * (len(pdus) > 1)]]
    dice.shuffle(mixed)
    assert joined(mixed) == [text]


def test_a_euro_at_the_end_of_a_part_is_not_cut():
    text = "a" * 152 + "€" + "b" * 100
    first, second = (decode(pdu) for pdu in delivered("+1234", text))
    assert (first.text, second.text) == ("a" * 152, "€" + "b" * 100)
    assert first.part == Part(7, 2, 1)


def test_an_emoji_at_the_end_of_a_part_is_not_cut():
    text = "安" * 66 + "😀" + "好" * 10
    first, second = (decode(pdu) for pdu in delivered("+1234", text))
    assert (first.text, second.text) == ("安" * 66, "😀" + "好" * 10)


def test_wide_references_join_too_and_are_not_mixed_with_narrow_ones():
    narrow = Deliver("+1", "a", part=Part(1, 2, 1)), Deliver("+1", "b", part=Part(1, 2, 2))
    wide = (
        Deliver("+1", "c", part=Part(1, 2, 1, wide=True)),
        Deliver("+1", "d", part=Part(1, 2, 2, wide=True)),
    )
    held = [Held(n, 0, m) for n, m in enumerate([narrow[0], wide[1], wide[0], narrow[1]])]
    assert sorted((m.text, places) for m, places in assemble(held, 0)) == [("ab", (0, 3)), ("cd", (1, 2))]


def test_parts_of_two_senders_and_of_two_lengths_are_not_mixed():
    parts = [
        Deliver("+1", "a", part=Part(1, 2, 1)),
        Deliver("+2", "B", part=Part(1, 2, 2)),
        Deliver("+2", "A", part=Part(1, 2, 1)),
        Deliver("+1", "b", part=Part(1, 2, 2)),
        Deliver("+1", "x", part=Part(1, 3, 1)),
    ]
    held = [Held(n, 0, message) for n, message in enumerate(parts)]
    assert [m.text for m, _ in assemble(held, 0)] == ["ab", "AB"]


def test_what_misses_a_part_waits_for_an_hour_and_is_shown_as_it_is():
    held = [Held(1, 1000, Deliver("+1", "我摔", part=Part(9, 3, 1)))]
    assert assemble(held, 1000 + EXPIRES_MS - 1) == []
    assert [m.text for m, _ in assemble(held, 1000 + EXPIRES_MS)] == ["我摔…"]


def test_the_lengths_at_which_a_message_becomes_two():
    assert is_one_part("a" * 160)
    assert not is_one_part("a" * 161)
    assert is_one_part("€" * 80)
    assert not is_one_part("€" * 80 + "a")
    assert is_one_part("安" * 70)
    assert not is_one_part("安" * 71)
    assert not is_one_part("😀" * 36)


def test_a_report_says_whether_it_came():
    pdu = "00" + "06" + "2A" + "0D91683108108300F0" + "62112270000000" + "62112270100000"
    assert decode(pdu + "00") == Report(0x2A, "+8613800138000", 0)
    assert decode(pdu + "00").delivered
    assert decode(pdu + "41").failed
    assert not decode(pdu + "20").delivered


def test_the_time_of_the_centre_is_read_with_its_zone():
    utc = deliver_of("+1234", False, 0, bytes((0,)), 1_790_000_000)
    assert decode("00" + utc.hex()).sent_s == 1_790_000_000
    china = utc[:-2] + bytes((0x23,)) + utc[-1:]  # 32 quarters of an hour east
    assert decode("00" + china.hex()).sent_s == 1_790_000_000 - 8 * 3600


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=180).map(bytes.hex), st.text(max_size=40)))
def test_hostile_pdus_are_read_or_refused(pdu):
    with contextlib.suppress(AnbanError):
        message = decode(pdu)
        if isinstance(message, Deliver):
            assemble([Held(1, 0, message)], EXPIRES_MS)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.data())
def test_a_bent_pdu_is_read_or_refused(text, data):
    raw = bytearray(bytes.fromhex(delivered("+8613800138000", text)[0]))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    test_hostile_pdus_are_read_or_refused.hypothesis.inner_test(raw.hex())


@pytest.mark.parametrize("number", ["", "110;ATD", "+86\r", "1" * 21, "张"])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(AnbanError):
        submits(number, "x")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 255), st.from_regex(r"\A\+?[1-9][0-9]{3,14}\Z"), st.integers(0, 0x7F))
def test_a_report_is_what_another_reads_in_it(reference, number, status):
    digits = number.lstrip("+")
    padded = digits + "F" * (len(digits) % 2)
    address = f"{len(digits):02X}{'91' if '+' in number else '81'}"
    address += "".join(padded[place + 1] + padded[place] for place in range(0, len(padded), 2))
    pdu = f"07911326040000F006{reference:02X}{address}" + "11011171955140" * 2 + f"{status:02X}"
    report, other = decode(pdu), gammu.DecodePDU(bytes.fromhex(pdu))
    assert report == Report(reference, number, status)
    assert (other["Type"], other["Number"]) == ("Status_Report", number)
    assert (other["MessageReference"], other["DeliveryStatus"]) == (reference, status)
    if other["Text"] != "Unknown":
        said = "Delivered" if report.delivered else "Failed" if report.failed else "Pending"
        assert other["Text"] == said
