"""The plain tests of this folder once more, under MicroPython."""

import pytest

from tests.micropython.hubside import micropython


@pytest.mark.parametrize("name", ["test_gesture", "test_presses", "test_answered"])
def test_under_micropython(name: str) -> None:
    assert int(micropython("on_micropython.py", name).split()[-1]) >= 10


@pytest.mark.parametrize("seed", range(4))
def test_counters_never_go_back_over_random_resets(seed: int) -> None:
    met = micropython("probe_store.py", "600", str(seed), heap="2M")
    for what in ("cuts", "rtc lost", "dead"):
        assert int(met.split(f"'{what}': ")[1].split(",")[0].split("}")[0]) > 10, met


@pytest.mark.slow
def test_counters_never_go_back_over_50_000_random_resets() -> None:
    for seed in range(100, 125):
        micropython("probe_store.py", "2000", str(seed), heap="8M")
