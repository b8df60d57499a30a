"""What is frozen into an image, read by MicroPython's makemanifest.

In ports/esp32: `ANBAN_BOARD=esp32c3 make BOARD=ESP32_GENERIC_C3
FROZEN_MANIFEST=<checkout>/firmware/manifest.py`.
"""

# ruff: noqa: F821 - include, module and package are given by makemanifest
import os

include("$(PORT_DIR)/boards/manifest.py")
module("main.py", base_path="boot")
module("board.py", base_path="boards/" + os.environ["ANBAN_BOARD"])
for folder in ("firmware", "drivers", "protocols"):
    package(folder, files=("__init__.py",), base_path="..")
package("firmware/pendant", base_path="..")
package("firmware/boards", files=("__init__.py", "family.py"), base_path="..")
package("drivers/pendant", base_path="..")
package("protocols/link", base_path="..")
