"""Faults planted in the firmware's sources: each must be noticed by the test that guards its invariant."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware import build
from sim.pendant.board import Board
from tests.micropython import test_power_cut
from tests.micropython.hubside import micropython

pytestmark = pytest.mark.slow


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Replaces text in a copy of the sources; gives the compiled tree."""

    def plant(name: str, old: str, new: str) -> Path:
        root = tmp_path / "planted"
        for folder in ("firmware", "drivers/pendant", "protocols/link"):
            shutil.copytree(build.ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("drivers/__init__.py", "protocols/__init__.py"):
            shutil.copy(build.ROOT / file, root / file)
        source = (root / name).read_text()
        assert source.count(old) == 1, f"the text to plant in is not in {name}"
        (root / name).write_text(source.replace(old, new))
        monkeypatch.setattr(build, "ROOT", root)
        build.build("unix", tmp_path / "tree")
        return tmp_path / "tree"

    return plant


def of_tree(make_board: Callable[..., Board], tree: Path) -> Callable[..., Board]:
    def make(**options: object) -> Board:
        board = make_board(**options)
        board.use(tree)
        return board

    return make


async def test_a_press_that_is_felt_and_not_stored_is_noticed(make_board, side, tmp_path, plant):
    tree = plant(
        "firmware/pendant/core.py",
        "            out.append((STORE,))\n            out.append((FEEL, surface.PRESSED))",
        "            out.append((FEEL, surface.PRESSED))",
    )
    with pytest.raises((AssertionError, TimeoutError)):
        await test_power_cut.test_power_cut_at_every_flash_operation_of_a_press(
            of_tree(make_board, tree), side, tmp_path
        )


async def test_a_flash_error_that_stops_the_press_is_noticed(make_board, side, plant):
    tree = plant(
        "firmware/pendant/store.py",
        "            self._failed()\n            return False\n        self.flash_ok = True",
        "            raise\n        self.flash_ok = True",
    )
    with pytest.raises((AssertionError, TimeoutError)):
        await test_power_cut.test_with_the_flash_dead_presses_go_out_all_the_same(
            of_tree(make_board, tree), side
        )


def test_a_counter_that_resumes_where_it_was_last_seen_is_noticed(plant):
    tree = plant("firmware/pendant/store.py", "        elif not clean:\n", "        elif False:\n")
    with pytest.raises(AssertionError, match=r"a counter went back|a number was used twice"):
        micropython("probe_store.py", "600", "1", heap="2M", path=str(tree))
