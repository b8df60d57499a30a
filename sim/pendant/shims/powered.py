# The power and the bench around a modelled chip: what the supervising process told it at the start and
# tells it by standard input, and the lines on standard output by which everything that the chip does is
# seen from outside.
import asyncio
import json
import os
import sys
import time

_p = json.loads(os.getenv("ANBAN_CHIP"))
levels = {int(k): v for k, v in _p["pins"].items()}
handlers = {}
microvolts = {int(k): v for k, v in _p["adc"].items()}
_started = time.ticks_ms()
_task = None
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


def take(line):
    message = json.loads(line)
    for name, value in message.items():
        if name == "pin":
            pin, level = value
            if levels.get(pin, 1) != level:
                levels[pin] = level
                if pin in handlers:
                    handlers[pin]()
        elif name == "adc":
            microvolts[value[0]] = value[1]
        elif name in on_command:
            on_command[name](value)


async def _listen():
    reader = asyncio.StreamReader(sys.stdin)
    emit("reads", 1)  # the boot is over: what the key did before has folded into the press that woke
    while True:
        line = await reader.readline()
        if not line:
            end()  # the bench is gone
        take(line)
