"""A request's body: a JSON object, read without losing anything of it.

Python's own reader would turn a number into one that is only near it, keep the last of two members
with one name, and give up on deep nesting. This one checks the text and keeps it.
"""

import base64
import json
import re
from collections.abc import Iterator

from handlers.errors import MAX_SHOWN_CHARS, BodyTooLarge, InvalidRequest, UnsupportedMediaType
from handlers.http import Request

MAX_BODY_BYTES = 65_536
"""Room for the most metadata there may be with every character of it escaped, but little space."""


JSON_MEDIA_TYPE = re.compile(
    r'application/json\s*(;\s*(charset\s*=\s*(utf-8|"utf-8")\s*)?)?', re.ASCII | re.IGNORECASE
)

TOKEN = re.compile(
    r"""(?:
        (?P<string> "(?: [^"\\\x00-\x1f]++ | \\["\\/bfnrt] | \\u[0-9a-fA-F]{4} )*+" )
      | (?P<scalar> -?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? | true | false | null )
      | (?P<mark> [][{}:,] )
    )[ \t\n\r]*""",
    re.X,
)

# What may come next: a mark as itself, ``n`` a name, ``v`` a string, a number or a literal.
VALUE = "v{["

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def read_members(request: Request) -> dict[str, str]:
    """The members of the JSON object that the body is: each value as compact JSON text.

    Raises:
        UnsupportedMediaType: the request says that its body is something else.
        BodyTooLarge: it has more bytes than any right one.
        InvalidRequest: it is not a JSON object, or one has two members of one name.
    """
    media_type = request.header("content-type")
    if media_type and not JSON_MEDIA_TYPE.fullmatch(media_type.strip()):
        raise UnsupportedMediaType
    return members(_text_of(request))


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


def members(text: str) -> dict[str, str]:
    """The members of the one JSON object in the text: each value as compact JSON text.

    Numbers stay as they are spelt; a character is escaped only where it must be.

    Raises:
        InvalidRequest: the text is not a JSON object, or has an object with a name twice.
    """
    found: dict[str, str] = {}
    name, value = "", list[str]()
    for role, spelt, depth in _parsed(text):
        if depth > 1 or (depth == 1 and role in VALUE):
            value.append(spelt)
        elif role == "n":
            name = json.loads(spelt)
        elif role in ",}" and value:
            found[name], value = "".join(value), []
    return found


def _parsed(text: str) -> Iterator[tuple[str, str, int]]:
    """The role of each token, its spelling, and how many objects and lists are around it."""
    around: list[set[str] | None] = []  # the names in each object so far; none for a list
    expected = "{"
    for kind, spelt, at in _tokens(text):
        role = spelt if kind == "mark" else "n" if "n" in expected else "v"
        if role not in expected or (role == "n" and kind != "string"):
            raise _broken(at)
        yield role, spelt, len(around)
        match role:
            case "n":
                _note(spelt, around[-1])
                expected = ":"
            case ":":
                expected = VALUE
            case ",":
                expected = VALUE if around[-1] is None else "n"
            case "{":
                around.append(set())
                expected = "n}"
            case "[":
                around.append(None)
                expected = VALUE + "]"
            case _:
                if role != "v":
                    around.pop()
                expected = "" if not around else ",]" if around[-1] is None else ",}"
    if expected:
        raise _broken(len(text))


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """The kind, the shortest spelling and the place of each token."""
    at = len(text) - len(text.lstrip(" \t\n\r"))
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise _broken(at)
        spelt = token[token.lastgroup]
        if "\\" in spelt:
            spelt = json.dumps(json.loads(spelt), ensure_ascii=False)
            spelt = LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", spelt)
        yield token.lastgroup, spelt, at
        at = token.end()


def _note(name: str, names: set[str] | None) -> None:
    if names is not None:
        if name in names:
            shown = name[:MAX_SHOWN_CHARS]
            raise InvalidRequest("The body", f"free of duplicate names: {shown} stands twice")
        names.add(name)


def _broken(at: int) -> InvalidRequest:
    if at == 0:
        return InvalidRequest("The body", "a JSON object")
    return InvalidRequest("The body", f"a JSON object; it is broken at character {at + 1}")
