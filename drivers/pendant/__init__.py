"""The parts of a pendant, one file each, MicroPython: key, light, buzzer, battery."""
