"""Any sequence of calls is answered as a plain reading of the contract says, on DynamoDB Local."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    multiple,
    rule,
    run_state_machine_as_test,
)

from api.responses import Handler
from domain.session_json import rfc3339
from tests.support.api_events import LAMBDA_CONTEXT, SESSIONS, Answered, api_event
from tests.support.contract import assert_schema
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import NOON_MS, minutes
from tests.support.tables import create_table

pytestmark = pytest.mark.long

ONE = f"{SESSIONS}/{{sessionId}}"
DAY_MS = minutes(24 * 60)
AGENTS = [str(uuid.UUID(int=number)) for number in (1, 2)]
USERS = [str(uuid.UUID(int=number)) for number in (3, 4)]

keys = st.none() | st.sampled_from(["k1", "k2"])
limits = st.fixed_dictionaries(
    {},
    optional={
        "timeoutMinutes": st.integers(5, 40),
        "autoRenew": st.booleans(),
        "maxDurationMinutes": st.integers(5, 90),
        "warningThresholdMinutes": st.integers(1, 30),
    },
)
metadata = st.dictionaries(
    st.text(max_size=3), st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=2
)


@dataclass
class Kept:
    """A session, as a server that keeps its sessions in memory has it."""

    session_id: str
    agent: str
    user: str
    metadata: Any
    created: int
    config: dict[str, Any]
    active: int = field(init=False)
    renewed: int = field(init=False)
    count: int = 0
    renewals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin."""
        self.active = self.renewed = self.created

    @property
    def maximum(self) -> int:
        return self.created + minutes(self.config["maxDurationMinutes"])

    @property
    def expires(self) -> int:
        return min(self.renewed + minutes(self.config["timeoutMinutes"]), self.maximum)

    def instant(self, now: int) -> int:
        """The clocks of two servers differ: time does not run backwards for a session."""
        return max(now, self.active)

    def is_dead(self, now: int) -> bool:
        return self.instant(now) >= self.expires

    def renew(self, now: int, name: str) -> None:
        self.active = self.renewed = self.instant(now)
        self.count += 1
        self.renewals.append(name)

    def was_renewed_by(self, name: str) -> bool:
        return name in self.renewals[-32:]

    def info(self, now: int) -> dict[str, Any]:
        remaining = self.expires - self.instant(now)
        near = 0 < remaining <= minutes(self.config["warningThresholdMinutes"])
        return {
            "sessionId": self.session_id,
            "agentId": self.agent,
            "userId": self.user,
            "createdAt": rfc3339(self.created),
            "lastActivity": rfc3339(self.active),
            "expiresAt": rfc3339(self.expires),
            "metadata": self.metadata,
            "timeoutConfig": self.config,
            "renewalCount": self.count,
            "timeRemaining": remaining,
            "isNearExpiration": near,
        }


class CallSequences(RuleBasedStateMachine):
    """The API on one side, a server that keeps its sessions in memory on the other."""

    ids = Bundle("ids")
    endpoint: str

    def __init__(self) -> None:
        super().__init__()
        self.table = create_table(boto3.client("dynamodb", endpoint_url=self.endpoint))
        self.now = NOON_MS
        self.renewals = renew_function(self.table, lambda: self.now)
        self.calls = sessions_function(self.table, lambda: self.now)
        self.kept: dict[str, Kept] = {}
        self.keys: dict[tuple[str, ...], tuple[Answered, str, int]] = {}
        self.requests = 0

    def teardown(self) -> None:
        self.table.client.delete_table(TableName=self.table.name)

    def call(self, handler: Handler, method: str, path: str, **sent: Any) -> Answered:
        self.requests += 1
        event = api_event(method, path, request_id=f"request-{self.requests}", **sent)
        return Answered(handler(event, LAMBDA_CONTEXT))

    def expect(
        self, answer: Answered, session_id: str, act: Callable[[Kept], int | None] | None = None
    ) -> None:
        """Compare the answer with the memory, once ``act`` has done to it what the call does."""
        kept = self.kept.get(session_id)
        status = 404 if kept is None else 410 if kept.is_dead(self.now) else 200
        if kept is not None and status == 200 and act is not None:
            status = act(kept) or 200
        assert answer.status == status
        if kept is None or status != 200:
            assert_schema("Error", answer.body)
            return
        assert_schema("SessionInfo", answer.body)
        assert answer.body == kept.info(self.now)

    @rule(step=st.integers(-2000, 2000) | st.integers(0, minutes(30)) | st.just(DAY_MS))
    def time_passes(self, step: int) -> None:
        self.now += step

    @rule(
        target=ids,
        agent=st.sampled_from(AGENTS),
        user=st.sampled_from(USERS),
        key=keys,
        given=limits,
        content=metadata,
    )
    def create(self, agent: str, user: str, key: str | None, given: Any, content: Any) -> Any:
        body = {"agentId": agent, "userId": user, "metadata": content, "timeoutConfig": given}
        answer = self.call(self.calls, "POST", SESSIONS, body=body, key=key)
        config = {
            "timeoutMinutes": min(30, given.get("maxDurationMinutes", 30)),
            "autoRenew": True,
            "maxDurationMinutes": max(720, given.get("timeoutMinutes", 720)),
            "warningThresholdMinutes": 5,
            **given,
        }
        if config["maxDurationMinutes"] < config["timeoutMinutes"]:
            assert answer.status == 400
            return multiple()
        asked = json.dumps([content, given])
        if key is not None:
            first = self.keys.get((agent, user, key))
            if first is not None and self.now // 1000 < first[2] // 1000:
                assert answer.status == (201 if asked == first[1] else 400)
                assert answer.status == 400 or answer.body == first[0].body
                return multiple()
            self.keys[agent, user, key] = answer, asked, self.now + DAY_MS + 999
        assert answer.status == 201
        assert_schema("CreatedSession", answer.body)
        session_id = answer.body["sessionId"]
        assert session_id not in self.kept
        self.kept[session_id] = Kept(session_id, agent, user, content, self.now, config)
        return session_id

    @rule(session_id=ids, key=keys)
    def renew(self, session_id: str, key: str | None) -> None:
        answer = self.call(self.renewals, "POST", f"{ONE}/renew", session_id=session_id, key=key)

        def act(kept: Kept) -> int | None:
            name = key or f"request-{self.requests}"
            if kept.was_renewed_by(name):
                return None
            if kept.expires >= kept.maximum:
                return 422
            kept.renew(self.now, name)
            return None

        self.expect(answer, session_id, act)

    @rule(session_id=ids, key=keys)
    def heartbeat(self, session_id: str, key: str | None) -> None:
        answer = self.call(self.calls, "POST", f"{ONE}/heartbeat", session_id=session_id, key=key)

        def act(kept: Kept) -> None:
            name = key or f"request-{self.requests}"
            if kept.config["autoRenew"] and kept.was_renewed_by(name):
                return
            if kept.config["autoRenew"] and kept.expires < kept.maximum:
                kept.renew(self.now, name)
            kept.active = kept.instant(self.now)

        self.expect(answer, session_id, act)

    @rule(session_id=ids, given=limits.filter(bool))
    def change_timeout(self, session_id: str, given: Any) -> None:
        answer = self.call(self.calls, "PATCH", f"{ONE}/timeout", session_id=session_id, body=given)

        def act(kept: Kept) -> int | None:
            config = {**kept.config, **given}
            if config["maxDurationMinutes"] < config["timeoutMinutes"]:
                return 400
            kept.config = config
            return None

        self.expect(answer, session_id, act)

    @rule(session_id=ids)
    def read(self, session_id: str) -> None:
        self.expect(self.call(self.calls, "GET", ONE, session_id=session_id), session_id)

    @rule(session_id=consumes(ids))
    def delete(self, session_id: str) -> None:
        for status in (200, 404):
            answer = self.call(self.calls, "DELETE", ONE, session_id=session_id)
            assert answer.status == status
        del self.kept[session_id]
        self.renew(session_id, None)
        self.heartbeat(session_id, None)
        self.change_timeout(session_id, {"timeoutMinutes": 5})
        self.read(session_id)

    @rule(
        user=st.none() | st.sampled_from(USERS),
        agent=st.none() | st.sampled_from(AGENTS),
        limit=st.sampled_from([1, 2, 100]),
    )
    def list_all(self, user: str | None, agent: str | None, limit: int) -> None:
        query = {"limit": str(limit)}
        query |= {name: value for name, value in (("userId", user), ("agentId", agent)) if value}
        listed = []
        while True:
            page = self.call(self.calls, "GET", SESSIONS, query=query)
            assert_schema("SessionPage", page.body)
            assert page.body["total"] == len(page.body["sessions"]) <= limit
            listed += page.body["sessions"]
            if "cursor" not in page.body:
                break
            assert page.body["total"] == limit
            query["cursor"] = page.body["cursor"]
        alive = [
            each
            for each in self.kept.values()
            if not each.is_dead(self.now)
            and (user is None or each.user == user)
            and (agent is None or each.agent == agent)
        ]
        assert {each["sessionId"] for each in listed} == {each.session_id for each in alive}
        assert len(listed) == len(alive)
        for each in listed:
            assert each == self.kept[each["sessionId"]].info(self.now)
        if user is not None or agent is not None:
            created = [each["createdAt"] for each in listed]
            assert created == sorted(created, reverse=True)


def test_any_sequence_of_calls_agrees_with_a_server_in_memory(
    dynamodb_local_endpoint: str,
) -> None:
    class OnDynamoDBLocal(CallSequences):
        endpoint = dynamodb_local_endpoint

    run_state_machine_as_test(
        OnDynamoDBLocal, settings=settings(max_examples=15, stateful_step_count=40)
    )
