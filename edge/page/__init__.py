"""The hub's own page: a process beside the hub that asks at its door and shows what it is told."""
