"""Planted faults of the hub's own page: the rest of `rows.py`."""

from __future__ import annotations

from tests.planted.plant import Change, Plant

IN_BROWSER = "tests/browser/test_hub_page.py::"
PAGES = (
    Plant(
        "a name that is told to the hub's page becomes markup",
        (),
        IN_BROWSER + "test_whatever_is_told_to_the_page_stays_text",
        "",
        (Change("edge/page/files/making.js", "node.textContent = text", "node.innerHTML = text"),),
    ),
    Plant(
        "what a dead hub told is shown as if it were told now",
        (9,),
        IN_BROWSER + "test_a_hub_that_is_gone_is_said_plainly_and_comes_back",
        "",
        (Change("edge/page/asking.py", '"age_s": round(now_s - answer.at_s, 1)', '"age_s": 0.0'),),
    ),
    Plant(
        "a device that was not heard since the start was heard now",
        (9,),
        IN_BROWSER + "test_devices_say_when_they_were_heard_and_do_not_say_never_lightly",
        "",
        (
            Change(
                "edge/page/files/parts.js",
                "if (device.heard_age_s !== null) return",
                "if (device) return",
            ),
        ),
    ),
    Plant(
        "a way that nobody has tried is a way that works",
        (9,),
        IN_BROWSER + "test_help_at_a_glance_claims_only_what_is_known",
        "",
        (Change("edge/page/files/parts.js", 'answered === null ? "untried" : "good"', '"good"'),),
    ),
    Plant(
        "the hub's page is shown to whoever knows its address",
        (),
        "tests/integration/hub/test_page.py::test_without_a_key_nothing_is_answered",
        "",
        (
            Change(
                "edge/page/app.py",
                "return await answer(request, session) if session is not None else _refused(request)",
                "return await answer(request, session)  # type: ignore[arg-type]",
            ),
        ),
    ),
)
