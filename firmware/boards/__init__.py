"""The boards a pendant may be built on: one folder each, with the one file that differs (`board.py`)."""
