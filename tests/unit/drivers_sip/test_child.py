"""Other programs as children: they end with the hub, whatever ends it, and nothing waits for them."""

import asyncio
import os
import signal
import stat
import sys
import threading
from pathlib import Path

import pytest

from drivers.child import Child, Order, bound, private_file, private_folder
from protocols.errors import AnbanError, Reason

LIMIT_S = 30.0
SLEEPS = Order(command=("sleep", "1000"))
HUB = """
import asyncio
from drivers.child import Child, Order
async def main():
    child = Child("sleep", lambda: Order(command=("sleep", "1000")))
    await child.start()
    print(child.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def until(condition):
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.01)


def runs(pid):
    """Whether the process is there, and no mere entry that nobody has collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_hub_that_is_killed_leaves_no_child_behind():
    hub = await asyncio.create_subprocess_exec(*(sys.executable, "-c", HUB), stdout=asyncio.subprocess.PIPE)
    pid = int(await hub.stdout.readline())
    hub.send_signal(signal.SIGKILL)
    await hub.wait()
    await until(lambda: not runs(pid))


async def test_a_program_whose_hub_died_while_it_was_started_does_not_begin(tmp_path):
    for parent, begins in ((os.getpid(), True), (os.getpid() + 1, False), (1, False)):
        mark = tmp_path / str(parent)
        child = await asyncio.create_subprocess_exec(*bound(("touch", str(mark)), parent))
        await child.wait()
        assert mark.exists() is begins


async def test_a_child_that_dies_is_known_and_one_that_is_stopped_is_gone():
    child = Child("sleep", lambda: SLEEPS)
    await child.start()
    pid = child.pid
    os.kill(pid, signal.SIGKILL)
    await until(child.ended.is_set)
    assert child.pid == 0
    child = Child("sleep", lambda: SLEEPS)
    await child.start()
    pid = child.pid
    await child.stop()
    assert child.ended.is_set()
    assert not runs(pid)


async def test_one_that_does_not_listen_is_ended_all_the_same(monkeypatch):
    monkeypatch.setattr("drivers.child.END_S", 0.2)
    child = Child("sh", lambda: Order(command=("sh", "-c", "trap '' TERM; sleep 1000 & wait; sleep 1000")))
    await child.start()
    await child.stop()
    assert child.ended.is_set()


async def test_what_is_not_installed_is_told():
    with pytest.raises(AnbanError) as refused:
        await Child("x", lambda: Order(command=("sleep",), folder=Path("/no/such/folder"))).start()
    assert refused.value.reason is Reason.NOT_READY


async def test_a_card_that_hangs_at_its_start_holds_nobody(monkeypatch):
    monkeypatch.setattr("drivers.child.START_S", 0.2)
    free = threading.Event()

    def hangs():
        free.wait(LIMIT_S)
        return SLEEPS

    child = Child("sleep", hangs)
    with pytest.raises(AnbanError) as refused:
        await child.start()
    assert refused.value.reason is Reason.NOT_READY
    free.set()  # it starts after nobody waits any more, and is ended at once
    await until(child.ended.is_set)


def test_private_files_are_private_from_their_first_byte(tmp_path):
    folder = tmp_path / "f"
    private_folder(folder)
    (folder / "a").write_text("old, and open to all")
    (folder / "a").chmod(0o644)
    private_file(folder / "a", b"new")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o600
    assert (folder / "a").read_bytes() == b"new"
