"""A relative's telephone by SIP on the home page: a real baresip rings there, is answered and hung up."""

from types import SimpleNamespace

import pytest

from sim.home.home import Home
from sim.home.page import ActError
from sim.home.setup import DAUGHTER, Setup
from sim.home.show import Show
from tests.integration.sip.test_telephone import Line, until


@pytest.fixture
async def line(tmp_path):
    line = await Line(tmp_path).open()
    yield await line.up()
    await line.close()


async def test_a_telephone_rings_on_the_page_and_is_answered_and_hung_up_there(line, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("h"), setup=Setup(sip=True, family=(DAUGHTER,)))
    home.sip = SimpleNamespace(phones={DAUGHTER.id: line.daughter})
    show = Show(home)

    def shows(state):
        show.telephones.look()
        return show.feed.state["phone:daughter-sip"]["state"] == state

    assert shows("idle")
    talk = await line.hub.dial(line.her)
    await until(lambda: shows("ringing"))
    await show.do_phone({"phone": "daughter-sip", "hand": "answer"})
    await until(lambda: shows("answered") and talk.answered)
    await show.do_phone({"phone": "daughter-sip", "hand": "one"})
    await until(lambda: talk.tones == "1")
    await show.do_phone({"phone": "daughter-sip", "hand": "hang_up"})
    await until(lambda: shows("idle"))
    assert [row["what"] for row in show.feed.rows] == ["phone_ringing", "phone_answered", "phone_ended"]
    for asked in ({"phone": "daughter-sip", "hand": "reply"}, {"phone": "nobody-sip", "hand": "answer"}):
        with pytest.raises(ActError):
            await show.do_phone(asked)
