"""A key's story from its raw edges: what was pressed, and nothing else, whatever the contacts do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.pi.debounce import BOUNCE_MS, STUCK_MS, Debouncer, KeyDown, KeyEvent, KeyStuck, KeyUp

Edges = list[tuple[int, int]]  # (ms, 1 = down), as the line was seen

# Sequences as lgpio hands them on (its debounce off), from the reports in gpiozero issue 1090 and its like:
# bouncing contacts, an edge that the kernel lost, a level read after the next edge, edges of one instant.
LGPIO_SEQUENCES: dict[str, tuple[Edges, list[KeyEvent]]] = {
    "clean": ([(0, 1), (180, 0)], [KeyDown("red", 0), KeyUp("red", 180, 180)]),
    "bounces down and up": (
        [(0, 1), (1, 0), (2, 1), (4, 0), (5, 1), (210, 0), (211, 1), (213, 0)],
        [KeyDown("red", 0), KeyUp("red", 213, 213)],
    ),
    "the level of a bounce is read too late: down, down, up, up": (
        [(0, 1), (0, 1), (150, 0), (151, 0)],
        [KeyDown("red", 0), KeyUp("red", 151, 151)],
    ),
    "bounce ends with the wrong edge last, the line is read": (
        [(0, 1), (2, 0)],
        [KeyDown("red", 0)],
    ),
    "the release was lost": (
        [(0, 1), (900, 1), (1000, 0)],
        [KeyDown("red", 0), KeyUp("red", 900, 900), KeyDown("red", 900), KeyUp("red", 1000, 100)],
    ),
    "a phantom release of a worn contact while held": (
        [(0, 1), (500, 0), (503, 1), (1500, 0)],
        [KeyDown("red", 0), KeyUp("red", 1500, 1500)],
    ),
    "three presses in a second": (
        [(0, 1), (90, 0), (300, 1), (390, 0), (600, 1), (690, 0)],
        [
            KeyDown("red", 0),
            KeyUp("red", 90, 90),
            KeyDown("red", 300),
            KeyUp("red", 390, 90),
            KeyDown("red", 600),
            KeyUp("red", 690, 90),
        ],
    ),
}


def play(edges: Edges, end_ms: int, line_at_end: int | None = None) -> list[KeyEvent]:
    """Feed edges, ticking whenever the debouncer asks for it; read the line once at the end if given."""
    key = Debouncer("red")
    events: list[KeyEvent] = []
    for at, down in edges:
        while (due := key.due_ms()) is not None and due < at:
            events += key.tick(due)
        events += key.edge(bool(down), at)
    if line_at_end is not None:
        events += key.sample(bool(line_at_end), edges[-1][0] + 10)
    while (due := key.due_ms()) is not None and due <= end_ms:
        events += key.tick(due)
    return events


@pytest.mark.parametrize("name", LGPIO_SEQUENCES)
def test_lgpio_sequences_tell_what_the_finger_did(name: str) -> None:
    edges, expected = LGPIO_SEQUENCES[name]
    line = 1 if name.endswith("the line is read") else None
    assert play(edges, edges[-1][0] + 1000, line) == expected


def test_a_press_is_told_at_its_first_edge() -> None:
    assert Debouncer("red").edge(True, 1234) == [KeyDown("red", 1234)]


def test_a_press_shorter_than_the_bounce_time_does_not_cost_the_next_one() -> None:
    """gpiozero issue 1039, with its own figures scaled to ours."""
    assert play([(0, 1), (5, 0), (5000, 1), (5100, 0)], 6000) == [
        KeyDown("red", 0),
        KeyUp("red", 5, 5),
        KeyDown("red", 5000),
        KeyUp("red", 5100, 100),
    ]


def test_edges_that_come_late_and_together_are_still_two_presses() -> None:
    """The loop was busy: no tick between edges that the kernel had dated."""
    key = Debouncer("red")
    events = [e for at, down in [(0, 1), (100, 0), (250, 1), (350, 0)] for e in key.edge(bool(down), at)]
    assert [type(e) for e in events] == [KeyDown, KeyUp, KeyDown]
    assert key.tick(9000) == [KeyUp("red", 350, 100)]


def test_a_key_held_for_half_a_minute_is_stuck_once_and_its_release_says_so() -> None:
    key = Debouncer("green")
    key.edge(True, 1000)
    assert key.tick(1000 + STUCK_MS - 1) == []
    assert key.tick(1000 + STUCK_MS) == [KeyStuck("green", 1000 + STUCK_MS)]
    assert key.tick(1000 + 5 * STUCK_MS) == []
    assert key.due_ms() is None
    key.edge(False, 200_000)
    assert key.tick(200_030) == [KeyUp("green", 200_000, 199_000, was_stuck=True)]
    assert key.edge(True, 300_000) == [KeyDown("green", 300_000)]


def test_a_release_before_the_limit_is_not_stuck_however_late_it_is_noticed() -> None:
    key = Debouncer("red")
    key.edge(True, 0)
    key.edge(False, 200)
    assert key.tick(10 * STUCK_MS) == [KeyUp("red", 200, 200)]


def test_a_key_whose_edges_are_dead_is_heard_by_reading_the_line() -> None:
    key = Debouncer("red")
    assert key.sample(False, 0) == []
    assert key.sample(True, 100) == [KeyDown("red", 100)]
    assert key.sample(True, 200) == []
    assert key.sample(False, 300) == []
    assert key.sample(False, 300 + BOUNCE_MS) == [KeyUp("red", 300, 200)]


def test_time_that_goes_back_breaks_nothing() -> None:
    key = Debouncer("red")
    key.edge(True, 5000)
    assert key.edge(False, 10) == []
    assert key.tick(5000 + BOUNCE_MS) == [KeyUp("red", 5000, 0)]


@given(
    presses=st.lists(st.tuples(st.integers(100, 5000), st.integers(40, 3000)), min_size=1, max_size=8),
    bounces=st.lists(st.lists(st.integers(1, 3), max_size=6), min_size=16, max_size=16),
)
def test_any_bouncing_hand_is_counted_right(presses: list[tuple[int, int]], bounces: list[list[int]]) -> None:
    """However contacts bounce (for up to 18 ms), n presses are n downs at their first edges, and n ups."""
    edges: Edges = []
    downs: list[int] = []
    at = 0
    for number, (pause, hold) in enumerate(presses):
        for level, wait, pattern in ((1, pause, bounces[2 * number]), (0, hold, bounces[2 * number + 1])):
            at += wait
            if level:
                downs.append(at)
            edges.append((at, level))
            flip = at
            for gap in pattern[: len(pattern) // 2 * 2]:
                flip += gap
                edges.append((flip, 1 - edges[-1][1]))
            at = flip
    events = play(edges, at + 10_000)
    assert [e.at_ms for e in events if isinstance(e, KeyDown)] == downs
    assert sum(isinstance(e, KeyUp) for e in events) == len(presses)


@given(st.lists(st.tuples(st.sampled_from("est"), st.booleans(), st.integers(-50, 2000)), max_size=60))
def test_whatever_the_line_does_events_alternate_in_order(calls: list[tuple[str, bool, int]]) -> None:
    key = Debouncer("red")
    events: list[KeyEvent] = []
    now = 0
    for call, down, step in calls:
        now += step
        if call == "e":
            events += key.edge(down, now)
        elif call == "s":
            events += key.sample(down, now)
        else:
            events += key.tick(now)
    told = [e for e in events if not isinstance(e, KeyStuck)]
    assert all(isinstance(e, KeyDown if i % 2 == 0 else KeyUp) for i, e in enumerate(told))
    assert [e.at_ms for e in events] == sorted(e.at_ms for e in events)
    assert all(e.held_ms >= 0 for e in told if isinstance(e, KeyUp))
    assert key.is_down == (len(told) % 2 == 1)
