"""Runs the plain tests of one file under MicroPython: every function `test_*` without arguments."""

import sys


def main():
    """`micropython on_micropython.py MODULE`, with the folder of MODULE on the path."""
    module = __import__(sys.argv[1])
    names = [name for name in dir(module) if name.startswith("test_")]
    for name in names:
        getattr(module, name)()
    print("ran", len(names))


main()
