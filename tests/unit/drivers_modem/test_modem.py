"""The driver on a modem at the wire: up whatever the family, texts both ways, back after what befalls it."""

import asyncio

import msgspec
import pytest

from drivers.modem.families import family_of
from drivers.modem.ladder import Rung
from drivers.modem.port import SerialPort
from drivers.modem.standing import PinKeeper
from protocols import at
from protocols.errors import AnbanError, Reason
from sim.modem.modem import IDENTITIES
from sim.modem.network import deliver_of
from tests.unit.drivers_modem.conftest import LIMIT_S, until

HOME, CENTRE = "+8613800138101", "+8613800138000"


@pytest.mark.parametrize("family", IDENTITIES)
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


@pytest.fixture
def no_patience(monkeypatch):
    """What passes by itself has passed at once."""

    def hasty(number):
        what = at.remedy(number)
        return msgspec.structs.replace(what, again_s=min(what.again_s, 0.001) if what.again_s < 5 else 30.0)

    monkeypatch.setattr("drivers.modem.modem.remedy", hasty)


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("number", [41, 314])
async def test_an_error_that_passes_by_itself_is_tried_once_more_at_once(bench, number):
    home_modem = bench.modem("home", HOME, next_errors=[f"+CMS ERROR: {number}"])
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "a moment later")
    assert (await asyncio.wait_for(centre.came.get(), LIMIT_S)).text == "a moment later"
    home_modem.manners.next_errors = [f"+CMS ERROR: {number}"] * 3
    with pytest.raises(AnbanError) as failed:
        await home.send(CENTRE, "x")
    assert failed.value.reason is Reason.MODEM_REFUSED
    assert len(home_modem.manners.next_errors) == 1


async def test_a_modem_that_lte_serves_without_texts_says_that_it_has_not_gone(bench):
    modem = bench.modem("home", HOME, unknown=(), no_sms_over_lte=True)
    home = bench.driver("home", check_s=0.02)
    await until(lambda: home.standing.good)  # it is registered: that is what is known
    with pytest.raises(AnbanError) as failed:
        await home.send(CENTRE, "x")
    assert failed.value.reason is Reason.MODEM_REFUSED
    assert not bench.network.log
    modem.manners.no_sms_over_lte = False
    await home.send(CENTRE, "by another network")
    assert bench.network.log


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


async def test_a_code_of_two_lines_amid_a_send_is_a_message_and_no_answer(bench):  # rule 2
    arrived = deliver_of(CENTRE, False, 8, bytes((4,)) + "我在".encode("utf-16-be"))
    bench.modem("home", HOME, amid_send=[f"+CMT: ,{len(arrived)}\r\n00{arrived.hex()}"])
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "x")
    assert (await asyncio.wait_for(home.came.get(), LIMIT_S)).text == "我在"
    assert (await asyncio.wait_for(centre.came.get(), LIMIT_S)).text == "x"


@pytest.mark.parametrize("family", ["ec25", "a7670"])
async def test_that_a_text_has_come_is_reported(bench, family):
    bench.modem("home", HOME, family)
    bench.modem("centre", CENTRE)
    reports = []
    home, centre = bench.driver("home", on_report=reports.append), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "x", report=True)
    await until(lambda: reports)
    assert (reports[0].number, reports[0].delivered) == (CENTRE, True)
    await until(lambda: not bench.modems["home"].memory)


async def test_messages_are_listed_at_start_after_a_send_and_at_every_check(bench):  # rule 5
    modem = bench.modem("home", HOME)
    modem.memory[3] = (0, deliver_of(CENTRE, False, 0, bytes((1, 0x61))))
    bench.modem("centre", CENTRE)
    home = bench.driver("home", check_s=0.2)
    assert (await asyncio.wait_for(home.came.get(), LIMIT_S)).text == "a"  # of before the start
    await until(lambda: not modem.memory)
    modem.memory[4] = (0, deliver_of(CENTRE, False, 0, bytes((1, 0x62))))  # which it told nobody of
    assert (await asyncio.wait_for(home.came.get(), LIMIT_S)).text == "b"
    await until(lambda: not modem.memory)  # one that is not deleted yet comes again
    modem.unplug()
    await until(lambda: home.standing.trouble == "lost")
    modem.memory[5] = (0, deliver_of(CENTRE, False, 0, bytes((1, 0x63))))
    modem.plug()
    assert (await asyncio.wait_for(home.came.get(), LIMIT_S)).text == "c"


async def test_after_a_send_the_memory_is_looked_through(bench):  # rule 5
    modem = bench.modem("home", HOME)
    home = bench.driver("home")
    await until(lambda: home.standing.good and "AT+CMGL=4" in modem.written)
    modem.memory[4] = (0, deliver_of(CENTRE, False, 0, bytes((1, 0x62))))
    await home.send(CENTRE, "x")
    assert (await asyncio.wait_for(home.came.get(), LIMIT_S)).text == "b"


async def test_no_modem_answers_a_phone_by_itself(bench):  # rule 7
    modem = bench.modem("home", HOME)
    home = bench.driver("home")
    await until(lambda: home.standing.good)
    assert {"ATS0=0", "AT+CLIP=1"} <= set(modem.written)


@pytest.mark.parametrize("unknown", ["AT+CEREG", "AT+CREG", "AT+CSQ", "AT+CPMS", "AT+CNMI", "ATI"])
async def test_a_command_that_a_modem_lacks_degrades_and_never_fails(bench, unknown):  # rule 9
    bench.modem("home", HOME, unknown=(unknown,))
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre", check_s=0.1)
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "x")
    assert (await asyncio.wait_for(centre.came.get(), LIMIT_S)).text == "x"


@pytest.fixture
def hasty(monkeypatch):
    """Ten seconds of waiting are a tenth of one."""
    monkeypatch.setattr("drivers.modem.channel.Channel.ask.__kwdefaults__", {"timeout_s": 0.1}, raising=False)


@pytest.mark.parametrize(
    "manners",
    [
        {"unknown": ("AT+CEREG", "AT+CTZU"), "refusal": "COMMAND NOT SUPPORT"},
        {"mute": ("AT+CEREG=2",)},
        {"mute": ("AT+CNMI=2,1,2,1,0",)},
        {"no_ok": ("AT+CPIN?",)},
    ],
)
async def test_manners_of_modems_that_another_has_met_do_not_keep_it_down(bench, hasty, manners):  # rule 9
    bench.modem("home", HOME, **manners)
    bench.modem("centre", CENTRE)
    home, centre = bench.driver("home"), bench.driver("centre")
    await until(lambda: home.standing.good and centre.standing.good)
    await home.send(CENTRE, "x")
    assert (await asyncio.wait_for(centre.came.get(), LIMIT_S)).text == "x"


async def test_amid_an_alarm_a_modem_without_service_is_not_reset(bench):  # rule 12
    modem = bench.modem("home", HOME, registration=0)
    home = bench.driver("home", check_s=0.005, alarm=lambda: True)
    await until(lambda: modem.written.count("AT+CSQ") > 20)
    assert home.rungs == []
    assert not any(text.startswith("AT+CFUN") for text in modem.written)


async def test_a_modem_without_service_is_brought_back_when_nobody_needs_it(bench):  # rule 12
    modem = bench.modem("home", HOME, registration=0)
    home = bench.driver("home", check_s=0.005)
    await until(lambda: "AT+CFUN=1" in modem.written)
    assert home.rungs[0] is Rung.RADIO


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_reader_that_meets_what_nobody_thought_of_says_that_it_ends():  # rule 1
    class Serial:
        in_waiting = 0

        def read(self, _size):
            raise ZeroDivisionError

        def close(self): ...

    lost = asyncio.Event()
    port = SerialPort(Serial(), lambda data: None, lost.set)
    await asyncio.wait_for(lost.wait(), LIMIT_S)
    await port.close()


async def test_a_byte_that_is_no_text_is_no_end_of_the_reader(bench):  # rule 1
    modem = bench.modem("home", HOME)
    home = bench.driver("home", check_s=0.05)
    await until(lambda: home.standing.good)
    count = len(modem.written)
    modem.raw(b"\xff\xfe\x00\xff\r\n")
    await until(lambda: len(modem.written) > count + 8)
    assert home.standing.good


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


class Pins:
    """What a state keeps of a PIN."""

    def __init__(self, pin="1234"):
        self.marked, self.count = False, 0
        self.keeper = PinKeeper(pin, may_try=lambda: not self.marked, tried=self.tried, worked=self.worked)

    def tried(self):
        self.marked, self.count = True, self.count + 1

    def worked(self):
        self.marked = False


async def test_a_pin_that_is_refused_is_entered_once_for_ever(bench):
    modem = bench.modem("home", HOME, sim="SIM PIN", pin="9999")
    pins = Pins()
    home = bench.driver("home", pin=pins.keeper, check_s=0.02)
    await until(lambda: home.standing.trouble == "pin")
    modem.unplug()
    modem.plug()
    count = len(modem.written)
    await until(lambda: len(modem.written) > count + 30)
    assert [text for text in modem.written if text.startswith("AT+CPIN=")] == ['AT+CPIN="1234"']
    assert (pins.count, modem.manners.pin_tries) == (1, 2)


async def test_a_pin_that_was_right_is_entered_after_each_brown_out(bench):
    modem = bench.modem("home", HOME, sim="SIM PIN")
    pins = Pins()
    home = bench.driver("home", pin=pins.keeper, check_s=0.02)
    await until(lambda: home.standing.good)
    modem.unplug()
    await until(lambda: not home.standing.good)
    modem.manners.sim = "SIM PIN"
    modem.plug()
    await until(lambda: home.standing.good)
    assert (pins.count, pins.marked) == (2, False)


async def test_that_a_pin_is_entered_is_kept_before_it_is(bench):
    modem = bench.modem("home", HOME, sim="SIM PIN")
    seen = []
    keeper = PinKeeper("1234", may_try=lambda: True, tried=lambda: seen.append(list(modem.written)))
    home = bench.driver("home", pin=keeper)
    await until(lambda: home.standing.good)
    assert not any(text.startswith("AT+CPIN=") for text in seen[0])


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
    modem = bench.modem("home", HOME)
    home = bench.driver("home", check_s=0.02)
    await until(lambda: home.standing.good)
    with monkeypatch.context() as hasty:  # while it answers nothing, nothing of it is waited for
        hasty.setattr("drivers.modem.channel.SYNC_TRIES", 1)
        hasty.setattr("drivers.modem.channel.Channel.ask.__kwdefaults__", {"timeout_s": 0.02}, raising=False)
        modem.manners.silent = True
        await until(lambda: Rung.REOPEN in home.rungs)
        modem.manners.silent = False
    await until(lambda: home.standing.good)


async def test_a_modem_that_never_answers_is_reset_at_last_by_its_supply(bench, monkeypatch):  # rule 12
    modem = bench.modem("home", HOME, silent=True)

    async def switched():
        modem.manners.silent = False

    monkeypatch.setattr("drivers.modem.channel.SYNC_TRIES", 1)
    monkeypatch.setattr("drivers.modem.modem.REOPEN_S", (0.01,))
    with monkeypatch.context() as hasty:
        hasty.setattr("drivers.modem.channel.Channel.ask.__kwdefaults__", {"timeout_s": 0.05}, raising=False)
        home = bench.driver("home", check_s=0.02, power=switched)
        await until(lambda: Rung.POWER in home.rungs)
    await until(lambda: home.standing.good)
    assert sorted(set(home.rungs)) == [Rung.REOPEN, Rung.RADIO, Rung.RESET, Rung.POWER]


def _submit(number, text):
    from protocols import sms_pdu

    (pdu,) = sms_pdu.submits(number, text)
    return bytes.fromhex(pdu.hex)[1:]
