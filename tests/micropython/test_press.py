"""A finger on the key of a pendant: the real firmware on the unix port of MicroPython."""

from protocols.link import const


async def test_a_press_is_an_sos_on_the_air(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    await board.press()
    heard = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    assert heard.interval_us == 20_000
    assert heard.connectable
    assert heard.age_ms < 2000
    await board.until(lambda b: "pressed" in b.felt())
