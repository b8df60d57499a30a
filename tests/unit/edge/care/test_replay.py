"""What would have fired: the same fold as the hub's, over a journal, with other settings if one likes."""

from __future__ import annotations

from edge.care.replay import replay
from edge.care.settings import BedExit, CareSection
from tests.unit.edge.care.story import Story


def night() -> Story:
    """Out of bed at 02:00, asked at 02:25, back at 02:40."""
    story = Story("bed", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False).at("02:25")
    assert story.raises() == ["bed_exit"]
    return story.at("02:40").says("bed-01", True).at("05:00").says("bed-01", True)


def minute(story: Story, index: int = 0, care: CareSection | None = None) -> tuple[int, bool]:
    home = type(story.home)(story.home.elders, story.home.sensors, care or story.home.care, 0)
    fired = replay(story.entries, home)[index]
    return round(fired.at.wall_ms / 60_000) % 1440, fired.happened


def test_what_fired_would_have_fired_and_is_named_as_such() -> None:
    assert minute(night()) == (2 * 60 + 25, True)
    assert len(replay(night().entries, night().home)) == 1


def test_other_settings_would_have_fired_sooner_or_not_at_all() -> None:
    sooner = CareSection(bed_exit=BedExit(after_minutes=10))
    assert minute(night(), care=sooner) == (2 * 60 + 10, False)
    story = night()
    home = type(story.home)(("e-chen",), story.home.sensors, CareSection(bed_exit=BedExit(on=False)), 0)
    assert replay(story.entries, home) == []


def test_a_rule_that_was_blind_stays_silent() -> None:
    story = Story("bed", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False)
    story.event("fault.raised", fault="rule_blind", about="bed_exit:e-chen", cause="bed-01")
    story.at("03:00").event("fault.cleared", fault="rule_blind", about="bed_exit:e-chen")
    fired = replay(story.entries, story.home, story.stamp())
    assert [round(one.at.wall_ms / 60_000) % 1440 for one in fired] == []
    assert [f.verdict.rule for f in replay(story.entries, story.home, story.at("03:01").stamp())] == [
        "bed_exit"
    ]
