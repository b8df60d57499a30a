"""The driver on a modem at the wire: up whatever the family, texts both ways, back after what befalls it."""

import asyncio

import pytest

from drivers.modem.families import family_of
from drivers.modem.ladder import Rung
from drivers.modem.modem import PinKeeper
from protocols.errors import AnbanError, Reason
from sim.modem.modem import IDENTITIES
from tests.unit.drivers_modem.conftest import LIMIT_S, until

HOME, CENTRE = "+8613800138101", "+8613800138000"


@pytest.mark.parametrize("family", ["simcom7600", "a7670", "ec25", "generic"])
async def test_every_family_comes_up_and_texts(bench, family):  # rule 9: what it lacks degrades
    bench.modem("home", HOME, family)
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    assert home.family.name == family_of(IDENTITIES[family]).name == family
    await home.send(CENTRE, "张奶奶 3-2-501 😀")
    message = await asyncio.wait_for(centre.came.get(), LIMIT_S)
    assert (message.number, message.text) == (HOME, "张奶奶 3-2-501 😀")
    await until(lambda: not bench.modems["centre"].memory)


async def test_a_long_text_is_joined_whatever_its_parts_do(bench):  # rule 10
    bench.modem("home", HOME)
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    bench.network.air.doubled = 1.0
    await home.send(CENTRE, "好" * 150)
    assert (await asyncio.wait_for(centre.came.get(), LIMIT_S)).text == "好" * 150


async def test_a_message_is_deleted_only_when_it_is_kept(bench):  # rule 5
    bench.modem("home", HOME)
    bench.modem("centre", CENTRE)
    answers, offered = [False, False, True], []

    async def keep(message):
        offered.append(message.text)
        return answers[min(len(offered), 3) - 1]

    home, centre = bench.driver("home"), bench.driver("centre", keep, check_s=0.05)
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "kept?")
    await until(lambda: len(offered) >= 2)
    assert bench.modems["centre"].memory
    await until(lambda: not bench.modems["centre"].memory)
    assert offered == ["kept?"] * 3


async def test_a_full_memory_is_read_though_it_tells_of_nothing(bench):  # storage hygiene
    modem = bench.modem("centre", CENTRE, room=2)
    bench.modem("home", HOME)
    for number in range(5):
        bench.network.submit(HOME, _submit(CENTRE, f"text {number}"))
    await until(lambda: len(modem.memory) == 2)
    centre = bench.driver("centre", check_s=0.05)
    texts = {(await asyncio.wait_for(centre.came.get(), LIMIT_S)).text for _ in range(5)}
    assert texts == {f"text {number}" for number in range(5)}


async def test_a_send_into_full_storage_mends_it_and_goes_out(bench):
    home_modem = bench.modem("home", HOME, next_errors=["+CMS ERROR: 322"])
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "after all")
    assert (await asyncio.wait_for(centre.came.get(), LIMIT_S)).text == "after all"
    assert len([text for text in home_modem.written if text.startswith("AT+CMGS=")]) == 2


@pytest.mark.parametrize(
    ("final", "reason"),
    [
        ("+CMS ERROR: 500", Reason.OUTCOME_UNKNOWN),
        ("+CMS ERROR: 38", Reason.MODEM_REFUSED),
        ("+CMS ERROR: 331", Reason.NO_SERVICE),
        ("ERROR", Reason.MODEM_REFUSED),
    ],
)
async def test_what_became_of_a_message_is_never_guessed(bench, final, reason):
    bench.modem("home", HOME, next_errors=[final])
    home = bench.driver("home")
    await until(lambda: home.standing.good)
    with pytest.raises(AnbanError) as failed:
        await home.send(CENTRE, "x")
    assert failed.value.reason is reason


async def test_codes_amid_a_send_are_heard_and_the_send_ends_well(bench):
    bench.modem("home", HOME, amid_send=["RING", '+CREG: 1,"00AA","00BB"', "+CSQ: 9,99"])
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "x")
    assert (await asyncio.wait_for(centre.came.get(), LIMIT_S)).text == "x"


async def test_a_modem_that_is_pulled_out_comes_back_by_its_path(bench):  # rule 11
    modem = bench.modem("home", HOME)
    told = []
    home = bench.driver("home", on_standing=lambda standing: told.append(standing.trouble))
    await until(lambda: home.standing.good)
    modem.unplug()
    await until(lambda: home.standing.trouble == "lost")
    with pytest.raises(AnbanError) as failed:
        await home.send(CENTRE, "x")
    assert failed.value.reason is Reason.NO_SERVICE
    modem.plug()
    await until(lambda: home.standing.good)
    assert "lost" in told


async def test_a_pin_is_entered_once_for_ever(bench):
    modem = bench.modem("home", HOME, sim="SIM PIN")
    tried = []
    pin = PinKeeper("1234", may_try=lambda: not tried, tried=lambda: tried.append(1))
    home = bench.driver("home", pin=pin, check_s=0.02)
    await until(lambda: home.standing.trouble == "card" or len(modem.written) > 60)
    modem.unplug()
    modem.plug()
    modem.manners.sim = "SIM PIN"
    count = len(modem.written)
    await until(lambda: len(modem.written) > count + 30)
    assert [text for text in modem.written if text.startswith("AT+CPIN=")] == ['AT+CPIN="1234"']
    assert tried == [1]


async def test_a_puk_is_never_guessed(bench):
    modem = bench.modem("home", HOME, sim="SIM PUK")
    home = bench.driver("home", pin=PinKeeper("1234", may_try=lambda: True), check_s=0.02)
    await until(lambda: home.standing.trouble == "puk")
    assert not [text for text in modem.written if text.startswith("AT+CPIN=")]


@pytest.mark.parametrize(("registration", "trouble"), [(3, "denied"), (2, "no-service"), (11, "no-service")])
async def test_no_service_is_told_as_what_is_known(bench, registration, trouble):
    modem = bench.modem("home", HOME, registration=registration)
    home = bench.driver("home", check_s=0.02)
    await until(lambda: home.standing.trouble == trouble)
    modem.manners.registration = 5
    await until(lambda: home.standing.good)


async def test_a_silent_modem_climbs_the_ladder(bench, monkeypatch):  # rule 12
    monkeypatch.setattr("drivers.modem.channel.SYNC_TRIES", 1)
    monkeypatch.setattr(
        "drivers.modem.channel.Channel.ask.__kwdefaults__", {"timeout_s": 0.02}, raising=False
    )
    modem = bench.modem("home", HOME)
    home = bench.driver("home", check_s=0.02)
    await until(lambda: home.standing.good)
    modem.manners.silent = True
    await until(lambda: Rung.REOPEN in home.rungs)
    modem.manners.silent = False
    await until(lambda: home.standing.good)


def _submit(number, text):
    from protocols import sms_pdu

    (pdu,) = sms_pdu.submits(number, text)
    return bytes.fromhex(pdu.hex)[1:]
