"""SMS PDUs that others have published: taken from networks by phones, or made by encoders that are not ours.

Sources, in the order of the tables: the tests of python-gsmmodem, python-messaging and oFono; TS 23.040 and
TS 23.038 where a comment names them.
"""

import datetime

import gammu
import pytest

from protocols import gsm7
from protocols.sms_pdu import (
    Deliver,
    Held,
    Part,
    Report,
    assemble,
    decode,
    minutes_of,
    split,
    submits,
    validity_of,
)

DAYS_3, DAYS_4 = validity_of(3 * 1440), validity_of(4 * 1440)

CAME = [
    ("06917228195339040B917228214365F700003130805120618005D4F29C2E03", "+27821234567", "Test2"),
    (
        "07915892000000F0040B915892214365F700007040213252242331493A283D0795C3F33C88FE06C9CB6132885EC6D341EDF"
        "27C1E3E97E7207B3A0C0A5241E377BB1D7693E72E",
        "+85291234567",
        "It is easy to read text messages via AT commands.",
    ),
    ("06917228195339040B917228214365F70000313062315352800A800D8A5E98D337A910", "+27821234567", "@{tést}!"),
    (
        "0591721891F1400781721881F800003160526104848059050003C30101916536FB1DCABEEB2074D85E064941B19CAB060319"
        "A5C522289C96D3D3ED32286C0FA7D96131BBEC024941B19CAB0603DDD36C36A88C87A7E565D0DB0D82C55EB0DB4B068BCD5C"
        "20",
        "2781188",
        "Hello!You have R 19.50 FREE airtime available. R 19.50 will expire on 01/07/2013. ",
    ),
    (
        "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07",
        "+31641600986",
        "How are you?",
    ),
    (
        "07914306073011F0040B914316709807F2000880604290224080084E2D5174901A8BAF",
        "+34610789702",
        "中兴通讯",
    ),
    (
        "0791447758100650040C914497716247010000909010711423400A2050EC468B81C4733A",
        "+447917267410",
        "  1741 bst",
    ),
    (
        "07919333852804000412D0F7FBDD454FB75D693A0000903002801153402BCD301E9F0605D9E971191483C140412A35690D52"
        "832063D2F9040599A058EE05A3BD6430580E",
        "www.tim.it",
        "Maxxi Alice 100 ATTIVATA FINO AL 19/04/2009",
    ),
    ("0791447758100650040DD0F334FC1CA6970100008080312170224008D4F29CDE0EA7D9", "sipgate", "Testmail"),
    # An indication of waiting messages has no text: TS 23.038 4, group 1100.
    ("07913366002020F8040B913366600600F100C83180706174148000", "+33660660001", ""),
]


@pytest.mark.parametrize(("pdu", "number", "text"), CAME)
def test_what_phones_have_received_is_read(pdu, number, text):
    message = decode(pdu)
    assert isinstance(message, Deliver)
    assert (message.number, message.text) == (number, text)


def test_an_odd_address_of_letters_is_read():
    fonic = decode(
        "07919471060040340409D0C6A733390400009060920173018093CC74595C96838C4F6772085AD6DDE4320B444E9741D4B03C6"
        "D7EC3E9E9B71B9474D3CB727799DEA286CFE5B9991DA6CBC3F432E85E9793CBA0F09A9EB6A7CB72BA0B9474D3CB727799DE72"
        "D6E9FABAFB0CBAA7E56490BA4CD7D34170F91BE4ACD3F575F7794E0F9F4161F1B92C2F8FD1EE32DD054AA2E520E3D3991C82A"
        "8E5701B"
    )
    assert fonic.number == "FONIC"
    assert fonic.text.endswith("Ihr FONIC Team")


def test_two_parts_from_a_network_are_one_text():
    parts = [
        "07919471227210244405852122F039F101506271217180A005000319020198E9B2B82C0759DFE4B0F9ED2EB7967537B9CC02B5"
        "D37450122D2FCB41EE303DFD7687D96537881A96A7CD6F383DFD7683F46134BBEC064DD36550DA0D22A7CBF3721BE42CD3F5A0"
        "198B56036DCA20B8FC0D6A0A4170767D0EAAE540433A082E7F83A6E5F93CFD76BB40D7B2DB0D9AA6CB2072BA3C2F83926EF31B"
        "E44E8FD17450BB8C9683CA",
        "07919471227210244405852122F039F1015062712181804F050003190202E4E8309B5E7683DAFC319A5E76B340F73D9A5D7683"
        "A6E93268FD9ED3CB6EF67B0E5AD172B19B2C2693C9602E90355D6683A6F0B007946E8382F5393BEC26BB00",
    ]
    held = [Held(place, 0, decode(pdu)) for place, pdu in enumerate(reversed(parts))]
    assert [item.message.part for item in held] == [Part(25, 2, 2), Part(25, 2, 1)]
    ((message, _),) = assemble(held, 0)
    assert message.text.startswith("Lieber Vodafone-Kunde, mit Ihrer nationalen Tarifoption")
    assert "3,45 € pro MB" in message.text
    assert "nicht mehr erhalten möchten, wählen Sie kostenlos" in message.text


def test_a_text_whose_length_is_too_great_is_shown_as_far_as_it_goes():
    message = decode("0044" + "0C910661345542F6" + "0008" + "70402132522423" + "A0" + "050003000301306F3044")
    assert (message.text, message.part) == ("はい", Part(0, 3, 1))


@pytest.mark.parametrize(
    ("header", "part"),
    [("050003170301", Part(23, 3, 1)), ("06080401800402", Part(384, 4, 2, wide=True))],
)
def test_both_headers_of_parts_are_read(header, part):
    octets = bytes.fromhex(header) + "好".encode("utf-16-be")
    head = "0044" + "0B917228214365F7" + "0008" + "70402132522423" + f"{len(octets):02X}"
    assert decode(head + octets.hex()).part == part


@pytest.mark.parametrize(
    ("pdu", "reference", "number", "status"),
    [
        ("0006D60B911326880736F4111011719551401110117195714000", 214, "+31628870634", 0x00),
        ("07914306073011F006270B913426565711F7012081111345400120811174054043", 0x27, "+43626575117", 0x43),
    ],
)
def test_a_status_report_is_read(pdu, reference, number, status):
    assert decode(pdu) == Report(reference, number, status)


@pytest.mark.parametrize(
    ("scts", "when"),
    [
        ("70402132522423", (2007, 4, 12, 23, 25, 42, 8)),
        ("7040213252242B", (2007, 4, 12, 23, 25, 42, -8)),
        ("51117200000080", (2015, 11, 27, 0, 0, 0, 2)),
        ("51117200000000", (2015, 11, 27, 0, 0, 0, 0)),
    ],
)
def test_the_centres_time_is_read_east_and_west(scts, when):
    zone = datetime.timezone(datetime.timedelta(hours=when[6]))
    at = datetime.datetime(*when[:6], tzinfo=zone)
    assert decode("0004" + "04811234" + "0000" + scts + "00").sent_s == at.timestamp()


SENT = [
    ("+27820001111", "Hello World!", None, "0001000B917228001011F100000CC8329BFD065DDF72363904"),
    ("+34616585119", "hola", None, "0001000B914316565811F9000004E8373B0C"),
    ("+34616585119", "hola", DAYS_4, "0011000B914316565811F90000AA04E8373B0C"),
    ("+34654123456", "Hölä", DAYS_4, "0011000B914356143254F60000AA04483E7B0F"),
    ("+34654123456", "BÄRÇA äñ@", None, "0001000B914356143254F6000009C2AD341104EDFB00"),
    ("655345678", "Русский", DAYS_4, "001100098156355476F80008AA0E0420044304410441043A04380439"),
    ("+34616585119", "あ叶葉", None, "0001000B914316565811F9000806304253F68449"),
    ("+46708251358", "hellohello", DAYS_4, "0011000B916407281553F80000AA0AE8329BFD4697D9EC37"),
    (
        "+123456789",
        "世界您好！",
        validity_of(52 * 10_080),
        "001100099121436587F90008F40A4E16754C60A8597DFF01",
    ),
]


@pytest.mark.parametrize(("number", "text", "validity", "pdu"), SENT)
def test_what_we_write_is_what_others_write(number, text, validity, pdu):
    (ours,) = submits(number, text, validity=validity)
    assert ours.hex == pdu
    assert ours.length == len(pdu) // 2 - 1


def test_a_report_is_asked_for_as_others_do():
    (ours,) = submits("+34654123456", "hey yo", validity=None, report=True)
    assert ours.hex == "0021000B914356143254F6000006E8721E947F03"


def test_a_long_text_is_cut_as_others_cut_it():
    text = (
        "Or walk with Kings - nor lose the common touch, if neither foes nor loving friends can hurt you, If"
        " all men count with you, but none too much; If you can fill the unforgiving minute With sixty"
        " seconds' worth of distance run, Yours is the Earth and everything thats in it, And - which is more"
        " - you will be a Man, my son"
    )
    pdus = [pdu.hex for pdu in submits("655345678", text, reference=136, validity=DAYS_4)]
    assert [pdu[:44] for pdu in pdus] == [
        "005100098156355476F80000AAA00500038803019E72",
        "005100098156355476F80000AAA005000388030240E6",
        "005100098156355476F80000AA14050003880303C2A0",
    ]
    assert pdus[2] == "005100098156355476F80000AA14050003880303C2A066D8CD02B5F3A0F9DB0D"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 79 + "x", 1),
        ("€" * 153, 3),
        ("€" * 229 + "x", 4),
        ("ő" * 70, 1),
        ("ő" * 70 + "x", 2),
        ("ő" * 134, 2),
        ("ő" * 134 + "x", 3),
    ],
)
def test_as_many_parts_as_others_count(text, count):
    assert len(submits("+3530000000", text)) == count


@pytest.mark.parametrize(
    ("minutes", "octet"),
    [
        (5, 0),
        (6, 0),
        (10, 1),
        (30, 5),
        (60, 0x0B),
        (720, 143),
        (780, 145),
        (960, 151),
        (1440, 167),
        (2880, 168),
        (3 * 1440, 169),
        (30 * 1440, 196),
        (5 * 10_080, 197),
    ],
)
def test_a_validity_is_the_octet_that_others_write(minutes, octet):
    assert validity_of(minutes) == octet


def test_every_validity_is_its_own():
    for octet in range(256):
        assert validity_of(minutes_of(octet)) == octet
    assert (validity_of(0), validity_of(10**9)) == (0, 255)


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("12345678", "31D98C56B3DD70"),
        ("Hello World!", "C8329BFD065DDF72363904"),
        ("[{abc}]~", "1BDE0615168F37A98D6FD303"),
        ("{åΦΓΛΩΠΨΣΘ€}", "1BD44332A1542C17 4C6653DEA400"),
        ("a[]{}€", "E10D6FE3DBA036A94D19"),
    ],
)
def test_septets_are_packed_as_others_pack_them(text, packed):
    octets = bytes.fromhex(packed)
    septets = gsm7.encode(text)
    assert gsm7.pack(septets) == octets
    assert gsm7.decode(gsm7.unpack(octets, len(septets))) == text


def test_the_whole_alphabet_is_that_of_the_standard():
    """TS 23.038 6.2.1, both tables, in Unicode."""
    table = (
        "@£$¥èéùìòÇ\nØø\rÅå" "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ" " !\"#¤%&'()*+,-./" "0123456789:;<=>?"
        "¡ABCDEFGHIJKLMNO" "PQRSTUVWXYZÄÖÑÜ§" "¿abcdefghijklmno" "pqrstuvwxyzäöñüà"
    )  # fmt: skip
    assert gsm7.decode([code for code in range(128) if code != 0x1B]) == table.replace("\x1b", "")
    extension = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]"}
    extension |= {0x40: "|", 0x65: "€"}
    for code in set(range(128)) - {0x1B}:
        assert gsm7.decode([0x1B, code]) == extension.get(code, gsm7.BASIC[code])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("filler", ["a" * 151, "a" * 152, "安" * 65, "安" * 66])
@pytest.mark.parametrize("border", ["€", "😀", "[€]", "👵🏽"])
def test_a_border_of_two_parts_is_where_another_reads_it(wide, filler, border):
    text = filler + border + "b" * 120
    pdus = submits("+8613800138000", text, reference=0x1234, wide=wide)
    pieces = split(text, wide=wide)
    assert "".join(pieces) == text
    for place, (pdu, piece) in enumerate(zip(pdus, pieces, strict=True), 1):
        other = gammu.DecodePDU(bytes.fromhex(pdu.hex), True)
        assert other["Text"].startswith(piece)
        header = other["UDH"]
        assert (header["PartNumber"], header["AllParts"]) == (place, len(pieces))
        assert header["ID16bit" if wide else "ID8bit"] == (0x1234 if wide else 0x34)
        assert pdu.length <= 15 + 140  # all before the user data, and that
