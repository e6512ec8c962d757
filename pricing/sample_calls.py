"""The calls that are measured, in the order in which they are."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks import api_events
from benchmarks.api_events import Event
from benchmarks.measured_sessions import LISTED_USER_ID, PAGE_SIZE, TIMEOUT, put, session
from domain.session import Session
from storage.table import SessionsTable
from storage.timer_update import claim

Prepare = Callable[[SessionsTable, int], Event]
"""Stores what a call needs, unmeasured, and returns its event. The number is another every time."""


@dataclass(frozen=True)
class SampleCall:
    """A call, the function that answers it, and the status of the answer."""

    name: str
    function: str
    prepare: Prepare
    status: int = 200


def sample_calls() -> list[SampleCall]:
    """The lists come first: the table holds nothing then but a page of sessions and one more."""
    return [
        _sessions("list of a user, 50 sessions", lambda _, n: _list(n, userId=LISTED_USER_ID)),
        _sessions("list of everyone, 50 sessions", lambda _, n: _list(n)),
        _renewal("renewal", lambda: session(new_id())),
        _renewal("renewal to the maximum", lambda: session(new_id(), created=-710, expires=5)),
        SampleCall("renewal, replayed", "RenewFunction", _replayed_renewal),
        SampleCall(
            "renewal refused: not found",
            "RenewFunction",
            lambda _, n: api_events.renewal(n, new_id()),
            status=404,
        ),
        _renewal("renewal refused: expired", _expired, status=410),
        _renewal(
            "renewal refused: at the maximum",
            lambda: session(new_id(), created=-710, expires=10),
            status=422,
        ),
        _sessions("heartbeat that renews", _on(api_events.heartbeat)),
        _sessions("heartbeat without `autoRenew`", _on(api_events.heartbeat, _passive)),
        _sessions("creation", lambda _, n: api_events.creation(n), 201),
        _sessions("creation with a key", lambda _, n: api_events.creation(n, new_id()), 201),
        SampleCall("creation with a key, replayed", "SessionsFunction", _replayed_creation, 201),
        _sessions("creation refused: not valid", lambda _, n: _invalid_creation(n), 400),
        _sessions("read", _on(api_events.reading)),
        _sessions("read refused: not found", lambda _, n: api_events.reading(n, new_id()), 404),
        _sessions(
            "change of the timeout",
            _on(lambda n, session_id: api_events.timeout_change(n, session_id, 31)),
        ),
        _sessions(
            "change of the timeout to a shorter one",
            _on(lambda n, session_id: api_events.timeout_change(n, session_id, 25)),
        ),
        _sessions("deletion", _on(api_events.deletion)),
        _sessions("health check", lambda _, n: api_events.health(n)),
    ]


def put_a_page_and_one_more(table: SessionsTable) -> None:
    """Store the sessions that the lists show."""
    listed = (session(new_id()) for _ in range(PAGE_SIZE + 1))
    put(table, *(replace(each, user_id=LISTED_USER_ID) for each in listed))


def with_gateway_id(event: Event, number: int) -> Event:
    """The event with a request ID as long as API Gateway's: 15 characters and an equals sign."""
    context = event["requestContext"] | {"requestId": f"{number:015}="}
    return event | {"requestContext": context}


def new_id() -> str:
    """Another ID of a session, or another key."""
    return str(uuid.uuid4())


def _sessions(name: str, prepare: Prepare, status: int = 200) -> SampleCall:
    return SampleCall(name, "SessionsFunction", prepare, status)


def _renewal(name: str, stored: Callable[[], Session], status: int = 200) -> SampleCall:
    return SampleCall(name, "RenewFunction", _on(api_events.renewal, stored), status)


def _live() -> Session:
    return session(new_id())


def _passive() -> Session:
    return replace(_live(), timeout_config=replace(TIMEOUT, auto_renew=False))


def _expired() -> Session:
    return session(new_id(), created=-60, expires=-30)


def _on(event: Callable[[int, str], Event], stored: Callable[[], Session] = _live) -> Prepare:
    """A call on a session that is stored for it, and has a timer, as every one soon has."""

    def prepare(table: SessionsTable, number: int) -> Event:
        made = stored()
        put(table, made)
        claim(table, made.session_id, None, delivered_before=False)
        return event(number, made.session_id)

    return prepare


def _replayed_renewal(table: SessionsTable, number: int) -> Event:
    from handlers import renew  # noqa: PLC0415 - it reads the environment

    event = with_gateway_id(_on(api_events.renewal)(table, number), number)
    api_events.succeed(renew.handler, event)
    return event


def _replayed_creation(_: SessionsTable, number: int) -> Event:
    from handlers import sessions  # noqa: PLC0415 - as above

    event = api_events.creation(number, new_id())
    api_events.succeed(sessions.handler, event)
    return event


def _list(number: int, **query: str) -> Event:
    return api_events.page(number, limit=str(PAGE_SIZE), **query)


def _invalid_creation(number: int) -> Event:
    return api_events.creation(number) | {"body": "{}"}
