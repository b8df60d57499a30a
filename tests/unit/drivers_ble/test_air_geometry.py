"""Signal and loss in the simulated home."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.air.geometry import Spot, Wall, crosses, loss, signal_dbm

METRES = st.floats(-50, 50)


def test_a_room_away_is_quieter_and_a_lift_shaft_is_the_end() -> None:
    near = signal_dbm(Spot(0, 0), Spot(1, 0), ())
    far = signal_dbm(Spot(0, 0), Spot(10, 0), ())
    shaft = signal_dbm(Spot(0, 0), Spot(10, 0), (Wall(5, -3, 5, 3, 40),))
    assert near == -50
    assert far == -72
    assert shaft == -112
    assert loss(near) < 1e-6
    assert loss(shaft) > 0.99


def test_a_wall_that_does_not_stand_between_costs_nothing() -> None:
    assert not crosses(Spot(0, 0), Spot(1, 0), Wall(5, -3, 5, 3, 40))
    assert not crosses(Spot(0, 0), Spot(10, 0), Wall(5, 1, 5, 3, 40))


@given(METRES, METRES, METRES, METRES, st.floats(0, 80))
def test_both_ways_are_alike_and_noise_only_hurts(
    ax: float, ay: float, bx: float, by: float, noise: float
) -> None:
    a, b, walls = Spot(ax, ay), Spot(bx, by), (Wall(0.1, -9, 0.2, 9, 12),)
    there, back = signal_dbm(a, b, walls), signal_dbm(b, a, walls)
    assert abs(there - back) < 1e-9
    assert 0 <= loss(there) <= loss(there, noise) <= 1
