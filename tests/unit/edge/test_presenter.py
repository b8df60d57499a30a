"""What the presenter does besides showing: it knows that the hub is mute before anybody needs its voice."""

import asyncio

from drivers.pi.audio import Said, Speaker
from edge import presenter
from edge.deadlines import Timing
from edge.hub import Hub
from edge.mint import Mint
from edge.presenter import Presenter
from tests.unit.edge.by_hand import ClockByHand, DiskByHand


async def test_a_missing_card_is_known_without_any_call_and_so_is_its_return(tmp_path, monkeypatch):
    monkeypatch.setattr(presenter, "VOICE_FIRST_S", 0.0)
    monkeypatch.setattr(presenter, "VOICE_EVERY_S", 0.0)
    told: asyncio.Queue[bool] = asyncio.Queue()
    (tmp_path / "silence.wav").touch()
    card = tmp_path / "card"
    speaker = Speaker(
        ("sh", "-c", f"test -e {card}"), tmp_path, lambda error: told.put_nowait(error is not None)
    )
    checking = asyncio.create_task(presenter.check_voice(speaker))
    assert await asyncio.wait_for(told.get(), 60)
    card.touch()
    assert not await asyncio.wait_for(told.get(), 60)
    checking.cancel()
    await asyncio.gather(checking, return_exceptions=True)
    await speaker.close()


class Quiet:
    """A speaker, lamp and pendants that write down what they were asked."""

    def __init__(self):
        self.said = []

    async def say(self, key, language, lane, still):
        self.said.append(key)
        return Said.SAID

    def set(self, colour, pattern):
        pass

    tell = ask = set


async def test_while_a_phone_line_into_the_room_is_open_nothing_is_said_into_it():
    hub = Hub(Mint("hub-01", ClockByHand()), DiskByHand(), elder="e-chen", room="hall")
    outside, talking = Quiet(), True
    shows = Presenter(
        *(hub, outside, outside, outside),
        language="zh",
        timing=Timing(),
        care={},
        no_path=lambda: False,
        silent=lambda: False,
        talking=lambda: talking,
    )
    hub.call("call.sos", "red")
    await hub._store.commit()
    shows._show()
    await asyncio.sleep(0)
    assert outside.said == []
    talking = False
    shows._show()
    await asyncio.sleep(0)
    assert outside.said == ["calling"]
