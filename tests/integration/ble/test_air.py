"""The virtual air by itself: what radios hear, how links end, what strangers and forgers can do."""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from bleak.exc import BleakError
from bumble import hci

from sim.air.bleak_backend import BumbleAdapter, open_adapter
from sim.air.client import AirControl, AirError
from sim.air.station import Station
from tests.integration.ble.lineboard import INDICATE, SERVICE, WRITE, LineBoard
from tests.integration.ble.waiting import until

FILTERS = {"filters": {"RSSI": -127, "DuplicateData": True}}
ADVERT = "020106" + "0303d2fc"
PENDANT = "C4:00:00:00:00:01"


_kept: WeakKeyDictionary[Station, list[LineBoard]] = WeakKeyDictionary()  # a board lives as long as its air


class Heard:
    """What a scanner told."""

    def __init__(self) -> None:
        self.adverts: list[tuple[Any, Any]] = []

    def __call__(self, device: Any, data: Any) -> None:
        self.adverts.append((device, data))

    async def device(self) -> Any:
        await until(lambda: self.adverts)
        return self.adverts[-1][0]


async def board_on(station: Station, name: str = "pd-01", address: str = PENDANT, **kw: Any) -> LineBoard:
    board = await LineBoard(await station.add_pendant(name, address, **kw)).open()
    board.services()
    board.say(op="adv", us=20000, a=ADVERT, c=1)
    await board.ping()
    _kept.setdefault(station, []).append(board)
    return board


async def hub_on(station: Station, **kw: Any) -> tuple[BumbleAdapter, Heard]:
    path = await station.add_hci("hub", "00:AA:01:00:00:01", **kw)
    adapter = await open_adapter(path, "hub")
    heard = Heard()
    await adapter.scanner(heard, FILTERS).start()
    return adapter, heard


@pytest.mark.parametrize("public", [False, True])
async def test_a_board_is_heard_connected_written_to_and_indicates(station: Station, public: bool) -> None:
    board = await board_on(station, public=public)
    adapter, heard = await hub_on(station, x=3)
    device = await heard.device()
    assert device.address == PENDANT
    gone, got = asyncio.Event(), asyncio.Queue[bytes]()
    client = adapter.client(device, gone.set, 60, [SERVICE])
    await client.connect()
    connected = await board.next(1)
    await client.start_notify(INDICATE, lambda _c, v: got.put_nowait(bytes(v)))
    board.say(op="buf", h=3, n=100)
    await board.ping()
    await client.write_gatt_char(WRITE, b"x" * 60, response=True)
    written = await board.next(3)
    assert bytes.fromhex(written["v"]) == b"x" * 60
    board.say(op="ind", c=connected["d"][0], h=6, v="0102")
    assert await asyncio.wait_for(got.get(), 60) == b"\x01\x02"
    assert (await board.next(20))["d"] == [connected["d"][0], 6, 0]
    await client.disconnect()
    assert (await board.next(2))["d"][0] == connected["d"][0]
    await adapter.close()


async def test_a_write_is_cut_at_20_bytes_as_on_the_chip(station: Station) -> None:
    board = await board_on(station)
    adapter, heard = await hub_on(station)
    client = adapter.client(await heard.device(), lambda: None, 60, [SERVICE])
    await client.connect()
    await client.write_gatt_char(WRITE, bytes(range(40)), response=True)
    assert bytes.fromhex((await board.next(3))["v"]) == bytes(range(20))
    await adapter.close()


async def test_a_connection_stops_advertising_until_it_is_started_again(
    station: Station,
) -> None:
    board = await board_on(station)
    adapter, heard = await hub_on(station)
    client = adapter.client(await heard.device(), lambda: None, 60, [SERVICE])
    await client.connect()
    assert not (await station.state())["radios"]["pd-01"]["advertising"]
    seen = len(heard.adverts)
    board.say(op="adv", us=20000, a=ADVERT, c=1)
    await until(lambda: len(heard.adverts) > seen + 3)
    assert client.is_connected
    await adapter.close()


async def test_a_board_that_dies_leaves_the_air_and_the_link_times_out(station: Station) -> None:
    board = await board_on(station)
    adapter, heard = await hub_on(station)
    gone = asyncio.Event()
    client = adapter.client(await heard.device(), gone.set, 60, [SERVICE])
    await client.connect()
    await board.close()
    await asyncio.wait_for(gone.wait(), 60)
    assert not client.is_connected
    assert not (await station.state())["radios"]["pd-01"]["on"]
    board = await LineBoard(board.path).open()  # it wakes again
    board.say(op="adv", us=20000, a=ADVERT, c=1)
    seen = len(heard.adverts)
    await until(lambda: len(heard.adverts) > seen)
    await adapter.close()


async def test_walls_and_distance_cost_signal_and_then_everything(station: Station) -> None:
    await board_on(station, x=0, y=0)
    adapter, heard = await hub_on(station, x=2, y=0)
    await heard.device()
    near = heard.adverts[-1][1].rssi
    await station.place("hub", 20, 0)
    await until(lambda: heard.adverts[-1][1].rssi < near - 10)  # one that was sent before may still come
    await station.wall("lift", 10, -5, 10, 5, 60)
    assert (await station.signal("pd-01", "hub"))["loss"] > 0.99
    await station.unwall("lift")
    seen = len(heard.adverts)
    await until(lambda: len(heard.adverts) > seen)
    await adapter.close()


async def test_out_of_range_ends_a_link_and_a_connect_to_nobody_times_out(station: Station) -> None:
    await board_on(station)
    adapter, heard = await hub_on(station)
    device = await heard.device()
    gone = asyncio.Event()
    client = adapter.client(device, gone.set, 60, [SERVICE])
    await client.connect()
    await station.away("pd-01")
    await asyncio.wait_for(gone.wait(), 60)
    absent = adapter.client(device, lambda: None, 0.2, [SERVICE])
    with pytest.raises(BleakError):
        await absent.connect()
    await station.back("pd-01")


@pytest.mark.parametrize("turns", [1, 2, 3, 4, 6, None])
async def test_a_cancelled_connect_leaves_the_adapter_free(station: Station, turns: int | None) -> None:
    """Cancelled after so many turns of the loop, when the controller may not have been asked; None: when it
    has been."""
    board = await board_on(station)
    adapter, heard = await hub_on(station)
    device = await heard.device()
    board.say(op="adv", us=None)
    await board.ping()
    attempt = asyncio.ensure_future(adapter.client(device, lambda: None, 60, [SERVICE]).connect())
    for _ in range(turns or 0):
        await asyncio.sleep(0)
    if turns is None:
        await until(lambda: adapter.device.is_le_connecting)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    board.say(op="adv", us=20000, c=1)
    client = adapter.client(device, lambda: None, 60, [SERVICE])
    await client.connect()
    assert client.is_connected
    await adapter.close()


async def test_a_link_that_is_lost_as_soon_as_it_came_ends_the_attempt(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy host reads of both at once: it must not ask something of a link that is gone already."""
    monkeypatch.setattr("sim.air.ether._CONNECT_FAIL_S", 0.0)
    adapter, heard = await hub_on(station)
    await station.forge("forger", PENDANT, ADVERT, times=2000, every_s=0.01)  # nobody answers there
    device = await heard.device()
    attempt = asyncio.ensure_future(adapter.client(device, lambda: None, 60, [SERVICE]).connect())
    done, _ = await asyncio.wait({attempt}, timeout=20)  # below the 30 s of a request without an answer
    assert done
    assert isinstance(attempt.exception(), BleakError)
    await adapter.close()


async def test_jamming_silences_and_lifts(station: Station) -> None:
    await board_on(station)
    adapter, heard = await hub_on(station, x=2)
    await heard.device()
    await station.jam(db=80)
    assert (await station.signal("pd-01", "hub"))["loss"] > 0.99
    await station.jam(db=0)
    seen = len(heard.adverts)
    await until(lambda: len(heard.adverts) > seen)
    await adapter.close()


async def test_a_deaf_adapter_hears_nothing_while_it_connects(station: Station) -> None:
    await board_on(station)
    other = await board_on(station, "pd-02", "C4:00:00:00:00:02")
    adapter, heard = await hub_on(station, deaf=True)
    await until(lambda: len({d.address for d, _ in heard.adverts}) == 2)
    absent = next(d for d, _ in heard.adverts if d.address.endswith("02"))
    other.say(op="adv", us=None)
    await other.ping()
    attempt = asyncio.ensure_future(adapter.client(absent, lambda: None, 60, [SERVICE]).connect())
    await until(lambda: adapter.device.is_le_connecting)
    radio = station.radios["hub"].radio
    assert radio is not None
    await until(lambda: radio.pending_le_connection is not None)
    await adapter.device.send_sync_command(hci.HCI_Read_BD_ADDR_Command())  # what was under way has come
    seen, aired = len(heard.adverts), len(station.air.tape)
    await until(lambda: len(station.air.tape) > aired + 5)
    assert len(heard.adverts) == seen
    attempt.cancel()
    seen = len(heard.adverts)
    await until(lambda: len(heard.adverts) > seen + 1)
    await adapter.close()


async def test_a_hung_card_is_cured_by_opening_it_anew(station: Station) -> None:
    await board_on(station)
    adapter, heard = await hub_on(station)
    await heard.device()
    await station.hang("hub")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(adapter.device.stop_scanning(), 0.1)
    await adapter.recover()
    again = Heard()
    await adapter.scanner(again, FILTERS).start()
    await again.device()
    await adapter.close()


async def test_bluez_without_filters_repeats_nothing_that_did_not_change(station: Station) -> None:
    board = await board_on(station)
    adapter, heard = await hub_on(station)
    plain = Heard()
    await adapter.scanner(plain, {"filters": {"RSSI": -127}}).start()
    await until(lambda: plain.adverts)
    seen = len(heard.adverts)
    await until(lambda: len(heard.adverts) > seen + 6)
    assert len(plain.adverts) == 1
    board.say(op="adv", us=20000, a=ADVERT + "02010a", c=1)
    await until(lambda: len(plain.adverts) == 2)
    await adapter.close()


async def test_a_stranger_takes_the_link_and_holds_it(station: Station) -> None:
    board = await board_on(station)
    await station.phone("thief", "pd-01", "idle", x=1)
    await board.next(1)
    assert (await station.state())["radios"]["thief"]["connections"] == 1
    await station.phone_stop("thief")
    await board.next(2)


async def test_a_stranger_that_gives_up_in_the_middle_of_connecting_leaves_nothing_behind(
    station: Station,
) -> None:
    board = await board_on(station)
    board.say(op="adv", us=None)  # silent: an attempt meets nobody
    await board.ping()
    await station.phone("thief", "pd-01", "idle", x=1)
    thief = station.radios["thief"]
    await until(lambda: thief.device.is_le_connecting)
    await station.phone_stop("thief")
    board.say(op="adv", us=20000, a=ADVERT, c=1)
    await station.phone("thief", "pd-01", "idle", x=1)
    await board.next(1)
    await until(lambda: thief.connections == 1)  # the phone may know of it later than the pendant
    await station.phone_stop("thief")
    await board.next(2)


async def test_a_stranger_is_stopped_in_the_moment_in_which_its_link_comes(station: Station) -> None:
    board = await board_on(station)
    await station.phone("thief", "pd-01", "idle", x=1)
    thief = station.radios["thief"]
    connect, stops = thief.radio.create_le_connection, []

    def connected(address: Any) -> None:  # the controller has it, the host is not done with the attempt
        connect(address)
        stops.append(asyncio.create_task(station.phone_stop("thief")))

    thief.radio.create_le_connection = connected
    await until(lambda: stops)
    await asyncio.wait_for(stops[0], 60)
    await board.next(2)
    assert (await station.state())["radios"]["thief"]["connections"] == 0


async def test_a_forger_replays_a_recorded_advert(station: Station) -> None:
    board = await board_on(station)
    adapter, heard = await hub_on(station)
    await heard.device()
    tape = await station.tape("pd-01")
    assert [entry["data"] for entry in tape] == [ADVERT]
    await board.close()
    await until(lambda: station.radios["pd-01"].radio is None)
    seen = len(heard.adverts)
    await station.forge("forger", tape[0]["address"], tape[0]["data"], times=30, every_s=0.001)
    await until(lambda: len(heard.adverts) > seen + 20)  # far more than may have been under way
    assert heard.adverts[-1][0].address == PENDANT
    await adapter.close()


async def test_nonsense_from_a_board_is_refused_and_the_radio_goes_on(station: Station) -> None:
    board = await board_on(station)
    for line in (
        b"{",
        b"[]",
        b'{"op":"nothing"}',
        b'{"op":"ind","c":9,"h":9,"v":"zz"}',
        b'{"op":"adv","us":"x"}',
    ):
        board.raw(line)
        await board.next(-1)
    await board.ping()
    assert (await station.state())["radios"]["pd-01"]["advertising"]


async def test_the_same_seed_loses_the_same_adverts(short_dir: Any) -> None:
    async def losses(seed: int) -> list[bool]:
        station = Station(short_dir, seed=seed)
        await station.place("a", 0, 0) if "a" in station.air.spots else None
        dice = station.air.dice.of("a", "b")
        return [dice.random() < 0.5 for _ in range(64)]

    assert await losses(7) == await losses(7)
    assert await losses(7) != await losses(8)


async def test_the_daemon_serves_the_same_air_from_another_process(short_dir: Any) -> None:
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim.air", "--dir", str(short_dir), "--seed", "3"
    )
    try:
        air = await AirControl(short_dir).open()
        board = await LineBoard(await air.add_pendant(name="pd-01", address=PENDANT)).open()
        board.services()
        board.say(op="adv", us=20000, a=ADVERT, c=1)
        path = await air.add_hci(name="hub", address="00:AA:01:00:00:01", x=4)
        adapter = await open_adapter(path, "hub")
        heard = Heard()
        await adapter.scanner(heard, FILTERS).start()
        client = adapter.client(await heard.device(), lambda: None, 60, [SERVICE])
        await client.connect()
        assert (await air.state())["radios"]["hub"]["connections"] == 1
        with pytest.raises(AirError, match="no operation"):
            await air.close_everything()
        await client.disconnect()
        await adapter.close()
        await air.close()
    finally:
        daemon.terminate()
        assert await daemon.wait() == 0
