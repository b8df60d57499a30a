"""Modems on ptys in a cell network without delay, and drivers on them."""

import asyncio

import pytest

from drivers.modem.modem import Modem
from drivers.modem.port import serial_opener
from sim.modem.modem import SimModem
from sim.modem.network import CellNetwork

LIMIT_S = 60.0  # far above anything that is awaited here


class Bench:
    """Two modems that can text each other; `driver(name)` runs ours on one of them."""

    def __init__(self, directory):
        self.network = CellNetwork()
        self.network.air.delay_s = (0.0, 0.0)
        self.modems, self.tasks, self.directory = {}, [], directory

    def modem(self, name, number, family="ec25", **manners):
        modem = self.modems[name] = SimModem(number, self.directory / name, self.network, family)
        modem.manners.prompt_s = modem.manners.result_s = 0.0
        for key, value in manners.items():
            setattr(modem.manners, key, value)
        modem.plug()
        return modem

    def driver(self, name, on_message=None, **options):
        came = asyncio.Queue()

        async def keep(message):
            came.put_nowait(message)
            return True

        modem = Modem(serial_opener(str(self.modems[name].path)), on_message or keep, **options)
        modem.came = came
        self.tasks.append(asyncio.create_task(modem.run()))
        return modem


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    for task in bench.tasks:
        task.cancel()
    await asyncio.gather(*bench.tasks, return_exceptions=True)
    for modem in bench.modems.values():
        await modem.close()
    bench.network.close()


async def until(condition):
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.005)
