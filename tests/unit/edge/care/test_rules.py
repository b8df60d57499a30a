"""Nights and days of somebody who lives alone: what each rule notices, and what it leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.care import words
from edge.care.hazards import KINDS
from edge.care.home import Home, window_minutes
from edge.care.replay import replay
from edge.care.rules import BLIND, CALM, FIRES, OFF, RULES, SAID, UNEQUIPPED, WAITING, look
from edge.care.settings import BedExit, CareSection, LeftAtNight, Missed, NoMotion, PersonRules, Wandering
from protocols.kinds import KINDS as wire_kinds
from protocols.values import Lane
from tests.unit.edge.care.story import Story


def test_a_visit_to_the_bathroom_at_night_is_nobodys_business() -> None:
    night = Story("bed", clock="21:00").at("22:30").says("bed-01", True).at("02:00").says("bed-01", False)
    assert night.at("02:24").raises() == []
    night.says("bed-01", True)
    assert night.at("04:00").raises() == []


def test_who_leaves_the_bed_at_night_and_does_not_come_back_is_asked_and_told_why() -> None:
    night = Story("bed", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False).at("02:25")
    verdict = night.verdict("bed_exit")
    assert verdict.state == FIRES
    assert words.reason(verdict, "en") == "Out of bed at night for 25 minutes, and not back"
    assert words.reason(verdict, "zh") == "夜里离床已有25分钟，没有回来"
    assert night.raises() == ["bed_exit"]


def test_who_answered_is_not_asked_again_for_half_an_hour_unless_they_leave_the_bed_anew() -> None:
    night = Story("bed", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False).at("02:25")
    assert night.raises() == ["bed_exit"]
    assert night.at("02:50").raises() == []
    assert night.at("02:55").raises() == ["bed_exit"]
    night.at("02:56").says("bed-01", True).at("02:58").says("bed-01", False)
    assert night.at("03:22").raises() == []
    assert night.at("03:23").raises() == ["bed_exit"]


def test_who_sits_up_late_or_rises_early_has_not_left_the_bed_at_night() -> None:
    late = Story("bed", clock="19:00").says("bed-01", True).at("20:00").says("bed-01", False)
    assert late.at("23:30").raises() == [], "they have not gone to bed yet"
    early = Story("bed", clock="22:30").says("bed-01", True).at("05:50").says("bed-01", False)
    assert early.at("06:30").raises() == []


def test_a_hub_that_restarts_in_the_night_still_asks() -> None:
    night = Story("bed", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False)
    again = Story("bed", clock="02:10")
    again.known = type(again.known)(started=again.stamp())
    for entry in night.entries:
        again.fold(entry)
    again.now_ms = night.now_ms
    assert again.at("02:25").raises() == ["bed_exit"]


def test_after_a_reboot_a_state_of_before_is_not_acted_on_until_the_sensor_is_heard() -> None:
    night = Story("bed", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False)
    night.at("02:10").reboots().at("02:40")
    assert (night.state("bed_exit"), night.verdict("bed_exit").why) == (WAITING, "bed-01")
    night.says("bed-01", False)
    assert night.raises() == ["bed_exit"], "it says that they are out still: since 02:00"


def test_a_silent_sensor_and_a_clock_that_nobody_confirmed_make_a_rule_blind() -> None:
    night = Story("bed", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False).at("02:30")
    night.silent = frozenset({"bed-01"})
    assert (night.state("bed_exit"), night.verdict("bed_exit").why) == (BLIND, "bed-01")
    night.silent, night.trusted = frozenset(), False
    assert (night.state("bed_exit"), night.verdict("bed_exit").why) == (BLIND, "clock")


def test_who_is_in_bed_at_ten_is_asked_once() -> None:
    day = Story("bed", clock="22:30").says("bed-01", True).at("09:59")
    assert day.state("not_up") == CALM
    assert day.at("10:00").raises() == ["not_up"]
    assert day.state("not_up") == SAID
    assert day.at("11:00").raises() == []
    assert day.at("10:00").raises() == ["not_up"], "and the next day again"


def test_a_nap_after_breakfast_is_not_lying_in() -> None:
    day = Story("bed", clock="22:30").says("bed-01", True).at("07:00").says("bed-01", False)
    assert day.at("09:30").says("bed-01", True).at("10:05").raises() == []


def test_without_a_bed_sensor_who_was_not_seen_all_morning_is_not_up() -> None:
    day = Story("motion", clock="22:00").moves()
    assert day.at("10:00").raises() == ["not_up"]
    seen = Story("motion", clock="22:00").moves().at("06:10").moves()
    assert seen.at("10:00").raises() == []


def test_nothing_moves_for_six_hours_of_the_day() -> None:
    day = Story("motion", clock="07:30").moves().at("09:00").moves()
    assert day.at("14:59").raises() == []
    assert day.at("15:00").raises() == ["no_motion"]


def test_the_night_does_not_count_as_a_day_without_motion() -> None:
    day = Story("motion", clock="20:00").at("21:00").moves()
    assert "no_motion" not in day.at("09:55").raises()
    assert day.at("12:00").verdict("no_motion").state == FIRES  # an hour of yesterday and five of today


def test_who_went_out_is_not_missed_at_home() -> None:
    day = Story("motion", "door", clock="08:00").moves().says("motion-01", True)
    day.at("08:01").says("door-01", True).says("door-01", False).says("motion-01", False)
    assert day.at("19:00").raises() == []
    back = Story("motion", "door", clock="08:00").moves().says("door-01", True).says("door-01", False)
    back.at("08:10").moves()
    assert back.at("14:10").raises() == ["no_motion"], "somebody came in, or never left"


def test_a_green_key_is_a_sign_of_life() -> None:
    day = Story("motion", clock="09:00").moves().at("15:00")
    assert day.raises() == ["no_motion"]
    call = day.event("call.inactivity", "rule", rule="no_motion")
    day.answers(call)
    assert day.at("20:59").raises() == []


def test_a_door_that_stands_open_at_night() -> None:
    night = Story("door", clock="21:30").says("door-01", True).at("21:45")
    assert night.raises() == []
    assert night.at("22:00").raises() == ["door_open"]
    shut = Story("door", clock="23:00").says("door-01", True).at("23:05").says("door-01", False)
    assert shut.at("23:30").raises() == []


def test_who_walks_out_at_night_and_does_not_come_back() -> None:
    care = CareSection(left_at_night=LeftAtNight(on=True))
    night = Story("door", "motion", care=care, clock="23:00").at("01:00").moves()
    night.at("01:05").says("door-01", True).says("door-01", False)
    assert night.at("01:24").raises() == []
    assert night.at("01:25").raises() == ["left_at_night"]
    back = Story("door", "motion", care=care, clock="01:00").says("door-01", True).says("door-01", False)
    assert back.at("01:02").moves().at("02:00").raises() == []
    day = (
        Story("door", "motion", care=care, clock="15:00").moves().says("door-01", True).says("door-01", False)
    )
    assert day.at("23:30").raises() == [], "who went out by day is late, and that is their own affair"
    assert Story("door", care=care).state("left_at_night") == UNEQUIPPED
    assert Story("door", "motion").state("left_at_night") == OFF, "unless it is agreed"


def test_who_is_outside_the_fence_is_asked_about_and_told_why() -> None:
    day = Story("tracker", clock="14:00").is_away(480)
    assert day.at("15:00").raises() == [], "the shop at the corner"
    day.is_away(520).at("15:05").is_away(900)
    assert day.at("15:09").raises() == []
    verdict = day.at("15:10").verdict("wandering")
    assert words.reason(verdict, "en") == "Outside the fence around the home for 10 minutes"
    assert words.reason(verdict, "zh") == "走出了家周围的围栏，已有10分钟"
    assert day.raises() == ["wandering"]
    assert day.at("15:40").raises() == []
    day.is_away(100).at("16:00").is_away(2_000)
    assert day.at("16:10").raises() == ["wandering"], "out again is another matter"


def test_the_fence_is_the_persons_own_and_counts_in_a_replay() -> None:
    wide = CareSection(people={"e-chen": PersonRules(wandering=Wandering(radius_m=3_000))})
    assert Story("tracker", care=wide, clock="14:00").is_away(2_900).at("20:00").raises() == []
    day = Story("tracker", clock="14:00").is_away(2_900).at("15:00").is_away(0)
    fired = replay(day.entries, day.home, day.stamp())
    ago = [(one.verdict.rule, (day.stamp().uptime_ms - one.at.uptime_ms) / 60_000) for one in fired]
    assert ago == [("wandering", pytest.approx(50, abs=1))]
    assert replay(day.entries, Home(("e-chen",), day.home.sensors, wide, 0), day.stamp()) == []


def test_a_tag_that_is_not_heard_at_night_is_somebody_who_left_and_by_day_their_own_affair() -> None:
    day = Story("tag", clock="14:00").says("tag-01", False)
    assert day.at("21:59").raises() == []
    verdict = day.at("22:00").verdict("wandering")
    assert words.reason(verdict, "en") == "The worn tag out of the home's hearing for 480 minutes"
    night = Story("tag", clock="23:00").at("02:00").says("tag-01", False).at("02:09")
    assert night.raises() == []
    assert night.at("02:10").raises() == ["wandering"]
    back = Story("tag", clock="02:00").says("tag-01", False).at("02:08").says("tag-01", True)
    assert back.at("05:00").raises() == []


def test_whoever_is_heard_at_home_is_at_home_whatever_satellites_say() -> None:
    assert Story("tag", "tracker", clock="14:00").is_away(4_000).at("16:00").raises() == []
    night = Story("bed", "tracker", clock="22:30").says("bed-01", True).is_away(4_000)
    assert night.at("23:30").raises() == []


def test_a_silent_tracker_is_blind_and_who_is_out_with_it_is_not_missed_in_the_rooms() -> None:
    day = Story("tracker", "motion", clock="07:00").moves().at("08:00").is_away(300).at("15:00")
    assert day.raises() == ["no_motion"], "inside the fence: at home, as far as is known"
    out = Story("tracker", "motion", clock="07:00").moves().at("14:55").is_away(600).at("15:00")
    assert out.raises() == []
    day.silent = frozenset({"tracker-01"})
    assert (day.verdict("wandering").state, day.verdict("wandering").why) == (BLIND, "tracker-01")


def test_a_stove_with_nobody_there_and_one_with_somebody() -> None:
    noon = Story("stove", "motion", clock="11:00").moves("motion-02").says("stove-01", True)
    noon.at("11:10").moves("motion-01")
    assert noon.at("11:15").raises() == ["stove"]
    cooked = Story("stove", "motion", clock="11:00").says("stove-01", True).at("11:10").moves("motion-02")
    assert cooked.at("11:20").raises() == []
    assert Story("stove", clock="11:00").state("stove") == UNEQUIPPED, "nobody sees the kitchen"


def test_who_sits_still_beside_the_soup_is_asked_later_than_who_went_away() -> None:
    soup = Story("stove", "motion", clock="11:00").says("stove-01", True).at("11:02").moves("motion-02")
    assert soup.at("11:26").raises() == []
    assert soup.at("11:27").raises() == ["stove"], "who fell there is not seen either"
    alone = Story("stove-01", "motion-02", clock="11:00").says("stove-01", True)
    assert alone.at("11:15").raises() == ["stove"], "nobody could be seen elsewhere"


def test_who_sits_up_and_has_said_so_is_asked_again_when_nothing_is_seen_of_them_any_more() -> None:
    night = Story("bed", "motion-01", clock="22:30").says("bed-01", True).at("02:00").says("bed-01", False)
    night.at("02:10").moves()
    assert night.at("02:25").raises() == ["bed_exit"], "seen or not, they are asked once"
    night.at("02:40").moves()
    assert night.at("03:04").raises() == []
    assert night.at("03:05").raises() == ["bed_exit"]


def test_the_key_i_am_well() -> None:
    day = Story("well", clock="00:30").at("08:00").presses("well-01")
    assert day.at("10:00").raises() == []
    assert day.at("23:00").at("10:00").raises() == ["well_key"], "the next day nobody pressed it"
    assert day.raises() == []


def test_a_measurement_that_is_agreed_and_was_not_made_is_told_once() -> None:
    care = CareSection(missed=Missed(kinds=("blood_pressure",)))
    day = Story(care=care, clock="09:00")
    assert day.at("10:00").raises() == ["missed.blood_pressure"]
    assert day.at("10:30").raises() == []
    day.at("08:00").event("reading.blood_pressure", value=130, second=80)
    assert day.at("10:00").raises() == []


def test_a_systole_of_190_is_asked_about_and_an_old_one_is_not() -> None:
    day = Story(clock="09:00")
    day.event("reading.blood_pressure", value=190.0, second=95.0, unit="mmhg")
    assert day.raises() == ["vitals"]
    assert day.at("09:10").raises() == [], "about one reading once"
    day.at("09:20").event("reading.blood_pressure", value=25.6, second=12.0, unit="kpa")
    assert day.raises() == ["vitals"], "192 mmHg"
    old = Story(clock="09:00")
    old.event("reading.blood_pressure", value=190.0, measured_ms=old.stamp().wall_ms - 3_600_000)
    assert old.raises() == []


def test_a_rule_may_be_off_or_otherwise_for_one_person() -> None:
    care = CareSection(
        no_motion=NoMotion(on=False),
        people={"e-chen": PersonRules(bed_exit=BedExit(after_minutes=60))},
    )
    night = Story("bed", "motion", care=care, clock="23:00").says("bed-01", True)
    night.at("02:00").says("bed-01", False)
    assert night.at("02:59").raises() == []
    assert night.at("03:00").raises() == ["bed_exit"]
    assert night.state("no_motion") == OFF


def test_the_words_say_which_call_it_becomes() -> None:
    for rule in RULES:
        english, chinese = (words.explain(rule.name, CareSection(), language) for language in ("en", "zh"))
        assert ("SOS" in english) is ("紧急求助" in chinese) is (rule.lane is Lane.SOS), rule.name
    for name, kind in KINDS.items():
        english = words.explain(name, CareSection(), "en")
        assert ("SOS" in english) is (wire_kinds[kind].lane is Lane.SOS)
        assert "nobody first" in english


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_rule_says_what_it_does_and_how_it_stands(language: str) -> None:
    story = Story("bed", "motion", care=CareSection(missed=Missed(kinds=("glucose",))))
    for verdict in look(story.known, story.stamp(), story.home):
        sentence = words.explain(verdict.rule, story.home.care, language)
        assert len(sentence) > 15
        assert not set(sentence) & set("{}")
        assert words.state(verdict, language)


def test_both_languages_have_every_sentence_and_no_other() -> None:
    zh, en = words.catalogue("zh"), words.catalogue("en")
    assert zh.keys() == en.keys()
    assert {f"{name}.{what}" for name in words.NAMES for what in ("does", "why")} <= zh.keys()


@given(st.floats(0, 10_000), st.floats(0, 1439), st.integers(0, 1440), st.integers(0, 1440))
def test_minutes_of_a_window_are_no_more_than_those_that_passed(
    passed: float, now: float, begin: int, end: int
) -> None:
    inside = window_minutes(passed, now, begin, end)
    outside = window_minutes(passed, now, end, begin)
    assert -1e-6 <= inside <= passed + 1e-6
    assert begin % 1440 == end % 1440 or abs(inside + outside - passed) < 1e-6


steps = st.lists(
    st.tuples(
        st.sampled_from(["bed-01", "motion-01", "motion-02", "door-01", "stove-01", "well-01", "reboot"]),
        st.booleans(),
        st.integers(0, 12 * 60),
    ),
    max_size=30,
)


@given(steps)
def test_whatever_sensors_say_each_rule_says_one_thing_and_nothing_twice_in_a_minute(
    said: list[tuple[str, bool, int]],
) -> None:
    story = Story("bed", "motion", "door", "stove", "well")
    for sensor, on, minutes in said:
        if sensor == "reboot":
            story.reboots()
        else:
            story.says(sensor, on)
        story.now_ms += minutes * 60_000
        verdicts = look(story.known, story.stamp(), story.home)
        assert [v.rule for v in verdicts] == [rule.name for rule in RULES]
        story.raises()
        assert story.raises() == []
