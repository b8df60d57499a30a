"""Who may look: a key opens the page once, a session ends by itself, foreign names are refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.page.access import (
    KEY_S,
    MOST_SESSIONS,
    SESSION_S,
    Access,
    host_of,
    is_ours,
    is_token,
    language_of,
)
from edge.page.serve import link_of
from edge.phrases.catalogue import LANGUAGES


@pytest.fixture
def access() -> Access:
    numbers = itertools.count(1)
    return Access(lambda: f"secret-{next(numbers)}")


def test_a_key_opens_the_page_once(access: Access) -> None:
    key = access.key(0)
    assert access.key(1) == key  # while nobody has used it
    cookie = access.enter(key, 2)
    assert cookie is not None
    assert access.enter(key, 3) is None
    assert access.key(4) != key
    session = access.session(cookie, 5)
    assert session is not None
    assert is_token(session, session.token)
    assert not is_token(session, cookie)


@pytest.mark.parametrize("given", ["", "secret", "secret-2", "秘密", "\udcff"])
def test_no_other_key_opens_it(access: Access, given: str) -> None:
    assert access.enter("", 0) is None  # none was given out
    access.key(0)
    assert access.enter(given, 1) is None
    assert access.session(given, 1) is None
    assert access.session(None, 1) is None


def test_a_key_that_nobody_used_ends_by_itself(access: Access) -> None:
    key = access.key(0)
    assert access.enter(key, KEY_S + 1) is None
    assert access.key(KEY_S + 1) != key


def test_a_link_that_is_given_out_is_good_for_minutes(access: Access) -> None:
    before = access.key(0)
    late = access.key(KEY_S * 0.6)
    assert late != before
    assert access.enter(late, KEY_S * 1.5) is not None


def test_a_session_lives_by_being_used_and_ends_without(access: Access) -> None:
    cookie = access.enter(access.key(0), 0)
    assert access.session(cookie, SESSION_S - 1) is not None
    assert access.session(cookie, 2 * SESSION_S - 2) is not None
    assert access.session(cookie, 3 * SESSION_S) is None


def test_of_many_browsers_the_one_that_looked_longest_ago_goes(access: Access) -> None:
    cookies = [access.enter(access.key(n), n) for n in range(MOST_SESSIONS)]
    access.session(cookies[0], MOST_SESSIONS)
    access.enter(access.key(MOST_SESSIONS + 1), MOST_SESSIONS + 1)
    assert access.session(cookies[0], MOST_SESSIONS + 2) is not None
    assert access.session(cookies[1], MOST_SESSIONS + 2) is None


@pytest.mark.parametrize(
    ("header", "address", "names", "ours"),
    [
        ("127.0.0.1:8470", "127.0.0.1", (), True),
        ("localhost:9000", "127.0.0.1", (), True),  # through a tunnel
        ("[::1]:8470", "::1", (), True),
        ("evil.example:8470", "127.0.0.1", (), False),
        ("127.0.0.1.evil.example", "127.0.0.1", (), False),
        ("192.168.1.7:8470", "127.0.0.1", (), False),
        ("192.168.1.7:8470", "192.168.1.7", (), True),
        ("192.168.1.7:8470", "0.0.0.0", (), True),
        ("evil.example", "0.0.0.0", (), False),
        ("HUB.local:8470", "0.0.0.0", ("hub.LOCAL",), True),
        ("", "127.0.0.1", (), False),
        ("", "0.0.0.0", (), False),
        ("[::1", "::", (), False),
        ("localhost:port", "127.0.0.1", (), False),
    ],
)
def test_only_our_own_names_are_answered(
    header: str, address: str, names: tuple[str, ...], ours: bool
) -> None:
    assert is_ours(host_of(header), address, names) is ours


@given(st.text())
def test_no_host_header_is_a_crash_and_none_with_a_foreign_name_is_ours(text: str) -> None:
    assert not is_ours(host_of(f"{text}.example"), "0.0.0.0")
    is_ours(host_of(text), "127.0.0.1")


@pytest.mark.parametrize(
    ("chosen", "header", "language"),
    [
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "en"),
        (None, "de, en;q=0.3, zh;q=0.7", "zh"),
        (None, "zh;q=0, en;q=0.1", "en"),
        (None, "de", "en"),
        (None, "", "zh"),
        (None, "*", "zh"),
        ("en", "zh", "en"),
        ("zh", "en", "zh"),
        ("../zh", "en", "en"),
        (None, "zh;q=99999, en", "en"),
        (None, "zh;level=1, en;q=0.1", "en"),
    ],
)
def test_the_page_speaks_what_is_asked_for(chosen: str | None, header: str, language: str) -> None:
    assert language_of(chosen, header) == language


@given(
    st.text() | st.none(), st.text() | st.from_regex(r"(zh|en|\*)(;q=[0-9.]{1,6})?(, ?(zh|en);q=\d.?\d?)*")
)
def test_every_header_gives_one_of_the_languages(chosen: str | None, header: str) -> None:
    assert language_of(chosen, header) in LANGUAGES


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("127.0.0.1", "http://127.0.0.1:8470/?key=k"),
        ("::1", "http://[::1]:8470/?key=k"),
        ("0.0.0.0", "http://127.0.0.1:8470/?key=k"),
        ("::", "http://[::1]:8470/?key=k"),
        ("192.168.1.7", "http://192.168.1.7:8470/?key=k"),
    ],
)
def test_a_link_leads_to_where_the_page_is(address: str, link: str) -> None:
    assert link_of(address, 8470, "k") == link
