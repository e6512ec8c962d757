"""A request's body: what is read of it, and why it is refused."""

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.bad_requests import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from api.body import MAX_BODY_BYTES, STRING_OR_BRACKET, compact_json, parse_object, read_object
from api.request import Request
from tests.support.sessions import NOON_MS


def read(body: str, *, is_base64: bool = False, **event: Any) -> dict[str, Any]:
    return read_object(
        Request({"body": body, "isBase64Encoded": is_base64, **event}, None, NOON_MS)
    )


def why_refused(text: str, field: str = "The body") -> str:
    with pytest.raises(InvalidRequest) as refused:
        parse_object(text)
    assert refused.value.field == field
    return refused.value.allowed


def in_base64(body: str) -> str:
    return base64.b64encode(body.encode()).decode()


def shown(text: str) -> str:
    return ascii(text)[:40]


KEPT = ["1.0", "1E400", "-0", "-0.10e+05", "9007199254740993", "1" * 5000, "true", "null", '""']
KEPT += ['"é \u2028 😀"', '"\xa0 two  spaces "', r'"\"\\\b\f\n\r\t"', r'"\\u0041"', r'"\ud83d"']
RESPELT = {
    r'"\u0041\u00e9\u007f\/"': '"Aé\x7f/"',
    r'"\u0022\u005C\u000A\u0000\u001F"': r'"\"\\\n\u0000\u001f"',
    r'"\uD83D\uDE00"': '"😀"',
    r'"\uD83D"': r'"\ud83d"',
    r'"\uDE00\uD83D"': r'"\ude00\ud83d"',
    r'"\uD83D\uD83D\uDE00\u0041"': r'"\ud83d😀A"',
    ' \t\r\n[ 1 ,\n-2 , { "a" : [ { } , [ ] ] } ] ': '[1,-2,{"a":[{},[]]}]',
    r'{ "\u0062" : 1 , "a" : "}" }': '{"b":1,"a":"}"}',
}


@pytest.mark.parametrize(
    ("sent", "kept"), [*zip(KEPT, KEPT, strict=True), *RESPELT.items()], ids=shown
)
def test_a_value_loses_only_whitespace_and_needless_escapes(sent: str, kept: str) -> None:
    text = f' {{ "before" : [ ] , "m" :{sent}, "after" : "" }}\n'
    assert compact_json(parse_object(text)) == f'{{"before":[],"m":{kept},"after":""}}'


def test_a_number_is_not_the_string_of_its_digits() -> None:
    assert compact_json(parse_object('{"a":1,"b":"1"}')) == '{"a":1,"b":"1"}'


LONE = "\ud800"
# UTF-8 cannot express a lone surrogate: it is sent escaped.
texts = st.text(st.characters(codec="utf-8") | st.just(LONE))
scalars = st.none() | st.booleans() | st.integers() | st.floats(-1e308, 1e308) | texts
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10
)
documents = st.dictionaries(texts, values, max_size=4)


def spelt(value: Any, **style: Any) -> str:
    return json.dumps(value, **style).replace(LONE, r"\ud800")


COMPACT = {"separators": (",", ":"), "ensure_ascii": False}


@given(
    document=documents,
    separators=st.sampled_from([(",", ":"), (", ", ": "), ("\t,\n", "\r : ")]),
    indent=st.sampled_from([None, 0, 3, "\t"]),
    ensure_ascii=st.booleans(),
)
def test_any_object_comes_back_equal_and_compact(document: Any, **style: Any) -> None:
    assert compact_json(read(spelt(document, **style))) == spelt(document, **COMPACT)


def is_an_object_to_python(text: str) -> bool:
    """Whether Python parses the text as an object in which no name stands twice."""

    def refuse(*_: object) -> Any:
        raise ValueError

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(pairs) if len(dict(pairs)) == len(pairs) else refuse()

    try:
        found = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except ValueError:
        return False
    return isinstance(found, dict)


PIECES = r"""{} {"a": "a": "\u0061": "b": [1, 1.5e-3 01 true nul NaN "a" \ud800 \u00"""
CHARACTERS = '{}[]:,{}:,-+.0e1"\\/x \n\t\x00\x0b\x1f\x7f\xa0\ufeff\u2028٣'
pieces = st.sampled_from([*PIECES.split(" "), *CHARACTERS])
scraps = st.lists(pieces, max_size=12).map("".join)
spoilt = st.builds(str.replace, documents.map(spelt), pieces, pieces, st.just(1))


@settings(max_examples=500)
@given(text=st.text() | scraps | scraps.map("{{{}}}".format) | spoilt)
def test_any_text_is_read_exactly_if_it_is_such_an_object(text: str) -> None:
    try:
        parse_object(text)
    except InvalidRequest:
        assert not is_an_object_to_python(text)
    else:
        assert is_an_object_to_python(text)


@pytest.mark.parametrize("text", ["", "[]", "null", '"{}"', "1", "x{}", "\ufeff{}", " \n"])
def test_what_is_no_json_object_at_all_is_said_to_be_none(text: str) -> None:
    assert why_refused(text).startswith("a JSON object")


@pytest.mark.parametrize(
    ("text", "character"),
    [('{"a" 1}', 6), ('{"a":1}}', 8), ('{"a":"\n"}', 7), ('{"a":\ufeff1}', 6)],
)
def test_a_malformed_object_is_refused_with_its_place(text: str, character: int) -> None:
    assert why_refused(text) == f"a JSON object; it is malformed at character {character}"


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_calls_a_number_is_refused(constant: str) -> None:
    assert why_refused(f'{{"a":[{constant}]}}') == f"a JSON object; {constant} is not JSON"


NESTED = {
    "objects": ('{"a":', "1", "}"),
    "arrays": ("[", "", "]"),
    "both": ('[{"a":', "1", "}]"),
}


def nested(kind: str, levels: int) -> str:
    opening, innermost, end = NESTED[kind]
    times = -(-levels // len(re.findall(r"[\[{]", opening)))
    return opening * times + innermost + end * times


@pytest.mark.parametrize("kind", NESTED)
def test_metadata_may_be_nested_100_levels_deep(kind: str) -> None:
    text = f'{{"metadata":{nested(kind, 100)}}}'
    assert compact_json(parse_object(text)) == text


@pytest.mark.parametrize("levels", [101, 102, 30_000])
@pytest.mark.parametrize("kind", NESTED)
def test_deeper_nesting_is_refused_alike_on_every_python(kind: str, levels: int) -> None:
    text = f'{{"metadata":{nested(kind, levels)}}}'
    assert why_refused(text, "metadata") == "nested at most 100 levels deep"


def test_brackets_beside_each_other_or_in_strings_are_no_levels() -> None:
    text = f'{{"a":[{",".join(["[]"] * 500)}],"b":"{"[{" * 500}","c":"\\"{"[" * 500}"}}'
    assert compact_json(parse_object(text)) == text


@pytest.mark.parametrize("piece", ["x", "\\\\", r"\"", r"\u0041", "😀", "\\", "\\u", " ", "\n"])
def test_an_endless_string_is_refused(piece: str) -> None:
    endless = f'{{"a":"{piece * (60_000 // len(piece))}'
    assert why_refused(endless).startswith("a JSON object; it is malformed at character ")


def test_an_endless_string_is_scanned_once() -> None:
    """One that is looked for again behind each of its quotes takes minutes."""
    assert STRING_OR_BRACKET.findall('"' + r"\"" * 100) == ['"' + r"\"" * 100]
    assert not re.search(r"\)[*+](?!\+)", STRING_OR_BRACKET.pattern)  # nor does a group give back


TWICE = {
    '{"a":1,"b":2,"a":1}': '"a"',
    r'{"a":1,"\u0061":2}': '"a"',
    '{"":1,"":2}': '""',
    r'{"\uD800":1,"\ud800":2}': r'"\ud800"',
    r'{"\u0022":1,"\"":2}': r'"\""',
    r'{"m":[0,[{"b":{}},{"b":{"\u0061":[],"c":0,"a":{}}}]]}': '"a"',
    f'{{"{"long" * 50}":1,"{"long" * 50}":1}}': '"' + ("long" * 50)[:99],
}


@pytest.mark.parametrize(("text", "name"), TWICE.items(), ids=shown)
def test_a_name_that_stands_twice_is_refused_at_any_depth(text: str, name: str) -> None:
    assert why_refused(text) == f"free of duplicate names: {name} stands twice"


def test_different_objects_may_share_names() -> None:
    text = '{"a":{"a":[{"a":1},{"a":2},{"b":{"a":3}}],"b":"a"},"b":{"a":1}}'
    assert compact_json(parse_object(text)) == text


JSON_TYPES = ["", "application/json", "Application/JSON", "application/json; charset=utf-8"]
JSON_TYPES += ["application/json;charset=UTF-8", ' application/json ; Charset = "Utf-8" ']
OTHER_TYPES = ["text/plain", "application/jsonp", "application/ld+json", "json"]
OTHER_TYPES += ["application/json; charset=latin-1", "application/json, text/plain"]


@pytest.mark.parametrize("media_type", JSON_TYPES)
def test_a_body_may_be_declared_as_json_in_utf_8(media_type: str) -> None:
    for header in ("content-type", "Content-Type"):
        assert read('{"a":1}', headers={header: media_type}) == {"a": "1"}


def test_a_body_need_not_be_declared() -> None:
    assert read('{"a":1}') == {"a": "1"}


@pytest.mark.parametrize("media_type", OTHER_TYPES)
def test_a_body_declared_as_anything_else_is_refused(media_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        read('{"a":1}', headers={"content-type": media_type})


def test_a_body_in_base64_is_decoded() -> None:
    assert read(in_base64('{"é":"😀"}'), is_base64=True) == {"é": "😀"}


@pytest.mark.parametrize("body", ["e", "e30", "e30=\n", "e3*=", "é", "{}", "\ud800"])
def test_a_body_that_is_not_base64_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(body, is_base64=True)
    assert (refused.value.field, refused.value.allowed) == ("The body", "text in UTF-8")


def test_a_body_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="text in UTF-8"):
        read(base64.b64encode(b'{"a":"\xff"}').decode(), is_base64=True)


@pytest.mark.parametrize("character", ["x", "é"])
@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_is_measured_in_bytes(character: str, is_base64: bool) -> None:
    size = len(character.encode())
    largest = f'{{"a":"{character * ((MAX_BODY_BYTES - 8) // size)}"}}'
    larger = largest.ljust(len(largest) + size)
    encode = in_base64 if is_base64 else str
    assert read(encode(largest), is_base64=is_base64)
    with pytest.raises(BodyTooLarge):
        read(encode(larger), is_base64=is_base64)
