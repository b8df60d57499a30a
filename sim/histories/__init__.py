"""Made-up days, one process and one thread: the product's own code on a made-up clock, checked at every step.

`clockwork` turns, `disk`, `internet`, `air` and `pendant` are the surroundings, `hub` puts the product's hub
together on them, `script` makes up what happens, `checks` knows what must hold, `play` runs one history,
`shrink` makes a failing one small, `bugs` plants errors that must be found.
"""
