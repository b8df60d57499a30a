"""The virtual air: radios, walls, faults; one virtual controller a radio, in one daemon process."""
