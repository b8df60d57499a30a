"""The hub's card hangs, fills up, turns read-only or rots; no call may wait for it or be lost by it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from sim.home.home import Home
from sim.home.ledger import Meaning
from sim.home.setup import Setup
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, FEELS_S, arrived, close, feels, has_fault, told

HANGS_S = 10.0
OUT_S = 3.0  # 250 ms for the commit, then the way to the platform; far below this
START_S = 15.0  # 3 s for the disk, then as ever; far above what a busy machine takes
KEPT_S = 7.0  # at once; a hub that begins without the room finds it at its next look, after some 12 s
FAULT_S = 15.0
# A card has to be well for 20 s before that is told; a busy machine's card is not always.
OVER_S = FAULT_S + 75.0
CARD = Setup(faulty_disk=True)
STORES = ("journal.db", "state.db")


async def fsync_hangs(home: Home, case: Case) -> None:
    disk = home.card()
    disk.hang()
    loop = asyncio.get_running_loop()
    heals_at = loop.time() + HANGS_S
    red = await home.hub.press("red")
    await case.until("the call goes out from memory", arrived(home, red), OUT_S)
    press = await home.press("pd-02")
    await case.until("the pendant's too", arrived(home, press), OUT_S + 2)
    sent = [event.durable for event in home.platform.events]
    case.claim("and both say that they are not kept yet", not any(sent), str(sent))
    claims = (told(home, device, Meaning.HEARD, red.at_ms)() for device in ("hub-01",))
    case.claim("nobody was told that the hub has it", not any(claims))
    await case.soon("the fault reaches the platform", has_fault(home, "storage"), FAULT_S)
    await asyncio.sleep(max(0.0, heals_at - loop.time()))
    disk.heal()
    await case.soon("the fault is over once the card is back", has_fault(home, "storage", False), OVER_S)
    await close(home, case, "e-chen")
    again = await home.hub.press("red")
    await case.until("the next call is kept and goes out", arrived(home, again), OUT_S)


async def disk_hangs_at_start(home: Home, case: Case) -> None:
    disk = home.card()
    await home.hub.stop()
    disk.hang()
    took = await home.hub.start()
    case.claim("its keys are read all the same", took < START_S, f"after {took:.1f} s")
    red = await home.hub.press("red")
    await case.until("the red key's call goes out from memory", arrived(home, red), OUT_S + 2)
    press = await home.press("pd-02")
    await case.until("the pendant's too", arrived(home, press), ARRIVES_S)
    await case.until("and is felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    for store in ("storage", "state"):
        await case.soon(f"fault {store} reaches the platform", has_fault(home, store), FAULT_S)
    disk.heal()
    for store in ("storage", "state"):
        await case.soon(f"fault {store} ends with the card's", has_fault(home, store, False), OVER_S)
    await close(home, case, "e-chen")
    await close(home, case, "e-wang")
    await home.hub.kill()
    await home.hub.start()
    again = await home.hub.press("red")
    await case.until("the hub after it goes on as it was", arrived(home, again), OUT_S)


async def disk_full(home: Home, case: Case) -> None:
    home.card().fill(0)
    await _calls_in_need(home, case)
    await home.hub.stop()
    home.card().fill(0)
    await home.hub.start()
    red = await home.hub.press("red")
    await case.until("a hub that starts on such a card calls too", arrived(home, red), 20)
    event_id = home.platform.events[-1].id
    await case.soon(
        "and keeps the call, in the room that was held back",
        lambda: is_kept(home.hub.directory / "data" / "journal.db", event_id),
        KEPT_S,
    )


def is_kept(journal: Path, event_id: str) -> bool:
    """Whether an event stands in a journal's file, read from outside."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            found = db.execute("SELECT 1 FROM entries WHERE event_id = ? AND kind = 'event'", (event_id,))
            return found.fetchone() is not None
    except sqlite3.Error:
        return False


async def read_only_disk(home: Home, case: Case) -> None:
    home.card().turn_read_only()
    await _calls_in_need(home, case)
    home.card().turn_read_only()
    await home.hub.kill()
    await home.hub.start()
    red = await home.hub.press("red")
    await case.until("a hub that starts on such a card calls too", arrived(home, red), 20)


async def _calls_in_need(home: Home, case: Case) -> None:
    red = await home.hub.press("red")
    await case.until("the red key's call goes out", arrived(home, red), OUT_S)
    press = await home.press("pd-02")
    await case.until("the pendant's call goes out", arrived(home, press), ARRIVES_S)
    await case.until("and is felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    await case.soon("the fault reaches the platform", has_fault(home, "storage"), FAULT_S)
    await close(home, case, "e-chen")
    await close(home, case, "e-wang")
    home.card().heal()
    await case.soon("the fault ends with the card's", has_fault(home, "storage", False), OVER_S)
    red = await home.hub.press("red")
    await case.until("a call after that goes out", arrived(home, red), OUT_S)
    await close(home, case, "e-chen")


async def corrupt_db(home: Home, case: Case) -> None:
    for name in STORES:
        await _one_corrupt(home, case, name, case.dice.randrange(3))


async def _one_corrupt(home: Home, case: Case, name: str, how: int) -> None:
    """An undelivered call is in the store, the store is damaged, the hub starts again."""
    first = await home.hub.press("red")
    await case.until(f"{name}: a call before", arrived(home, first), ARRIVES_S)
    await close(home, case, "e-chen")
    await home.hub.stop()
    words = damage(home.hub.directory / "data" / name, how)
    await home.hub.start()
    await home.listens("hub-01")
    second = await home.hub.press("red")
    await case.until(f"{name} {words}: the red key calls", arrived(home, second), ARRIVES_S)
    press = await home.press("pd-02")
    await case.until(f"{name} {words}: the pendant calls", arrived(home, press), ARRIVES_S)
    await case.until(f"{name} {words}: it is felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    await case.soon(f"{name} {words}: it is told", has_fault(home, "storage_recovered"), FAULT_S)
    await close(home, case, "e-chen")
    await close(home, case, "e-wang")


def damage(path: Path, how: int) -> str:
    """Damage a database file in one of three ways; says which."""
    data = bytearray(path.read_bytes())
    if how == 0:
        data[:100] = bytes(100)
        words = "without its head"
    elif how == 1:
        for offset in range(4096, len(data), 1024):
            data[offset : offset + 64] = b"\xa5" * len(data[offset : offset + 64])
        words = "with holes"
    else:
        data = data[: len(data) // 2]
        words = "cut in half"
    path.write_bytes(data)
    return words


SCENARIOS = (
    Scenario(
        "fsync-hangs-10s", "Every sync of the hub's card hangs for 10 s.", fsync_hangs, CARD, quick=True
    ),
    Scenario(
        "disk-hangs-at-start",
        "The hub starts while its card hangs; later the card answers, and the hub learns what it holds.",
        disk_hangs_at_start,
        CARD,
    ),
    Scenario("disk-full", "Not a byte is left on the hub's card, then there is room again.", disk_full, CARD),
    Scenario("read-only-disk", "The card turns read-only, also while the hub starts.", read_only_disk, CARD),
    Scenario("corrupt-db", "Each store is damaged while the hub is off; the seed chooses how.", corrupt_db),
)
