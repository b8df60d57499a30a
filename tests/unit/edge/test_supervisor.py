"""Tasks that fail: they come back, they take nobody down, and what keeps failing is a fault."""

import asyncio

from edge import supervisor
from edge.supervisor import Supervisor


async def test_a_failing_task_restarts_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0,))
    faults, starts, steady = [], [], asyncio.Event()
    kept = asyncio.Event()

    async def failing():
        starts.append(1)
        if len(starts) > supervisor.FAULT_AFTER:
            kept.set()
            await asyncio.Event().wait()
        raise OSError("gone")

    async def other():
        steady.set()
        await asyncio.Event().wait()

    watch = Supervisor(lambda *fault: faults.append(fault))
    watch.add("radio", failing)
    watch.add("keys", other)
    await asyncio.wait_for(kept.wait(), 60)
    await asyncio.wait_for(steady.wait(), 60)
    assert faults == [("radio", True, "OSError")]
    assert watch.running() == {"radio": supervisor.FAULT_AFTER, "keys": 0}
    await watch.stop()
    assert watch.running() == {}


async def test_a_task_that_recovers_clears_its_fault(monkeypatch):
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0,))
    monkeypatch.setattr(supervisor, "STEADY_S", 0.0)
    faults, starts, cleared = [], [], asyncio.Event()

    def on_fault(name, failing, why):
        faults.append(failing)
        if not failing:
            cleared.set()

    async def work():
        starts.append(1)
        if len(starts) > supervisor.FAULT_AFTER:
            await asyncio.Event().wait()
        raise OSError

    watch = Supervisor(on_fault)
    watch.add("radio", work)
    await asyncio.wait_for(cleared.wait(), 60)
    assert faults == [True, False]
    await watch.stop()
