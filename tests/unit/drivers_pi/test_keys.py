"""Keys on gpiozero's mock pins: from an edge on any thread to an event on the loop. No real line is here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from gpiozero.pins.mock import MockFactory

from drivers.pi.keys import KeyDown, KeyEvent, Keys, KeyStuck, KeyUp
from protocols.errors import AnbanError, Reason

RED, GREEN = 17, 27


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def monotonic_ms(self) -> int:
        return self.now


class Bench:
    """A hub's two keys under a finger, and what came of it."""

    def __init__(self) -> None:
        self.factory = MockFactory()
        self.clock = Clock()
        self.events: asyncio.Queue[KeyEvent] = asyncio.Queue()
        self.keys = Keys(self.factory, {"red": RED, "green": GREEN}, self.clock, self.events.put_nowait)

    def press(self, number: int) -> None:
        self.factory.pin(number).drive_low()

    def let_go(self, number: int) -> None:
        self.factory.pin(number).drive_high()

    async def next(self) -> KeyEvent:
        async with asyncio.timeout(60):
            return await self.events.get()


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    bench = Bench()
    task = asyncio.create_task(bench.keys.run())
    while bench.keys.checked_at_ms is None:
        await asyncio.sleep(0)
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_press_is_told_at_once_and_the_release_after_it_has_settled() -> None:
    async with running() as bench:
        bench.press(RED)
        assert await bench.next() == KeyDown("red", 1_000_000)
        bench.clock.now += 150
        bench.let_go(RED)
        await asyncio.sleep(0)
        bench.clock.now += 30
        assert await bench.next() == KeyUp("red", 1_000_150, 150)


async def test_an_edge_may_come_on_any_thread() -> None:
    async with running() as bench:
        thread = threading.Thread(target=bench.press, args=(GREEN,))
        thread.start()
        assert await bench.next() == KeyDown("green", 1_000_000)
        thread.join()


async def test_a_press_while_the_loop_hangs_keeps_its_own_time() -> None:
    async with running() as bench:
        pin = bench.factory.pin(RED)
        bench.clock.now += 400
        pin.when_changed(bench.factory.ticks() - 0.3, 0)  # the kernel saw it 300 ms ago
        event = await bench.next()
        assert isinstance(event, KeyDown)
        assert 1_000_090 <= event.at_ms <= 1_000_100


async def test_an_edge_dated_by_another_clock_counts_as_now() -> None:
    async with running() as bench:
        for ticks in (1_790_000_000.0, 0.001):
            bench.factory.pin(RED).when_changed(ticks, 0)
            assert (await bench.next()).at_ms == bench.clock.now
            bench.factory.pin(RED).when_changed(bench.factory.ticks(), 1)
            bench.clock.now += 100
            assert isinstance(await bench.next(), KeyUp)


async def test_a_press_that_no_edge_told_is_found_by_reading_the_line() -> None:
    async with running() as bench:
        bench.factory.pin(RED)._change_state(False)  # the level changes and nobody is called
        assert await bench.next() == KeyDown("red", 1_000_000)


async def test_a_key_that_is_down_when_the_hub_starts_counts_as_pressed() -> None:
    bench = Bench()
    pin = bench.factory.pin(RED)
    pin._set_pull = lambda value: setattr(
        pin, "_pull", value
    )  # a pressed key outlasts the claiming of its pin
    pin._change_state(False)
    task = asyncio.create_task(bench.keys.run())
    assert await bench.next() == KeyDown("red", 1_000_000)
    task.cancel()


async def test_a_stuck_key_is_told_and_freed_and_works_again() -> None:
    async with running() as bench:
        bench.press(RED)
        assert isinstance(await bench.next(), KeyDown)
        bench.clock.now += 30_000
        assert await bench.next() == KeyStuck("red", 1_030_000)
        bench.let_go(RED)
        await asyncio.sleep(0)
        bench.clock.now += 100
        event = await bench.next()
        assert isinstance(event, KeyUp)
        assert event.was_stuck
        bench.press(RED)
        assert isinstance(await bench.next(), KeyDown)


async def test_the_librarys_own_debounce_stays_off() -> None:
    async with running() as bench:
        assert bench.factory.pin(RED).bounce is None
        assert bench.factory.pin(RED).edges == "both"


async def test_a_pin_that_fails_is_an_error_for_the_supervisor_and_a_restart_heals_it() -> None:
    bench = Bench()
    real, bench.factory.pin = bench.factory.pin, _broken
    with pytest.raises(AnbanError) as failure:
        await bench.keys.run()
    assert failure.value.reason is Reason.PINS_DOWN
    assert "red" in failure.value.sentence
    bench.factory.pin = real
    task = asyncio.create_task(bench.keys.run())
    while bench.keys.checked_at_ms is None:
        await asyncio.sleep(0)
    bench.press(RED)
    assert isinstance(await bench.next(), KeyDown)
    task.cancel()


def _broken(_name: int | str) -> object:
    raise OSError("no such line")


async def test_the_proof_of_life_moves_on() -> None:
    async with running() as bench:
        bench.clock.now += 500
        async with asyncio.timeout(60):
            while bench.keys.checked_at_ms != bench.clock.now:
                await asyncio.sleep(0.01)
