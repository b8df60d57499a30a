# The power and the bench around a modelled chip: what the supervising process told it at the start and
# tells it by standard input, and the lines on standard output by which everything that the chip does is
# seen from outside.
import asyncio
import json
import os
import select
import sys
import time

_p = json.loads(os.getenv("ANBAN_CHIP"))
levels = {int(k): v for k, v in _p["pins"].items()}
handlers = {}
microvolts = {int(k): v for k, v in _p["adc"].items()}
_started = time.ticks_ms()
_task = None
_edge_at = None  # (the bench's time, ours) of the last edge of a pin
_pacing = 0  # edges that were read and have not come yet
interrupting = set()  # pins that may interrupt
by_level = set()  # of those, the ones that do so for as long as they are low: they have ended a light sleep
taken = 0  # edges of pins so far: what is on its way when the chip sleeps must wake it
on_command = {}


def param(name):
    return _p[name]


def emit(kind, value):
    sys.stdout.write(json.dumps({"k": kind, "v": value}) + "\n")


def rtc_ms():
    return time.time_ns() // 1000000 - _p["power_on_ms"]


def since_wake_ms():
    return _p["since_wake_ms"] + time.ticks_diff(time.ticks_ms(), _started)


def end():
    # the chip stops at this instant: nothing more of this process runs, no finaliser either
    os.system("kill -9 $PPID")


def listen():
    global _task
    if _task is None:
        _task = asyncio.create_task(_listen())


async def take(line):
    global taken, _pacing
    message = json.loads(line)
    for name, value in message.items():
        if name == "pin":
            pin, level, at_ms = value
            _pacing += 1
            await _finger(at_ms)
            _pacing -= 1
            taken += 1
            if levels.get(pin, 1) != level:
                levels[pin] = level
                if pin in interrupting and pin not in by_level:
                    handlers[pin]()
        elif name == "adc":
            microvolts[value[0]] = value[1]
        elif name in on_command:
            on_command[name](value)


def nap(ms, armed):
    # Nothing of the program runs until the time has passed or an armed pin has its level; what moves
    # meanwhile interrupts nobody.
    global taken, _edge_at
    emit("nap", ms)
    started = time.ticks_ms()
    hand = select.poll()
    hand.register(sys.stdin, select.POLLIN)
    by = "timer"
    while not _pacing:
        if any(levels.get(pin, 1) == level for pin, level in armed):
            by = "key"
            break
        left_ms = ms - time.ticks_diff(time.ticks_ms(), started)
        if left_ms <= 0:
            break
        for _ in hand.ipoll(left_ms):
            line = sys.stdin.readline()
            if not line:
                end()
            for name, value in json.loads(line).items():
                if name == "pin":
                    levels[value[0]] = value[1]
                    taken += 1
                    _edge_at = (value[2], time.ticks_ms())
                elif name == "adc":
                    microvolts[value[0]] = value[1]
                elif name in on_command:
                    on_command[name](value)
            break
    emit("woke", by)


async def _finger(at_ms):
    # The chip's interrupt sees an edge when it comes. This process sees it when the machine lets it run: a
    # finger of 100 ms must not become a spike because both of its edges were read at once.
    global _edge_at
    if _edge_at is not None:
        lasted_ms = time.ticks_diff(time.ticks_ms(), _edge_at[1])
        await asyncio.sleep_ms(max(0, min(2000, at_ms - _edge_at[0]) - lasted_ms))
    _edge_at = (at_ms, time.ticks_ms())


async def _listen():
    reader = asyncio.StreamReader(sys.stdin)
    emit("reads", 1)  # the boot is over: what the key did before has folded into the press that woke
    while True:
        line = await reader.readline()
        if not line:
            end()  # the bench is gone
        await take(line)
