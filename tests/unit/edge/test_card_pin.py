"""A SIM's PIN in the hub's state: refused once it is never entered again; another one may be."""

from edge.credentials import SmsKeys
from edge.texting import PIN, pin_keeper


class State:
    """Values in memory."""

    def __init__(self):
        self.values = {}

    def get(self, space, name):
        return self.values.get((space, name))

    def put(self, space, name, value):
        self.values[space, name] = value


def keys(pin):
    return SmsKeys(home="ABCD", up_key="11" * 16, down_key="22" * 16, card_pin=pin)


def test_without_a_pin_none_is_tried():
    assert not pin_keeper(State(), keys(None)).may_try()


def test_a_pin_whose_end_nobody_knows_is_not_tried_by_the_next_run():
    state = State()
    keeper = pin_keeper(state, keys("1234"))
    assert keeper.may_try()
    keeper.tried()
    assert not pin_keeper(state, keys("1234")).may_try()
    assert b"1234" not in state.get(*PIN)


def test_one_that_worked_is_and_so_is_another():
    state = State()
    keeper = pin_keeper(state, keys("1234"))
    keeper.tried()
    assert pin_keeper(state, keys("5678")).may_try()
    keeper.worked()
    assert pin_keeper(state, keys("1234")).may_try()
