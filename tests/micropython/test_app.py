"""The whole application with a clock turned by hand: memory, a stuck key, size."""

import pytest

from firmware import build
from sim.pendant.board import mpy_cache
from tests.micropython.hubside import HERE, micropython

HEAP = "192K"  # 64-bit words; about 96 KB on the chip
FLAT_BYTES = 2048
MAX_MPY = 64 * 1024
MAX_EDGE_BYTES = 20_000  # with 16 presses in the book; 64-bit words


def probe(*arguments: str) -> dict[str, int]:
    tree = build.cached("unix", mpy_cache())
    words = micropython("probe_app.py", *arguments, heap=HEAP, path=f"{HERE / 'stub'}:{tree}").split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def check_flat(presses: int) -> None:
    got = probe("heap", str(presses))
    assert got["last"] - got["first"] < FLAT_BYTES, got
    assert got["highest"] - got["first"] < 2 * FLAT_BYTES, got
    assert got["left_open"] == 0
    assert got["fed"] > presses  # the watchdog saw progress all the time


def test_the_heap_is_flat_over_1000_presses() -> None:
    check_flat(1000)


@pytest.mark.slow
def test_the_heap_is_flat_over_10_000_presses() -> None:
    check_flat(10_000)


def test_what_is_allocated_between_key_and_advert_is_bounded() -> None:
    got = probe("edge")
    assert 0 < got["first"] <= got["most"] < MAX_EDGE_BYTES


def test_a_key_that_stays_down_is_a_fault_and_sleeps_until_it_is_let_go() -> None:
    got = probe("stuck")
    assert (got["slept_early"], got["awake"], got["faults"]) == (0, 1, 4)
    assert (got["slept"], got["armed_for_down"]) == (1, 0)
    assert (got["pressed"], got["age"]) == (1, 450), "let go and pressed again during the boot: a press"


def test_a_press_in_a_flash_that_cannot_be_read_at_the_start_goes_out_when_it_can() -> None:
    """The battery was out, the flash is dead at boot and comes back: nobody need press again for it."""
    got = probe("unread")
    assert (got["blind"], got["found"]) == (0, 1)
    assert 250 <= got["retry_s"] <= 300, "asleep, it looks again every few minutes and not every hour"


@pytest.mark.parametrize("board", ["esp32c3", "esp32s3", "esp32c6", "unix"])
def test_everything_compiles_and_fits(board: str, tmp_path) -> None:
    build.build(board, tmp_path / "out")
    assert sum(p.stat().st_size for p in (tmp_path / "out").rglob("*.mpy")) < MAX_MPY


def test_the_application_is_the_same_on_every_board() -> None:
    names = ["esp32c3", "esp32s3", "esp32c6", "unix"]
    per_board = [{n: p for n, p in build.sources(b).items() if n != "board.py"} for b in names]
    assert all(each == per_board[0] for each in per_board)
    for path in per_board[0].values():
        text = path.read_text()
        for asking in (
            "sys.platform",
            "os.uname",
            "sys.implementation",
            "import sim",
            "from sim",
            "unix_ffi",
        ):
            assert asking not in text, f"{path} asks where it runs"


def test_the_manifest_freezes_what_is_built() -> None:
    frozen: list[str] = []

    def package(folder: str, files: tuple[str, ...] | None = None, base_path: str = ".") -> None:
        assert base_path == ".."
        names = files or sorted(p.name for p in (build.ROOT / folder).glob("*.py"))
        frozen.extend(f"{folder}/{name}" for name in names)

    def module(name: str, base_path: str) -> None:
        assert (build.ROOT / "firmware" / base_path / name).exists()
        frozen.append(name)

    source = (
        (build.ROOT / "firmware/manifest.py").read_text().replace('os.environ["ANBAN_BOARD"]', '"esp32c3"')
    )
    exec(source, {"include": lambda path: None, "package": package, "module": module})
    assert sorted(frozen) == sorted(build.sources("esp32c3"))
