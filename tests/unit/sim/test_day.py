"""A day without any way to the platform, on the made-up clock: nothing lost, and the SIM's day is kept."""

import pytest

from sim.histories.day import play
from sim.histories.run import silence


def played(seed, hours):
    with silence():
        return play(seed, hours)


def test_some_hours_without_a_way_lose_nothing():
    day = played(1, 2)
    assert day.broken() == []
    assert (day.texts, day.family) > (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_whole_day_costs_no_more_than_the_sim_may(seed):
    day = played(seed, 24)
    assert day.broken() == []
    assert day.texts >= 0.8 * day.texts_allowed  # the cap was what bounded it, over the restarts too
