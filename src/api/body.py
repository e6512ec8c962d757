"""A request's body: a JSON object, of which nothing is lost.

The standard library's parser does the work. Its hooks keep what it would lose: numbers stay as they
are spelt, because 1E400 or 0.1000000000000000055 is no ``float``, and a name that stands twice in
an object is refused rather than dropped.
"""

import base64
import json
import re
from collections import Counter
from typing import Any, NoReturn

from api.bad_requests import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from api.request import Request
from domain.creation import MAX_METADATA_LEVELS

MAX_BODY_BYTES = 65_536
"""Room for the most metadata with every character of it escaped, but for little whitespace."""

MAX_LEVELS = 1 + MAX_METADATA_LEVELS
"""How deep a body may be nested: the metadata is one level down in it."""

MAX_SHOWN_CHARS = 100
"""The most that a response repeats of a name that the client chose."""

JSON_MEDIA_TYPE = re.compile(
    r'application/json\s*(;\s*(charset\s*=\s*(utf-8|"utf-8")\s*)?)?', re.ASCII | re.IGNORECASE
)
# An unterminated string matches to the end of the text. Otherwise, the search would go on behind
# each of its quotes, in quadratic time.
STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[][{}]', re.DOTALL)
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Number(str):
    """A JSON number as it is spelt, which is all that is known of its precision."""

    __slots__ = ()


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that the body is. Its numbers are ``Number``.

    Raises:
        UnsupportedMediaType: the request declares its body to be something else.
        BodyTooLarge: it has more bytes than any valid body.
        InvalidRequest: it is not a JSON object, has a name twice in one object, or is nested too
            deeply.
    """
    media_type = request.header("content-type")
    if media_type and not JSON_MEDIA_TYPE.fullmatch(media_type.strip()):
        raise UnsupportedMediaType
    return parse_object(_text_of(request))


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object that the text is. Its numbers are ``Number``.

    Raises:
        InvalidRequest: as for ``read_object``.
    """
    # How deep Python's own parser goes depends on its version.
    member = member_too_deep(text)
    if member is not None:
        allowed = f"nested at most {MAX_METADATA_LEVELS} levels deep"
        shown = member[1:-1] or member or "The body"
        raise InvalidRequest(shown[:MAX_SHOWN_CHARS], allowed)
    try:
        found = _parse(text)
    except json.JSONDecodeError as error:
        raise _malformed(error.pos) from None
    if not isinstance(found, dict):
        raise _malformed(0)
    return found


def compact_json(value: Any) -> str:
    """The parsed value as JSON: no whitespace, no needless escape, every number as it was spelt."""
    text = _compact(value)
    if text.isascii():
        return text
    return LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def member_too_deep(text: str) -> str | None:
    """The name, as it is spelt, of the member with which more than ``MAX_LEVELS`` levels are open.

    ``None`` if the text is nothing so deep, and empty if it is but has no members.
    """
    if text.count("[") + text.count("{") <= MAX_LEVELS:
        return None
    is_object = text.lstrip().startswith("{")
    levels, member = 0, ""
    for found in STRING_OR_BRACKET.findall(text):
        if found in "[{":
            levels += 1
            if levels > MAX_LEVELS:
                return member
        elif found in "]}":
            levels -= 1
        elif levels == 1 and is_object:
            member = found  # the last string before a value is opened is the value's name
    return None


def _text_of(request: Request) -> str:
    body, is_base64 = request.body
    # Four characters of base64 are three bytes.
    if len(body) > (MAX_BODY_BYTES * 4 // 3 + 4 if is_base64 else MAX_BODY_BYTES):
        raise BodyTooLarge(MAX_BODY_BYTES)
    try:
        raw = base64.b64decode(body, validate=True) if is_base64 else body.encode()
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge(MAX_BODY_BYTES)
        return raw.decode()
    except ValueError:  # base64's own, or the decoder's
        raise InvalidRequest("The body", "text in UTF-8") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, times in counts.items() if times > 1)
        shown = compact_json(twice)[:MAX_SHOWN_CHARS]
        raise InvalidRequest("The body", f"free of duplicate names: {shown} stands twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRequest("The body", f"a JSON object; {name} is not JSON")


_parse = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_int=Number,
    parse_float=Number,
    parse_constant=_refuse_constant,
).decode
_string = json.JSONEncoder(ensure_ascii=False).encode


def _compact(value: Any) -> str:
    match value:
        case Number():
            return value
        case str():
            return _string(value)
        case dict():
            members = [f"{_string(name)}:{_compact(each)}" for name, each in value.items()]
            return f"{{{','.join(members)}}}"
        case list():
            return f"[{','.join(map(_compact, value))}]"
        case _:
            return json.dumps(value)


def _malformed(position: int) -> InvalidRequest:
    if position == 0:
        return InvalidRequest("The body", "a JSON object")
    return InvalidRequest("The body", f"a JSON object; it is malformed at character {position + 1}")
