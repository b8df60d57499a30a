"""Runs the fall detector over samples from standard input: `x y z` a line, `r` begins anew.

`decisions HZ` tells each decision; `heap HZ` the bytes that a detector takes with its table, and how much
more after 4,000 samples.
"""

import gc
import sys

from firmware.pendant import fall


def decisions(hz):
    detector = fall.make(hz)
    n = 0
    for line in sys.stdin:
        line = line.strip()
        if line == "r":
            detector.reset()
            n = 0
            print("r")
            continue
        x, y, z = [int(word) for word in line.split()]
        seen = detector.candidates
        alarm = detector.update(x, y, z)
        if detector.candidates != seen:
            print(n, int(alarm), detector.score, *detector.f)
        n += 1


def heap(hz):
    samples = [[int(word) for word in line.split()] for line in sys.stdin]
    gc.collect()
    before = gc.mem_alloc()
    detector = fall.make(hz)
    gc.collect()
    takes = gc.mem_alloc() - before
    for n in range(4000):
        detector.update(*samples[n % len(samples)])
    gc.collect()
    print("takes", takes, "more", gc.mem_alloc() - before - takes, "candidates", detector.candidates)


{"heap": heap, "decisions": decisions}[sys.argv[1]](int(sys.argv[2]))
