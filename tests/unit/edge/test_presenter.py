"""What the presenter does besides showing: it knows that the hub is mute before anybody needs its voice."""

import asyncio

from drivers.pi.audio import Speaker
from edge import presenter


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
    assert await asyncio.wait_for(told.get(), 30)
    card.touch()
    assert not await asyncio.wait_for(told.get(), 30)
    checking.cancel()
    await asyncio.gather(checking, return_exceptions=True)
    await speaker.close()
