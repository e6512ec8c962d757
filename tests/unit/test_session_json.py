"""Sessions as JSON: composed by hand, so any text in them has to be escaped."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.session import Snapshot
from domain.session_json import (
    created_session_json,
    session_expired_json,
    session_expiring_json,
    session_info_json,
    session_page_json,
)
from tests.support.sessions import NOON_MS, session

any_text = st.text(st.characters(codec=None))  # as an edit by hand may have stored it


@given(session_id=any_text, agent_id=any_text, user_id=any_text)
def test_any_text_of_a_session_comes_back_from_its_json(
    session_id: str, agent_id: str, user_id: str
) -> None:
    stored = replace(session(), session_id=session_id, agent_id=agent_id, user_id=user_id)
    ids = {"sessionId": session_id, "agentId": agent_id, "userId": user_id}
    info = json.loads(session_info_json(Snapshot(stored, NOON_MS)))
    assert {name: info[name] for name in ids} == ids
    created = json.loads(created_session_json(stored))
    assert created.items() <= info.items()


@given(session_id=any_text)
def test_any_id_of_a_session_comes_back_from_an_event(session_id: str) -> None:
    stored = replace(session(), session_id=session_id)
    expiring = json.loads(session_expiring_json(Snapshot(stored, NOON_MS)))
    expired = json.loads(session_expired_json(stored))
    assert expiring["session"]["sessionId"] == expired["session"]["sessionId"] == session_id


def test_a_warning_shows_the_session_as_it_stood_at_the_warning() -> None:
    detail = json.loads(session_expiring_json(Snapshot(session(expires=5), NOON_MS)))
    assert detail["expiresAt"] == detail["session"]["expiresAt"] == "2100-01-01T12:05:00.000Z"
    assert detail["session"]["timeRemaining"] == 5 * 60_000
    assert detail["session"]["isNearExpiration"] is True


def test_an_expiry_that_no_removal_told_of_has_no_time_of_removal() -> None:
    assert json.loads(session_expired_json(session())).keys() == {
        "eventId",
        "expiredAt",
        "session",
    }


@given(auto_renew=st.booleans(), near=st.booleans())
def test_truth_is_written_as_json_writes_it(auto_renew: bool, near: bool) -> None:
    stored = session(auto_renew=auto_renew)
    at_ms = stored.expires_at_ms - 1 if near else stored.expires_at_ms - 6 * 60_000
    info = json.loads(session_info_json(Snapshot(stored, at_ms)))
    assert info["timeoutConfig"]["autoRenew"] is auto_renew
    assert info["isNearExpiration"] is near


@given(cursor=st.none() | any_text, sessions=st.integers(0, 3))
def test_a_page_says_how_many_sessions_it_has_and_what_comes_next(
    cursor: str | None, sessions: int
) -> None:
    info = session_info_json(Snapshot(session(), NOON_MS))
    page = json.loads(session_page_json([info] * sessions, cursor))
    assert page["total"] == len(page["sessions"]) == sessions
    assert page.get("cursor") == cursor
