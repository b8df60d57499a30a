"""What an advert costs under MicroPython: bytes allocated for each, and what is left over after many."""

import gc
import json

from protocols.link import advert, keys

gc.collect()
builder = advert.AdvertBuilder(keys.advert_key(bytes(16)), b"\xaa\xbb\xcc\xdd\xee\x01")
builder.build(1, 1, 90, 4, 17, 0)
gc.collect()
gc.disable()
before = gc.mem_alloc()
builder.build(2**32 - 1, 1, 90, 4, 2**32 - 1, 4000)
for_one = gc.mem_alloc() - before
gc.enable()
gc.collect()
before = gc.mem_alloc()
for counter in range(10000):
    builder.build(counter, counter, 90, 4, 17, counter)
gc.collect()
print(
    json.dumps({"bytes_for_one": for_one, "left_after_10000": gc.mem_alloc() - before, "heap_used": before})
)
