"""The network's time out of a modem, as each family shows it: right, or none."""

import asyncio

import pytest

from drivers.modem.families import FAMILIES, family_of
from drivers.modem.network_time import Mute, network_time
from sim.modem.clock import QUECTEL, SIMCOM
from sim.modem.modem import IDENTITIES
from tests.unit.drivers_modem.conftest import LIMIT_S, until

HOME = "+8613800138101"
NOON_S = 1_795_320_000  # a moment of November 2026


def wanting(bench, family="ec25", *, wants=True, **options):
    """A driver on a modem that tells when it has read the time."""
    bench.network.clock = lambda: NOON_S
    home = bench.driver("home", check_s=0.01, **options)
    home.told = asyncio.Queue()
    home.on_time, home.wants_time = home.told.put_nowait, lambda: wants
    return home


@pytest.mark.parametrize(
    ("family", "zone"),
    [*((family, 32) for family in (*SIMCOM, *QUECTEL)), ("a7670", -12), ("ec25", -13), ("ec25", 0)],
)
async def test_every_family_that_knows_it_tells_the_networks_time(bench, family, zone):
    bench.network.zone = zone
    bench.modem("home", HOME, family)
    told = await asyncio.wait_for(wanting(bench).told.get(), LIMIT_S)
    assert 0 <= told.utc_s - NOON_S <= 1
    assert (told.zone_s, told.checked) == (zone * 900, family in QUECTEL)


@pytest.mark.parametrize("family", IDENTITIES)
async def test_a_modem_that_was_told_nothing_tells_nothing_that_could_be_now(bench, family):
    bench.network.tells_time = False
    modem = bench.modem("home", HOME, family)
    home = wanting(bench)
    await until(lambda: modem.written.count("AT+CSQ") > 3)
    said = [home.told.get_nowait() for _ in range(home.told.qsize())]
    assert all(told.utc_s < 0 or told.utc_s > 3_000_000_000 for told in said), said


async def test_a_family_whose_clock_may_be_local_or_not_is_not_asked(bench):
    modem = bench.modem("home", HOME, "generic")
    home = wanting(bench)
    await until(lambda: modem.written.count("AT+CSQ") > 3)
    assert home.told.empty()
    assert not any(text.startswith(("AT+CCLK", "AT+QLTS")) for text in modem.written)


@pytest.mark.parametrize("reason", ["nobody wants it", "an alarm", "no service"])
async def test_the_time_is_not_asked_for(bench, reason):
    modem = bench.modem("home", HOME, registration=2 if reason == "no service" else 1)
    wanting(bench, wants=reason != "nobody wants it", alarm=lambda: reason == "an alarm")
    await until(lambda: modem.written.count("AT+CSQ") > 3)
    assert not any(text.startswith("AT+QLTS") for text in modem.written)


async def test_a_modem_that_does_not_know_its_familys_command_is_asked_once(bench):
    modem = bench.modem("home", HOME, unknown=("AT+QLTS",))
    home = wanting(bench)
    await until(lambda: modem.written.count("AT+CSQ") > 5)
    assert home.told.empty()
    assert sum(text.startswith("AT+QLTS") for text in modem.written) == 1


@pytest.mark.parametrize(
    ("gmt", "local"),
    [
        ('"2026/11/22,11:31:04+32,0"', '"2026/11/22,11:31:04+32,0"'),  # both local, or both GMT
        ('"2026/11/22,03:31:04+32,0"', '"2026/11/22,11:31:04+00,0"'),
        ('"2026/11/22,03:31:04+32,0"', '"2026/11/22,11:31:03+32,0"'),  # it goes backwards
        ('"2026/11/22,03:31:04+32,0"', '"2026/11/22,11:32:04+32,0"'),
        ('"2026/11/22,03:31:04+32,0"', '""'),
        ('""', '"2026/11/22,11:31:04+32,0"'),
    ],
)
async def test_a_modem_that_contradicts_itself_is_not_believed(gmt, local):
    said = {"AT+QLTS=1": gmt, "AT+QLTS=2": local}

    async def ask(command, prefix):
        return [f"{prefix} {said[command]}"]

    assert await network_time(ask, family_of("Quectel EC25")) is None


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
async def test_who_does_not_answer_is_mute(family):
    async def ask(command, prefix):
        assert prefix == {"AT+CC": "+CCLK:", "AT+QL": "+QLTS:"}[command[:5]]
        return []

    if family.local_clock:
        with pytest.raises(Mute):
            await network_time(ask, family)
    else:
        assert await network_time(ask, family) is None
