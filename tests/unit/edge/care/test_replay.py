"""What would have fired: the same fold as the hub's, over a journal, with other settings if one likes."""

from __future__ import annotations

from edge.care import words
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


def test_smoke_and_the_cord_stand_in_a_replay_with_their_reason() -> None:
    story = Story("smoke", "pull_cord", clock="12:00").at("12:10").says("smoke-01", True)
    story.event("call.smoke", rule="smoke_on")
    story.says("smoke-01", True).at("12:20").says("smoke-01", False).at("12:30").says("smoke-01", True)
    story.presses("cord-01")
    fired = replay(story.entries, story.home)
    told = [(one.verdict.rule, round(one.at.wall_ms / 60_000) % 1440, one.happened) for one in fired]
    assert told == [("smoke", 730, True), ("smoke", 750, False), ("pull_cord", 750, False)]
    assert words.reason(fired[0].verdict, "en") == "Smoke: kitchen"
    assert words.reason(fired[2].verdict, "zh") == "bath的拉绳被拉了"
