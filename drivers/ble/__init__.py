"""Bluetooth on the hub: the one owner of the radio, and the central side of the pendant link."""
