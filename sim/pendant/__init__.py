"""Pendants without hardware: the real firmware on the unix port of MicroPython, its chip modelled around
it.
"""
