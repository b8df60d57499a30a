"""The lamp on mock pins: one colour at a time, blinking or not, dark at the end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
from gpiozero.pins.mock import MockFactory

from drivers.pi import lamp as lamp_module
from drivers.pi.lamp import Lamp, Pattern, lit
from protocols.errors import AnbanError, Reason

PINS = {"red": 22, "green": 23, "amber": 24}


def burning(factory: MockFactory) -> set[str]:
    return {colour for colour, number in PINS.items() if factory.pin(number).state}


async def until(factory: MockFactory, colours: set[str]) -> None:
    async with asyncio.timeout(60):
        while burning(factory) != colours:
            await asyncio.sleep(0)


def test_blinking_is_lit_first_and_steady_is_always() -> None:
    assert [lit(Pattern.BLINK, n) for n in range(4)] == [True, False, True, False]
    assert all(lit(Pattern.STEADY, n) for n in range(4))
    assert not any(lit(Pattern.OFF, n) for n in range(4))


async def test_it_shows_what_was_set_last_and_goes_dark_when_it_ends() -> None:
    factory = MockFactory()
    lamp = Lamp(factory, PINS)
    lamp.set("amber", "steady")
    task = asyncio.create_task(lamp.run())
    await until(factory, {"amber"})
    lamp.set("green", "steady")
    await until(factory, {"green"})
    lamp.set("green", "off")
    await until(factory, set())
    lamp.set("red", "steady")
    await until(factory, {"red"})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert burning(factory) == set()


async def test_it_never_shows_two_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    factory = MockFactory()
    lamp = Lamp(factory, PINS)
    seen: list[set[str]] = []
    lamp.set("amber", "steady")
    task = asyncio.create_task(lamp.run())
    await until(factory, {"amber"})
    for number in PINS.values():
        pin = factory.pin(number)
        monkeypatch.setattr(pin, "_set_state", _watched(pin, factory, seen))
    lamp.set("green", "steady")
    await until(factory, {"green"})
    lamp.set("amber", "steady")
    await until(factory, {"amber"})
    task.cancel()
    assert seen
    assert all(len(colours) <= 1 for colours in seen)


def _watched(pin: object, factory: MockFactory, seen: list[set[str]]) -> object:
    real = pin._set_state  # type: ignore[attr-defined]

    def set_state(value: float) -> None:
        real(value)
        seen.append(burning(factory))

    return set_state


async def test_blinking_goes_on_and_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lamp_module, "DARK_S", 0.001)
    factory = MockFactory()
    lamp = Lamp(factory, PINS)
    lamp.set("green", "blink")
    task = asyncio.create_task(lamp.run())
    for _ in range(3):
        await until(factory, {"green"})
        await until(factory, set())
    task.cancel()


async def test_a_loop_that_stalls_leaves_no_blink_lit() -> None:
    """Green that burns on says that somebody has taken the call."""
    factory = MockFactory()
    lamp = Lamp(factory, PINS)
    lamp.set("green", "blink")
    task = asyncio.create_task(lamp.run())
    await until(factory, {"green"})
    assert stalled_until(lambda: not burning(factory)), "the lamp burns as long as the loop stalls"
    assert stalled_until(lambda: burning(factory) == {"green"}), "and it goes on blinking"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert burning(factory) == set()


def stalled_until(condition: Callable[[], bool]) -> bool:
    """Block the loop of whoever calls until the condition holds; False if it never does."""
    limit_s = time.monotonic() + 60
    while not condition() and time.monotonic() < limit_s:
        time.sleep(0.001)
    return condition()


def test_a_blink_is_dark_for_most_of_a_second() -> None:
    """What is starved as a whole then rests in the dark rather than in the light."""
    assert lamp_module.LIT_S <= 0.25 * lamp_module.DARK_S
    assert lamp_module.LIT_S + lamp_module.DARK_S == 1


async def test_a_pin_that_hangs_does_not_keep_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lamp_module, "ENDS_S", 0.01)
    factory = MockFactory()
    lamp = Lamp(factory, PINS)
    task = asyncio.create_task(lamp.run())
    entered, freed = threading.Event(), threading.Event()

    def hang(_value: float) -> None:
        entered.set()
        freed.wait(60)

    monkeypatch.setattr(factory.pin(PINS["green"]), "_set_state", hang)
    lamp.set("green", "steady")
    assert await asyncio.to_thread(entered.wait, 60)
    lamp.set("green", "off")  # takes no lock that the thread holds
    task.cancel()
    assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    freed.set()


async def test_a_pin_that_fails_later_is_told_too_and_it_can_be_started_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factory = MockFactory()
    lamp = Lamp(factory, PINS)
    lamp.set("amber", "steady")
    task = asyncio.create_task(lamp.run())
    await until(factory, {"amber"})
    with monkeypatch.context() as patched:

        def fail(_value: float) -> None:
            raise OSError("gone")

        patched.setattr(factory.pin(PINS["green"]), "_set_state", fail)
        lamp.set("green", "steady")
        with pytest.raises(AnbanError) as failure:
            await task
    assert failure.value.reason is Reason.PINS_DOWN
    task = asyncio.create_task(lamp.run())
    await until(factory, {"green"})
    task.cancel()


async def test_a_colour_it_has_not_is_refused() -> None:
    lamp = Lamp(MockFactory(), {"green": 23})
    for colour, pattern in (("blue", "steady"), ("green", "disco"), ("red", "steady")):
        with pytest.raises(ValueError, match=r"."):
            lamp.set(colour, pattern)


async def test_a_failing_pin_is_an_error_for_the_supervisor() -> None:
    factory = MockFactory()
    lamp = Lamp(factory, {"green": 99})
    with pytest.raises(AnbanError) as failure:
        await lamp.run()
    assert failure.value.reason is Reason.PINS_DOWN
