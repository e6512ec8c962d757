"""What a request may hold, field by field, and what it comes to in the words of the domain."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from domain.creation import MAX_METADATA_BYTES, Creation
from domain.errors import OutOfRange
from domain.timeout import TimeoutChange, TimeoutPolicy
from handlers.body import read_members
from handlers.cursors import THE_SAME_LISTS
from handlers.errors import MAX_SHOWN_CHARS, InvalidRequest
from handlers.http import Request
from storage.listing import Owner

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 50


def _whole_number(least: int, most: int) -> str:
    return f"a whole number from {least} to {most}"


ALLOWED = {
    "agentId": "a UUID",
    "userId": "a UUID",
    "timeoutConfig": "an object",
    "autoRenew": "true or false",
    "limit": _whole_number(1, MAX_PAGE_SIZE),
    "cursor": THE_SAME_LISTS,
}
"""What each field may be, beside the policy's ranges."""

UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _whole(value: object) -> object:
    """JSON has one kind of number: 30.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Id = Annotated[str, Field(pattern=UUID)]
Minutes = Annotated[int, BeforeValidator(_whole)]


class _Fields(BaseModel):
    """A field that may be left out is none then."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel)

    @field_validator("*", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        if value is None:
            raise ValueError("null is not the same as left out")
        return value


class TimeoutFields(_Fields):
    """The four time limits, of which any may be given."""

    timeout_minutes: Minutes | None = None
    auto_renew: bool | None = None
    max_duration_minutes: Minutes | None = None
    warning_threshold_minutes: Minutes | None = None

    def change(self, policy: TimeoutPolicy, within: str = "") -> TimeoutChange:
        """The fields, which stand ``within`` another, as a change that the policy allows.

        Raises:
            InvalidRequest: one is not in its range.
        """
        change = TimeoutChange(**dict(self))
        try:
            policy.check(change)
        except OutOfRange as wrong:
            field = within + to_camel(wrong.field)
            raise InvalidRequest(field, _whole_number(wrong.least, wrong.most)) from None
        return change


class NewSession(_Fields):
    """The body of a creation, but for its metadata."""

    agent_id: Id
    user_id: Id
    timeout_config: TimeoutFields | None = None


class PageQuery(_Fields):
    """The query parameters of a list: all of them text."""

    user_id: Id | None = None
    agent_id: Id | None = None
    limit: Annotated[str, Field(pattern=r"^([1-9][0-9]?|100)$")] = str(DEFAULT_PAGE_SIZE)
    cursor: Annotated[str, Field(pattern="^[-_.0-9A-Za-z]+$")] | None = None

    @property
    def owner(self) -> Owner:
        """Whose sessions are listed."""
        return Owner(_lower(self.user_id), _lower(self.agent_id))


Model = TypeVar("Model", bound=_Fields)


def read_creation(request: Request, policy: TimeoutPolicy) -> Creation:
    """The session that the body asks for.

    Raises:
        InvalidRequest, BodyTooLarge, UnsupportedMediaType: the body is not right.
    """
    members = read_members(request)
    metadata = members.pop("metadata", "{}")
    if not metadata.startswith("{") or len(metadata.encode()) > MAX_METADATA_BYTES:
        raise InvalidRequest(
            "metadata", f"a JSON object of at most {MAX_METADATA_BYTES} bytes in compact UTF-8"
        )
    asked = _read(NewSession, _values(members), policy)
    limits = asked.timeout_config
    return Creation(
        agent_id=asked.agent_id.lower(),
        user_id=asked.user_id.lower(),
        metadata_json=metadata,
        timeout=limits.change(policy, "timeoutConfig.") if limits else TimeoutChange(),
    )


def read_timeout_change(request: Request, policy: TimeoutPolicy) -> TimeoutChange:
    """The time limits that the body replaces: at least one.

    Raises:
        InvalidRequest, BodyTooLarge, UnsupportedMediaType: the body is not right.
    """
    change = _read(TimeoutFields, _values(read_members(request)), policy).change(policy)
    if not change.given:
        raise InvalidRequest("The body", f"an object with one or more of {_names(TimeoutFields)}")
    return change


def read_page_query(request: Request, policy: TimeoutPolicy) -> PageQuery:
    """The query parameters of a list.

    Raises:
        InvalidRequest: one is not right.
    """
    return _read(PageQuery, request.query, policy)


def _values(members: Mapping[str, str]) -> Mapping[str, Any]:
    return {name: _value(text) for name, text in members.items()}


def _value(text: str) -> Any:
    """The value of a field; none, which no field may be, where it is deeper than any may be.

    pydantic's own reader names no field where it gives up: at depth, at a number of thousands of
    digits, at a lone surrogate.
    """
    try:
        return json.loads(text, parse_int=float)  # of any length; ``_whole`` makes it whole again
    except RecursionError:
        return None


def _read(model: type[Model], fields: Mapping[str, Any], policy: TimeoutPolicy) -> Model:
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _refusal(first["type"], list(first["loc"]), policy) from None


def _refusal(kind: str, place: list[Any], policy: TimeoutPolicy) -> InvalidRequest:
    """The first thing that is wrong: which field, and what it may be."""
    if not place:  # a name that is no text
        return InvalidRequest("The request", "made of the fields that the API describes")
    field = ".".join(str(name) or '""' for name in place)[:MAX_SHOWN_CHARS]
    if kind == "extra_forbidden":
        return InvalidRequest(field, "left out: the API has no such field")
    ranges = {to_camel(name): _whole_number(*limits) for name, limits in policy.ranges.items()}
    allowed = (ALLOWED | ranges)[place[-1]]
    return InvalidRequest(field, f"given: {allowed}" if kind == "missing" else allowed)


def _names(model: type[_Fields]) -> str:
    return ", ".join(to_camel(name) for name in model.model_fields)


def _lower(any_id: str | None) -> str | None:
    return None if any_id is None else any_id.lower()
