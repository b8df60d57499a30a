"""What pendant and hub say to each other, once for MicroPython and CPython: bytes in, bytes out, int reasons.

Start at session.py for the conversation, at advert.py for what is on the air. Annotations are for mypy:
MicroPython parses them and never evaluates them.
"""
