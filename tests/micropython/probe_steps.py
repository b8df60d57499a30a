"""Runs the step detector over samples from standard input, `x y z` a line; the first line is how it hung.

Tells at which samples it says that somebody walks, and the bytes that it takes.
"""

import gc
import sys

from firmware.pendant.steps import Steps

lines = [tuple([int(word) for word in line.split()]) for line in sys.stdin]
gc.collect()
before = gc.mem_alloc()
steps = Steps(lines[0])
gc.collect()
takes = gc.mem_alloc() - before
print(*[n for n, sample in enumerate(lines[1:]) if steps.update(*sample)])
print(takes)
