"""The door to the kernel: what Linux would say through /dev/vhci is said through a pseudo terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import AsyncIterator

import pytest
from bumble import hci

from sim.air.daemon import attach_to_kernel
from sim.air.station import Station
from tests.integration.ble.lineboard import LineBoard
from tests.integration.ble.waiting import until


class Kernel:
    """Reads and writes HCI packets as the Linux Bluetooth core does."""

    def __init__(self) -> None:
        self.fd, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.fd, False)
        self.got = b""

    @property
    def device(self) -> str:
        return os.ttyname(self.slave)

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            self.got += os.read(self.fd, 4096)
        return self.got

    async def command(self, command: hci.HCI_Command) -> None:
        """Send a command and wait for its completion."""
        self.got = b""
        os.write(self.fd, bytes(command))
        await until(lambda: command.op_code.to_bytes(2, "little") in self.read())

    def close(self) -> None:
        os.close(self.fd)
        os.close(self.slave)


@pytest.fixture
async def kernel(station: Station) -> AsyncIterator[Kernel]:
    kernel = Kernel()
    await attach_to_kernel(station, "hci0", "00:AA:01:00:00:23", kernel.device)
    yield kernel
    await station.close()
    await asyncio.sleep(0)
    kernel.close()


async def test_the_kernel_gets_a_controller_that_claims_nothing_it_cannot_do(kernel: Kernel) -> None:
    await until(lambda: kernel.read() == b"\xff\x00")  # "make me a BR/EDR-LE controller"
    await kernel.command(hci.HCI_Reset_Command())
    await kernel.command(hci.HCI_LE_Read_Local_Supported_Features_Command())
    features = hci.LeFeatureMask(int.from_bytes(kernel.got[-8:], "little"))
    assert features & hci.LeFeatureMask.LE_ENCRYPTION
    assert not features & (hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)


PAYLOADS = ("0201060303d2fc", "0201060303d3fc")


async def scan(kernel: Kernel, filter_duplicates: int = 0) -> None:
    """What the kernel sends when it powers an adapter and discovers."""
    await kernel.command(hci.HCI_Reset_Command())
    await kernel.command(
        hci.HCI_LE_Set_Scan_Parameters_Command(
            le_scan_type=1,
            le_scan_interval=36,
            le_scan_window=36,
            own_address_type=0,
            scanning_filter_policy=0,
        )
    )
    enable = hci.HCI_LE_Set_Scan_Enable_Command(le_scan_enable=1, filter_duplicates=filter_duplicates)
    await kernel.command(enable)


async def pendant(station: Station) -> LineBoard:
    board = await LineBoard(await station.add_pendant("pd-01", "C4:00:00:00:00:01", x=2)).open()
    board.say(op="adv", us=20000, a=PAYLOADS[0], c=1)
    await board.ping()
    return board


async def sent(station: Station, count: int) -> None:
    """So many adverts more went out."""
    before = len(station.air.tape)
    await until(lambda: len(station.air.tape) >= before + count)


async def test_the_kernel_hears_the_same_pendants(kernel: Kernel, station: Station) -> None:
    board = await pendant(station)
    await scan(kernel)
    await until(lambda: b"\x01\x00\x00\x00\x00\xc4" + b"\x07\x02\x01\x06" in kernel.read())
    await board.close()


async def test_a_numb_card_answers_and_hears_nothing_until_it_is_reset(
    kernel: Kernel, station: Station
) -> None:
    board = await pendant(station)
    await station.numb("hci0")
    await kernel.command(hci.HCI_LE_Set_Scan_Enable_Command(le_scan_enable=1, filter_duplicates=0))
    await sent(station, 5)
    assert b"\xc4\x07\x02\x01\x06" not in kernel.read()
    await scan(kernel)
    await until(lambda: b"\xc4\x07\x02\x01\x06" in kernel.read())
    await board.close()


@pytest.mark.parametrize("by_address", [False, True])
async def test_a_chip_may_take_a_new_payload_for_a_duplicate(
    kernel: Kernel, station: Station, by_address: bool
) -> None:
    board = await pendant(station)
    await station.filter_by_address("hci0", by_address)
    await scan(kernel, filter_duplicates=1)
    await until(lambda: b"\xc4\x07" + bytes.fromhex(PAYLOADS[0]) in kernel.read())
    board.say(op="adv", us=20000, a=PAYLOADS[1], c=1)
    await board.ping()
    await sent(station, 5)
    new = b"\xc4\x07" + bytes.fromhex(PAYLOADS[1])
    if by_address:
        assert new not in kernel.read()
    else:
        await until(lambda: new in kernel.read())
    await board.close()
