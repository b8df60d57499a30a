"""What the HTTPS path loads: requests, at its first use, and none of the tables that it never asks."""

from __future__ import annotations

import subprocess
import sys

ASK = """
import sys, warnings
warnings.simplefilter("error")
from edge.paths import https
assert "requests" not in sys.modules
first = https.library()
assert first is https.library() is sys.modules["requests"]
assert not [name for name in sys.modules if name.split(".")[0] in https.GUESSERS]
answer = first.Response()
answer._content, answer.encoding = b"\\xe5\\xae\\x89", "utf-8"
assert answer.text == "\\u5b89"
import charset_normalizer  # hidden from requests, and from nobody else
"""


def test_the_first_use_loads_requests_without_its_guessers_of_encodings() -> None:
    subprocess.run([sys.executable, "-c", ASK], check=True)
