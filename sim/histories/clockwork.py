"""Turns the made-up world: one heap of what happens when, and an event loop for asyncio that lives on it.

Time jumps from one happening to the next and nothing else moves it, so a history is a function of its script
and its seed. Each hub process has a loop of its own; a killed one is buried: its tasks never touch the world
again. Loops may fire their longer timers late (`lapse`), as a slow machine does, never early: that is how a
quiet hour costs no more than a busy second.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from typing import Any

LAPSE_FROM_S = 0.4  # the 250 ms rule and everything quicker is always on time
RUNAWAY = 40_000  # timers and happenings of one history; the longest honest one has a quarter of that
BURIAL_TURNS = 200  # a killed loop's `finally` blocks get so many callbacks, with nothing left to touch


Entry = tuple[int, int, Callable[..., None], tuple[Any, ...]]  # when, order, what, with what


class Violated(Exception):
    """An invariant does not hold. The text says which, and what was seen."""


class World:
    """Time, chance, and the record of one history."""

    def __init__(self, seed: int) -> None:
        self.now_ms = 1_000
        self.random = random.Random(seed)
        self.visits: Counter[str] = Counter()
        self.timeline: list[tuple[int, str]] = []
        self.steps = 0
        self.lapse = 1.0
        self.punctual_ms = 0  # when the lapse last became less: what was late until then is due from then
        self.runaway = RUNAWAY
        self.loops: list[Loop] = []
        self.checks: list[Callable[[], None]] = []
        self._heap: list[Entry] = []
        self._order = 0

    def note(self, text: str, *visits: str) -> None:
        """A line of the timeline; `visits` are what the table counts."""
        self.timeline.append((self.now_ms, text))
        for visit in visits:
            self.visits[visit] += 1

    def after(self, delay_ms: float, action: Callable[..., None], *args: Any) -> None:
        """Something happens later. Every happening is a step: the checks follow it."""
        self._order += 1
        heapq.heappush(self._heap, (self.now_ms + max(0, int(delay_ms)), self._order, action, args))

    def run(self, until_ms: int) -> None:
        """Everything up to a time."""
        while self._heap and self._heap[0][0] <= until_ms:
            self.now_ms, _, action, args = heapq.heappop(self._heap)
            timer = getattr(action, "__func__", None) is Loop.fire
            if timer and args[0].cancelled_:
                continue
            action(*args)
            self.settle()
            if self._order > self.runaway:
                raise Violated("I3 busy loop: this history does not come to rest")
            if not timer:
                self.steps += 1
                for check in self.checks:
                    check()
        self.now_ms = max(self.now_ms, until_ms)

    def pace(self, lapse: float) -> None:
        """Longer timers fire late by this factor from now on; when that becomes less, none stays late."""
        if lapse < self.lapse:
            self._heap = [self._on_time(entry) for entry in self._heap]
            heapq.heapify(self._heap)
            self.punctual_ms = self.now_ms
        self.lapse = lapse

    def _on_time(self, entry: Entry) -> Entry:
        at_ms, order, action, args = entry
        if getattr(action, "__func__", None) is Loop.fire:
            at_ms = min(at_ms, max(self.now_ms, math.ceil(args[0].when_s * 1000)))
        return at_ms, order, action, args

    def settle(self) -> None:
        """Let every loop do what is ready."""
        for loop in self.loops:
            loop.drain()

    def delay(self, low_ms: int, high_ms: int) -> int:
        """A delay by chance."""
        return self.random.randint(low_ms, high_ms)


class _Handle:
    """As asyncio.Handle and TimerHandle."""

    __slots__ = ("args", "callback", "cancelled_", "when_s")

    def __init__(self, callback: Callable[..., Any], args: Any, when_s: float) -> None:
        self.callback, self.args, self.when_s = callback, args, when_s
        self.cancelled_ = False

    def cancel(self) -> None:
        self.cancelled_ = True

    def cancelled(self) -> bool:
        return self.cancelled_

    def when(self) -> float:
        return self.when_s


class AtOnce:
    """In place of a thread: there is only one here, and what would block does not."""

    def __init__(self, target: Callable[[], None], name: str = "", daemon: bool = True) -> None:
        self._target = target

    def start(self) -> None:
        """Runs it."""
        self._target()


class Loop(asyncio.AbstractEventLoop):
    """As much of an event loop as asyncio's tasks, futures, timeouts and events need."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alive = True
        self.troubles: list[str] = []
        self._ready: deque[_Handle] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        world.loops.append(self)

    # what asyncio asks for

    def time(self) -> float:
        return self.world.now_ms / 1000

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self.alive

    def is_closed(self) -> bool:
        return not self.alive

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        handle = _Handle(callback, args, 0.0)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        due_s = self.time() + delay
        if delay >= LAPSE_FROM_S:
            delay *= self.world.lapse
        handle = _Handle(callback, args, due_s)
        if self.alive:
            self.world.after(math.ceil(delay * 1000), self.fire, handle)
        return handle

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        return self.call_later(max(0.0, when - self.time()), callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """At once and in this thread: there is only one."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # carried to whoever awaits, as an executor does
            future.set_exception(error)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.alive and "destroyed" not in str(context.get("message")):
            error = context.get("exception")
            broken = isinstance(error, Violated)
            self.troubles.append(str(error) if broken else f"crash: {context.get('message')}: {error!r}")

    # what the world does

    def fire(self, handle: _Handle) -> None:
        """A timer's time has come."""
        if self.alive and not handle.cancelled_:
            self._ready.append(handle)

    def drain(self) -> None:
        """Run what is ready, and what that makes ready."""
        if not self._ready or not self.alive:
            return
        self.do(self._drain)

    def _drain(self) -> None:
        while self._ready:
            self._run(self._ready.popleft())

    def do(self, action: Callable[..., Any], *args: Any) -> Any:
        """Call something on this loop, from outside or from within."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            return action(*args)
        finally:
            asyncio._set_running_loop(before)

    def start(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task that is expected to run until the loop is buried: its failure is the product's."""
        task = self.do(lambda: self.create_task(coro, name=name))
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not self.alive or task.cancelled() or (error := task.exception()) is None:
            return
        trouble = str(error) if isinstance(error, Violated) else f"crash: task {task.get_name()}: {error!r}"
        self.troubles.append(trouble)

    def bury(self) -> None:
        """The process was killed: its ports are dead by now; let its coroutines end where nobody sees."""
        self.alive = False
        self.world.loops.remove(self)
        self._ready.clear()
        for task in list(self._tasks):
            task.cancel()
        self.do(self._bury)
        for task in list(self._tasks):  # those that wait for a timer in their `finally`
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with contextlib.suppress(RuntimeError):  # it awaits once more instead of ending
                self.do(task.get_coro().close)

    def _bury(self) -> None:
        for _ in range(BURIAL_TURNS):
            if not self._ready:
                return
            self._run(self._ready.popleft())

    @staticmethod
    def _run(handle: _Handle) -> None:
        """Without its context: nothing here has context variables, and entering one is not free."""
        if not handle.cancelled_:
            handle.callback(*handle.args)
