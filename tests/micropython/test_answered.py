"""A fall about which one hub was answered: what the pendant tells the others. Runs under both interpreters.

Everything goes by the frames themselves: hubs prove themselves with their own keys, nothing is handed in
behind the link.
"""

from firmware.pendant import presses
from firmware.pendant.core import Core
from firmware.pendant.hublink import HubLink
from protocols.link import keys, messages, session
from protocols.link.errors import REASON_OLD, REASON_TAG, LinkError

ROOT = bytes(range(16))
LIFE = 0x1A2B3C4D
FALL = 1
CANCELLED, CLOSED = presses.CANCELLED, presses.CLOSED


class Blank:
    """Bears what it is given."""


class App:
    """What HubLink expects of the application, and the frames that went out, by connection."""

    def __init__(self):
        self.pendant_id = "pd-01"
        self.core = Core(0, iter(range(1, 100)).__next__)
        self.store = Blank()
        self.store.life, self.store.flash_ok, self.store.counter = LIFE, True, Blank()
        self.store.counter.next = 7
        self.falls = Blank()
        self.falls.note = None
        self.radio = self
        self.frames = {}
        self.link = HubLink(self, ROOT)

    def perform(self, effects):
        pass

    def proved(self, now):
        pass

    def battery_pct(self):
        return 80

    def faults(self):
        return 0

    def send(self, conn, frame):
        self.frames[conn].append(bytes(frame))
        return True

    def drop(self, conn):
        pass


class Hub:
    """A hub that has connected and proved itself."""

    def __init__(self, app, name, now=0, root=ROOT):
        self.app, self.conn = app, len(app.frames)
        app.frames[self.conn] = []
        app.link.connected(self.conn, now)
        hub = session.Initiator(keys.link_key(root, name), name, "pd-01", bytes(range(16)))
        app.link.wrote(self.conn, hub.hello(), now)
        (challenge,) = self.frames()
        app.link.wrote(self.conn, hub.on_challenge(challenge), now)
        self.session = hub.session

    def frames(self):
        """Every frame that came since; each is confirmed."""
        came, mine = [], self.app.frames[self.conn]
        while mine:
            came.append(mine.pop(0))
            self.app.link.confirmed(self.conn, 0)
        return came

    def heard(self):
        """Every message that came since."""
        return [messages.decode(self.session.open(frame)) for frame in self.frames()]

    def tell(self, message, now=0):
        """Say something; what came since."""
        self.app.link.wrote(self.conn, self.session.seal(message.encode()), now)
        return self.heard()


def fallen(now=1000):
    """Somebody fell, both hubs have heard it; the pendant, and the hubs."""
    app = App()
    app.core.fall(now)
    hubs = [Hub(app, name, now) for name in ("hub-01", "hub-02")]
    for hub in hubs:
        assert [type(message) for message in hub.heard()] == [messages.Status]
        hub.tell(messages.Ack(LIFE, FALL, presses.HEARD), now)
    return app, hubs


def words(came):
    """What was told of answers: life, number, hub."""
    return [(m.life, m.number, m.hub) for m in came if m.kind == messages.KIND_ANSWERED]


def answered(life=LIFE, number=FALL, stage=CANCELLED):
    return messages.Ack(life, number, stage, True)


def test_who_is_connected_learns_at_once_that_another_hub_was_answered():
    _, (one, other) = fallen()
    assert [m.kind for m in one.tell(answered())] == [messages.KIND_OK], "it knows itself"
    assert words(other.heard()) == [(LIFE, FALL, "hub-01")]


def test_who_comes_later_learns_it_before_the_status():
    app, (one, other) = fallen()
    app.link.disconnected(other.conn)
    one.tell(answered())
    came = Hub(app, "hub-02").heard()
    assert [m.kind for m in came] == [messages.KIND_ANSWERED, messages.KIND_STATUS]
    assert words(came) == [(LIFE, FALL, "hub-01")]
    assert came[1].presses == []
    assert words(Hub(app, "hub-01").heard()) == []
    assert words(Hub(app, "hub-03").heard()) == [(LIFE, FALL, "hub-01")], "nor do they forget who comes twice"


def test_an_end_that_is_no_answer_tells_nobody():
    for message in (
        messages.Ack(LIFE, FALL, CANCELLED),
        messages.Ack(LIFE, FALL, CLOSED, True),
        answered(life=LIFE + 1),
        answered(number=FALL + 1),
    ):
        app, (one, other) = fallen()
        one.tell(message)
        assert words(other.heard()) == []
        assert app.core.book.answered == []


def test_an_older_hub_says_nothing_of_answers():
    app, (one, other) = fallen()
    app.link.wrote(one.conn, one.session.seal(answered().encode()[:-1]), 0)
    assert [m.stage for m in one.heard()] == [CANCELLED], "it ends as ever"
    assert not app.core.book.presses
    assert words(other.heard()) == []


def test_a_press_is_never_answered():
    app, (one, other) = fallen()
    app.core.key(True, 2000)
    app.core.tick(2050)
    sos = app.core.book.presses[-1]
    assert sos.meaning == presses.SOS
    one.tell(answered(number=sos.number))
    assert words(other.heard()) == []


def test_whoever_was_answered_first_is_told_of_and_nobody_twice():
    app, (one, other) = fallen()
    one.tell(answered())
    other.heard()
    assert words(other.tell(answered())) == [], "it ends its own question, and says so to the pendant"
    assert words(one.heard()) == []
    assert app.core.book.answered == [(FALL, "hub-01")]


def test_each_fall_is_told_of_by_its_own_number():
    app, (one, other) = fallen()
    app.core.fall(5000)
    one.tell(answered())
    assert words(other.heard()) == [(LIFE, FALL, "hub-01")]
    assert [p.number for p in app.core.book.presses] == [FALL + 1]
    one.tell(answered(number=FALL + 1))
    assert words(other.heard())[-1] == (LIFE, FALL + 1, "hub-01")


def test_the_newest_are_kept_and_no_more():
    app, (one, _) = fallen()
    for number in range(FALL, FALL + 9):
        one.tell(answered(number=number))
        app.core.fall(5000)
    kept = [number for number, _ in app.core.book.answered]
    assert kept == list(range(FALL + 9 - presses.ANSWERED_KEPT, FALL + 9))


def test_a_stranger_is_told_nothing():
    app, (one, _) = fallen()
    one.tell(answered())
    try:
        Hub(app, "hub-02", root=bytes(16))
        proved = True
    except LinkError as error:
        proved = error.reason != REASON_TAG
    assert not proved
    app.frames[99] = []
    app.link.connected(99, 0)
    app.link.wrote(99, session.Initiator(bytes(16), "hub-02", "pd-01", bytes(16)).hello(), 0)
    app.link.confirmed(99, 0)
    app.link.wrote(99, bytes((session.FRAME_PROOF,)) + bytes(16), 0)
    assert [frame[0] for frame in app.frames[99]] == [session.FRAME_CHALLENGE]


def test_a_word_that_is_played_again_is_refused():
    app, (one, other) = fallen()
    one.tell(answered())
    (frame,) = other.frames()
    assert messages.decode(other.session.open(frame)).number == FALL
    other.tell(messages.GetStatus())
    again = Hub(app, "hub-02")
    for held, reason in ((other, REASON_OLD), (again, REASON_TAG)):
        try:
            held.session.open(frame)
            refused = 0
        except LinkError as error:
            refused = error.reason
        assert refused == reason


def test_the_other_hub_can_come_for_half_a_minute_by_heartbeats():
    app, (one, _) = fallen()
    assert app.core.book.on_air(5000, 0)[0].number == FALL
    one.tell(answered(), 5000)
    for after_ms in (0, 10000, 29999):
        press, interval, change = app.core.book.on_air(5000 + after_ms, 0)
        assert (press, interval, change) == (None, 100, 30000 - after_ms)
    assert app.core.book.on_air(35000, 0) == (None, 0, None)


def test_an_end_that_is_no_answer_is_silent_at_once():
    app, (one, _) = fallen()
    one.tell(messages.Ack(LIFE, FALL, CLOSED), 5000)
    assert app.core.book.on_air(5000, 0) == (None, 0, None)


def test_a_press_after_it_is_on_the_air_like_any():
    app, (one, _) = fallen()
    one.tell(answered(), 5000)
    app.core.key(True, 6000)
    app.core.tick(6050)
    press, interval, _ = app.core.book.on_air(6060, 0)
    assert (press.meaning, interval) == (presses.SOS, 20)
