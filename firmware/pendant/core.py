"""What the pendant decides: key, hub and clock in; effects out, in the order in which they must happen.
Pure.

Effects are `(AIR,)`: the advert changes now; `(STORE,)`: the book goes to flash and RTC memory; `(FEEL,
buzz)`: the elder is told. AIR always stands first: no flash delays or stops an advert. FEEL always follows
the STORE of what it tells: after a power cut at any flash operation either the press is in the journal or
the elder had felt nothing. (When the flash is dead the shell goes on: the press is on the air all the
same.)

Numbers come from `take_number()` (reserved blocks, `store.py`). Runs under MicroPython and CPython; the
simulator of histories drives exactly this class:

    core = Core(preset, take_number)
    effects = core.key(down, now_ms) | core.wake(edge_ms, down, now_ms) | core.fall(now_ms)
            | core.ack(number, stage, now_ms, hub) | core.call(stage, now_ms) | core.ask(now_ms)
            | core.tick(now_ms)
    press, interval_ms, change_in_ms = core.book.on_air(now_ms, turn)
    core.next_ms(now_ms) -> when tick() has something to do, or None
"""

from firmware.pendant import gesture, presses, surface

AIR = 1
STORE = 2
FEEL = 3


class Core:
    """Gesture, press book and surfaces of one pendant."""

    def __init__(self, preset: int, take_number) -> None:
        self.gesture = gesture.Gesture(preset)
        self.book = presses.PressBook()
        self.wall_offset_ms = 0  # wall time minus power-on clock, 0 unknown
        self._take_number = take_number

    # -- events

    def restore(self, data: bytes, now_ms: int, same_clock: bool) -> None:
        """The book as it was before a reset; ValueError when the bytes are none."""
        self.book.load(data, now_ms, same_clock)
        self.gesture.open = self.book.is_open()

    def key(self, down: bool, now_ms: int) -> list:
        """A raw edge of the key."""
        return self._made(self.gesture.edge(down, now_ms), now_ms)

    def wake(self, edge_ms: int, down: bool, now_ms: int) -> list:
        """The key woke the chip; `down` is the line by now."""
        return self._made(self.gesture.wake(edge_ms, down, now_ms), now_ms)

    def resume_stuck(self, down: bool, now_ms: int) -> list:
        """The chip slept while the key was stuck; it is let go by now, or still down."""
        return self._made(self.gesture.resume_stuck(down, now_ms), now_ms)

    def pressed_anew(self, edge_ms: int, now_ms: int) -> list:
        """The release of a stuck key woke the chip, and the key is down again."""
        return self._made(self.gesture.pressed_anew(edge_ms, now_ms), now_ms)

    def fall(self, now_ms: int) -> list:
        """The accelerometer tells of a fall: an event of its own, on the air at once. The hub asks first, and
        a press by whoever fell is the SOS that it always is; nothing is felt that was not pressed.
        """
        self._event(presses.FALL, now_ms, now_ms)
        self.gesture.open = True
        return [(AIR,), (STORE,)]

    def ack(self, number: int, stage: int, now_ms: int, hub: str = "") -> list:
        """A hub tells how far one press has come; `hub` as in PressBook.ack."""
        was = self.book.stage()
        if not self.book.ack(now_ms, number, stage, hub):
            return []
        out = [(AIR,), (STORE,)]  # type: list[tuple]
        least = self.book.stage()
        if stage >= presses.CLOSED:
            if not self.book.presses and was < presses.ARRIVED:
                out.append((FEEL, surface.ENDED))
        elif was < presses.ARRIVED <= least:
            out.append((FEEL, surface.ENDED))
        elif was < presses.TAKEN <= least:
            out.append((FEEL, surface.TAKEN))
        elif was < presses.DELIVERED <= least:
            out.append((FEEL, surface.DELIVERED))
        self.gesture.open = self.book.is_open()
        return out

    def call(self, stage: int, now_ms: int) -> list:
        """A hub tells how far the set of the elder's calls has come."""
        before = self.book.call_stage
        had = before or self.book.stage()
        if not self.book.call(now_ms, stage):
            return []
        out = [(AIR,), (STORE,)]  # type: list[tuple]
        if self.book.unheard():
            pass  # to be felt when every press has come as far
        elif stage >= presses.ARRIVED:
            if had and before < presses.ARRIVED:
                out.append((FEEL, surface.ENDED))
        elif stage == presses.TAKEN:
            if self.book.stage() == presses.TAKEN:  # another hub's press may not be there yet
                out.append((FEEL, surface.TAKEN))
        elif stage == presses.DELIVERED and before < presses.DELIVERED:
            fresh = [p for p in self.book.presses if p.stage == presses.HEARD]
            for press in fresh:
                press.stage = presses.DELIVERED
            if fresh:
                out.append((FEEL, surface.DELIVERED))
        self.gesture.open = self.book.is_open()
        return out

    def ask(self, now_ms: int) -> list:
        """The hub asks whether the elder is all right; any press is the answer it always is."""
        return [(FEEL, surface.ASKED)]

    def wall(self, wall_ms: int, now_ms: int) -> list:
        """The hub tells the time."""
        self.wall_offset_ms = wall_ms - now_ms
        return [(STORE,)] if self.book.learn_wall(now_ms, wall_ms) else []

    def tick(self, now_ms: int) -> list:
        """Time has passed."""
        out = self._made(self.gesture.step(now_ms), now_ms)
        age = self.book.oldest_unheard_age(now_ms)
        if age >= 0:
            count = surface.no_hub_count(age)
            if count > self.book.low_buzzes:
                self.book.low_buzzes = count
                out.append((FEEL, surface.NO_HUB))
        if self.book.expire(now_ms):
            self.gesture.open = self.book.is_open()
            out.append((AIR,))
            out.append((STORE,))
        return out

    # -- what follows

    def next_ms(self, now_ms: int) -> int | None:
        """When `tick` has something to do, or None."""
        due = self.gesture.next_ms()
        other = self.book.next_ms(now_ms)
        if due is None or (other is not None and other < due):
            return other
        return due

    def light(self, now_ms: int) -> int:
        """Which light flashes now."""
        return surface.light(self.book.oldest_unheard_age(now_ms), self.book.stage())

    def _made(self, made: list, now_ms: int) -> list:
        out = []  # type: list[tuple]
        for what, at_ms in made:
            if what == gesture.STUCK or what == gesture.FREED:
                continue  # a fault, which the next heartbeat tells; nothing of it is in the book
            self._event(what, at_ms, now_ms)
            out.append((AIR,))
            out.append((STORE,))
            out.append((FEEL, surface.PRESSED))
        return out

    def _event(self, meaning: int, at_ms: int, now_ms: int) -> None:
        wall_ms = at_ms + self.wall_offset_ms if self.wall_offset_ms else 0
        self.book.press(now_ms, self._take_number(), meaning, at_ms, wall_ms)
