"""A request's body: what is read of it, and why it is refused."""

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.body import TOKEN, members, read_members
from handlers.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from handlers.http import Request


def read(body: str, *, is_base64: bool = False, **event: Any) -> dict[str, str]:
    return read_members(Request({"body": body, "isBase64Encoded": is_base64, **event}, None))


def why_refused(text: str) -> str:
    with pytest.raises(InvalidRequest) as refused:
        members(text)
    assert refused.value.field == "The body"
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
def test_a_value_is_kept_but_for_spaces_and_needless_escapes(sent: str, kept: str) -> None:
    text = f' {{ "before" : [ ] , "m" :{sent}, "after" : "" }}\n'
    assert members(text) == {"before": "[]", "m": kept, "after": '""'}


def test_names_are_read_as_text() -> None:
    assert members(r'{"\u0041\/": 1, "": 2, "\ud800": 3}') == {"A/": "1", "": "2", "\ud800": "3"}
    assert members("\t\r\n{\n} ") == members("{}") == {}


@pytest.mark.parametrize(("opening", "end"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_a_value_may_be_nested_in_5000_others(opening: str, end: str) -> None:
    deep = opening * 5000 + "{}" + end * 5000
    assert members(f'{{"m":{deep}}}') == {"m": deep}


LONE = "\ud800"
# UTF-8 cannot write a lone surrogate: it comes escaped.
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
    found = read(spelt(document, **style))
    read_back = {name: json.loads(value) for name, value in found.items()}
    assert json.dumps(read_back) == json.dumps(document)  # as text: to Python, 1 is 1.0 and true
    assert found == {name: spelt(value, **COMPACT) for name, value in document.items()}


def is_an_object_without_twins_to_python(text: str) -> bool:
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
def test_any_text_is_read_if_and_only_if_python_reads_an_object_without_twins(text: str) -> None:
    try:
        members(text)
    except InvalidRequest:
        assert not is_an_object_without_twins_to_python(text)
    else:
        assert is_an_object_without_twins_to_python(text)


# In each line a right beginning, and what cannot follow it.
BROKEN = r"""
  [] "a" 1 null x{} '
{  ,} 1:2} a:1} 'a':1} {}} ] null:1} "a:1}
{"a"  } , 1 =1 "b"
{"a":  } , : ] NaN} -Infinity} +1} .5} -} True} nul} undefined} ٣} 'b'} /**/1}
{"a":  "\x"} "\u12g4"} "\u12"} "\U00000041"} "\"} "\
{"a":1  ] .} .e1} e} e+} x1} "b":2} :1} -1} {}} _000} ٣}
{"a":0  1} x1} 0}
{"a":1,  } , 1} []} {}} b:1} "b}
{"a":[  ,1]} } :
{"a":[1  }} []]} :2]}
{"a":[1,  ]} ,1]}
{"a":"b"  "c"} :1} ]
"""
BROKEN_AT = [
    (right, wrong)
    for right, _, endings in (line.partition("  ") for line in BROKEN.splitlines()[1:])
    for wrong in ["", *endings.split(" ")]
]
BROKEN_AT += [(" \n", ""), (" \n", "]"), ('{\n\t"a": 1,\n ', "}"), ("{ } ", "x")]
BROKEN_AT += [("", f"{character}{{}}") for character in "\x00\x0b\xa0\ufeff"]
BROKEN_AT += [("{}", ending) for ending in ["{}", *'},:x1"/\x00\x0b\xa0\ufeff']]
BROKEN_AT += [('{"a":', f'"{character}"}}') for character in "\x00\t\n\x1f"]


@pytest.mark.parametrize(("right", "wrong"), BROKEN_AT, ids=ascii)
def test_what_is_not_a_json_object_is_refused_where_it_breaks(right: str, wrong: str) -> None:
    place = len(right) + 1
    where = f"; it is broken at character {place}" if place > 1 else ""
    assert why_refused(right + wrong) == f"a JSON object{where}"


@pytest.mark.parametrize("piece", ["x", "\\\\", r"\"", r"\u0041", "😀", "\\", "\\u", " ", "\n"])
def test_a_string_of_60000_characters_without_an_end_is_refused(piece: str) -> None:
    endless = f'{{"a":"{piece * (60_000 // len(piece))}'
    assert why_refused(endless) == "a JSON object; it is broken at character 6"


def test_no_string_is_tried_in_more_than_one_way() -> None:
    """What a repeated group has taken, it does not give back."""
    assert not re.search(r"\)[*+](?!\+)", TOKEN.pattern)


TWINS = {
    '{"a":1,"b":2,"a":1}': '"a"',
    r'{"a":1,"\u0061":2}': '"a"',
    '{"":1,"":2}': '""',
    r'{"\uD800":1,"\ud800":2}': r'"\ud800"',
    r'{"\u0022":1,"\"":2}': r'"\""',
    r'{"m":[0,[{"b":{}},{"b":{"\u0061":[],"c":0,"a":{}}}]]}': '"a"',
    '{"m":' + "[" * 5000 + '{"a":0,"a":0': '"a"',
    f'{{"{"long" * 50}":1,"{"long" * 50}":1}}': '"' + ("long" * 50)[:99],
}


@pytest.mark.parametrize(("text", "name"), TWINS.items(), ids=shown)
def test_two_members_of_one_name_are_refused_at_any_depth(text: str, name: str) -> None:
    assert why_refused(text) == f"free of duplicate names: {name} stands twice"


def test_objects_beside_and_within_each_other_may_share_names() -> None:
    shared = '{"a":[{"a":1},{"a":2},{"b":{"a":3}}],"b":"a"}'
    assert members(f'{{"a":{shared},"b":{shared}}}') == {"a": shared, "b": shared}


JSON_TYPES = ["", "application/json", "Application/JSON", "application/json; charset=utf-8"]
JSON_TYPES += ["application/json;charset=UTF-8", ' application/json ; Charset = "Utf-8" ']
OTHER_TYPES = ["text/plain", "text/json", "application/jsonp", "application/ld+json", "json"]
OTHER_TYPES += ["application/json; charset=latin-1", "application/json; charset=utf-16"]
OTHER_TYPES += ["application/json, text/plain", "application/x-www-form-urlencoded"]


@pytest.mark.parametrize("media_type", JSON_TYPES)
def test_a_body_may_be_called_json_in_utf_8_or_nothing(media_type: str) -> None:
    for header in ("content-type", "Content-Type"):
        assert read('{"a":1}', headers={header: media_type}) == {"a": "1"}
    assert read('{"a":1}') == {"a": "1"}


@pytest.mark.parametrize("media_type", OTHER_TYPES)
def test_a_body_may_not_be_called_anything_else(media_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        read('{"a":1}', headers={"content-type": media_type})


def test_a_body_in_base64_is_read_as_what_it_encodes() -> None:
    assert read(in_base64('{"é":"😀"}'), is_base64=True) == {"é": '"😀"'}


NOT_BASE64 = ["e", "e30", "e30=\n", "e3*=", "é", "{}", "\ud800"]
NOT_UTF_8 = ["/w==", "wIA=", "7aCA", "eyJhIjoi6SJ9"]  # FF, C0 80, ED A0 80, an é in Latin-1
NOT_TEXT = [('{"a":"\ud800"}', False), *((body, True) for body in NOT_BASE64 + NOT_UTF_8)]


@pytest.mark.parametrize(("body", "is_base64"), NOT_TEXT, ids=ascii)
def test_what_is_no_text_in_utf_8_is_refused(body: str, is_base64: bool) -> None:
    with pytest.raises(InvalidRequest, match="text in UTF-8"):
        read(body, is_base64=is_base64)


@pytest.mark.parametrize("filling", ["x", "é", "😀"])
@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_may_have_65536_bytes_and_no_more(filling: str, is_base64: bool) -> None:
    value = f'"{filling * (65_528 // len(filling.encode()))}"'
    largest = f'{{"a":{value}}}'
    encoded = in_base64 if is_base64 else str
    assert len(largest.encode()) == 65_536
    assert read(encoded(largest), is_base64=is_base64) == {"a": value}
    for larger in (encoded(largest + " "), "*" * 100_000):
        with pytest.raises(BodyTooLarge) as refused:
            read(larger, is_base64=is_base64)
        assert refused.value.max_bytes == 65_536


def test_no_body_is_no_object() -> None:
    with pytest.raises(InvalidRequest, match="a JSON object"):
        read_members(Request({}, None))
