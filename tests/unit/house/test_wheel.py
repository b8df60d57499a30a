"""The installed distribution holds everything that a room needs, and no room's tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
INSTALLED = ("protocols/", "drivers/", "firmware/", "edge/", "provisioning/", "sim/")


def test_the_wheel_holds_every_file_of_the_rooms(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    subprocess.run(["git", "checkout-index", "--all", f"--prefix={tree}/"], cwd=ROOT, check=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(tree)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with zipfile.ZipFile(next(tmp_path.glob("anban-*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
        licences = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    rooms = {name for name in listed.stdout.split("\0") if name.startswith(INSTALLED)}
    assert rooms - packed == set()
    assert {name.split("/")[0] for name in packed} == {name.split("/")[0] for name in INSTALLED} | {
        "anban.py"
    }
    assert licences
