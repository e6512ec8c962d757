"""What a request may contain, field by field, and what it means in the words of the domain."""

import re
from typing import Annotated, Any, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel

from api.bad_requests import InvalidRequest
from api.body import MAX_SHOWN_CHARS, Number, compact_json, read_object
from api.cursors import CURSOR_HINT
from api.request import Request
from domain.creation import MAX_METADATA_BYTES, CreationRequest
from domain.session import Owner
from domain.timeout import TimeoutChange, TimeoutPolicy

MAX_PAGE_SIZE = 1000
"""The most sessions on a page, and the default: the reference's own client asks for no page."""


def _int_of_number(value: object) -> object:
    """JSON has one kind of number: 30.0 is an integer."""
    if isinstance(value, Number):
        number = float(value)  # which takes any number of digits
        return int(number) if number.is_integer() else number
    return value


def _int_of_digits(value: object) -> object:
    """A query parameter is text."""
    if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,3}", value):
        return int(value)
    return value


def _within_policy(value: int, info: ValidationInfo) -> int:
    policy = cast("TimeoutPolicy", info.context)
    least, greatest = policy.ranges[str(info.field_name)]
    if not least <= value <= greatest:
        raise ValueError(f"{value} is out of range")
    return value


def _lower(uuid: str) -> str:
    return uuid.lower()


UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
Id = Annotated[str, Field(pattern=UUID), AfterValidator(_lower)]
Minutes = Annotated[int, BeforeValidator(_int_of_number), AfterValidator(_within_policy)]


class _Fields(BaseModel):
    """Fields that are omitted, or null, are ``None``. Unknown ones are ignored: they are newer."""

    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel)


class TimeoutFields(_Fields):
    """The four time limits, each of which may be omitted. A misspelt one must not be lost."""

    model_config = ConfigDict(extra="forbid")

    timeout_minutes: Minutes | None = None
    auto_renew: bool | None = None
    max_duration_minutes: Minutes | None = None
    warning_threshold_minutes: Minutes | None = None

    def change(self) -> TimeoutChange:
        """The fields in the words of the domain."""
        return TimeoutChange(**dict(self))


class CreationFields(_Fields):
    """The body of a creation, except for its metadata."""

    agent_id: Id
    user_id: Id
    timeout_config: TimeoutFields | None = None


class PageQuery(_Fields):
    """The query parameters of a list."""

    user_id: Id | None = None
    agent_id: Id | None = None
    limit: Annotated[int, BeforeValidator(_int_of_digits), Field(ge=1, le=MAX_PAGE_SIZE)] = (
        MAX_PAGE_SIZE
    )
    cursor: Annotated[str, Field(pattern="^[-_.0-9A-Za-z]+$")] | None = None

    @property
    def owner(self) -> Owner:
        """Whose sessions are listed."""
        return Owner(self.user_id, self.agent_id)


Model = TypeVar("Model", bound=_Fields)


def read_creation(request: Request, policy: TimeoutPolicy) -> CreationRequest:
    """The session that the body asks for.

    Raises:
        InvalidRequest, BodyTooLarge, UnsupportedMediaType: the body is not valid.
    """
    members = read_object(request)
    metadata_json = _read_metadata(members.pop("metadata", None))
    fields = _read(CreationFields, members, policy)
    return CreationRequest(
        agent_id=fields.agent_id,
        user_id=fields.user_id,
        metadata_json=metadata_json,
        timeout=(fields.timeout_config or TimeoutFields()).change(),
    )


def read_timeout_change(request: Request, policy: TimeoutPolicy) -> TimeoutChange:
    """The time limits that the body replaces: at least one.

    Raises:
        InvalidRequest, BodyTooLarge, UnsupportedMediaType: the body is not valid.
    """
    change = _read(TimeoutFields, read_object(request), policy).change()
    if not change.given:
        names = ", ".join(map(to_camel, TimeoutFields.model_fields))
        raise InvalidRequest("The body", f"an object with one or more of {names}")
    return change


def read_page_query(request: Request, policy: TimeoutPolicy) -> PageQuery:
    """The query parameters of a list.

    Raises:
        InvalidRequest: one is not valid.
    """
    return _read(PageQuery, dict(request.query), policy)


def _read_metadata(metadata: object) -> str:
    if metadata is None:
        return "{}"
    text = compact_json(metadata) if isinstance(metadata, dict) else ""
    if not 0 < len(text.encode()) <= MAX_METADATA_BYTES:
        raise InvalidRequest(
            "metadata", f"a JSON object of at most {MAX_METADATA_BYTES} bytes in compact UTF-8"
        )
    return text


def _read(model: type[Model], fields: dict[str, Any], policy: TimeoutPolicy) -> Model:
    try:
        return model.model_validate(fields, context=policy)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _refusal(first["type"], list(first["loc"]), policy) from None


def _refusal(kind: str, path: list[Any], policy: TimeoutPolicy) -> InvalidRequest:
    """The first error that pydantic found, in our words: which field, and what it may be."""
    field = ".".join(str(name) or '""' for name in path)[:MAX_SHOWN_CHARS]
    if kind == "extra_forbidden":
        return InvalidRequest(field, "left out: the API has no such field")
    allowed = _allowed_values(policy)[path[-1]]
    return InvalidRequest(field, f"given: {allowed}" if kind == "missing" else allowed)


def _allowed_values(policy: TimeoutPolicy) -> dict[str, str]:
    """What each field may be, in words."""
    return {
        "agentId": "a UUID",
        "userId": "a UUID",
        "timeoutConfig": "an object",
        "autoRenew": "true or false",
        "limit": f"a whole number from 1 to {MAX_PAGE_SIZE}",
        "cursor": CURSOR_HINT,
        **{
            to_camel(name): f"a whole number from {least} to {greatest}"
            for name, (least, greatest) in policy.ranges.items()
        },
    }
