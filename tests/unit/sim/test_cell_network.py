"""The simulated cell network is as late, lossy and disorderly as what was published of real ones."""

import random
import statistics

from sim.modem.network import Air, published

COUNT = 20_000


def drawn(air):
    dice = random.Random(1)
    return sorted(air.draw_s(dice) for _ in range(COUNT))


def test_half_of_the_published_delays_are_the_typical_ones():
    air = published()
    air.missed = 0.0
    delays = drawn(air)
    low, middle, high = statistics.quantiles(delays, n=4)
    assert (round(low, 1), round(high, 1)) == (6.0, 8.0)
    assert 6.8 < middle < 7.1
    assert delays[0] < 5 and 11 < delays[int(COUNT * 0.99)] < 12  # noqa: PT018 - one distribution


def test_phones_are_missed_at_the_first_try_as_often_as_published():
    for at_home, share in ((True, 0.02), (False, 0.38)):
        missed = sum(delay > 50 for delay in drawn(published(at_home=at_home))) / COUNT
        assert abs(missed - share) < 0.02


def test_without_a_tail_a_delay_is_between_its_figures():
    delays = drawn(Air(delay_s=(1.0, 2.0)))
    assert 1.0 <= delays[0] <= delays[-1] <= 2.0
