"""A home with two lines, one of them the modem's: each way is bound to its own, and each line is cut once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")
LIMIT_S = 500.0


def refused() -> str:
    """Why this machine gives no namespaces, or ""."""
    for tool in ("unshare", "nsenter", "ip"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    tried = subprocess.run(
        [*NAMESPACE, "ip", "link", "add", "probe", "type", "veth"], capture_output=True, text=True
    )
    return tried.stderr.strip()


@pytest.mark.system
@pytest.mark.slow
def test_whichever_line_is_cut_a_press_comes_by_the_other(tmp_path: Path) -> None:
    if why := refused():
        pytest.fail(f"this machine gives no network namespaces: {why}")
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-m", "tests.system.routes_child", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == {"nothing", "line", "wwan"}
