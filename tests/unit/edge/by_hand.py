"""A clock, a disk and a path that a test moves by hand."""

import asyncio

from edge.paths.base import PathError
from edge.stores.errors import StoreError
from protocols.errors import Reason
from protocols.values import Receipt


class ClockByHand:
    """A clock that a test moves."""

    boot = 7

    def __init__(self):
        self.now = 1_000_000

    def monotonic_ms(self):
        return self.now

    def wall_ms(self):
        return 1_790_000_000_000 + self.now

    def trusted(self):
        return True

    def source(self):
        return "platform"


class DiskByHand:
    """A store whose commits return, hang or fail as a test says."""

    durable = True

    def __init__(self):
        self.jobs = []

    def submit(self, lane, entries):
        future = asyncio.get_running_loop().create_future()
        self.jobs.append((lane, list(entries), future))
        return future

    async def commit(self):
        for seq, (_, _, future) in enumerate(self.jobs):
            if not future.done():
                future.set_result([seq])
        await asyncio.sleep(0)

    async def fail(self, reason):
        for _, _, future in self.jobs:
            if not future.done():
                future.set_exception(StoreError(reason, "the disk says no"))
        await asyncio.sleep(0)


class PathByHand:
    """A path whose sends wait until the test answers or breaks them."""

    def __init__(self, name):
        self.name = name
        self.sent = []
        self.came = asyncio.Event()

    async def send(self, events):
        answer = asyncio.get_running_loop().create_future()
        self.sent.append((list(events), answer))
        self.came.set()
        return await answer

    async def next(self):
        """The next send that came: its events and the future of its answer."""
        while not self.sent:
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), 30)
        return self.sent.pop(0)

    async def time(self):
        raise PathError(Reason.PATH_DOWN, "not asked in this test")


def stored(events, first=1):
    """The platform's receipts for these events."""
    return [Receipt(number=first + i, about=e.id, stage="stored") for i, e in enumerate(events)]
