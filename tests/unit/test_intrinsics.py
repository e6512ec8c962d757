"""What CloudFormation makes of the function calls of a template."""

from typing import Any

import pytest

from tests.support.intrinsics import IntrinsicError, resolve

VALUES = {("Origins", "Ref"): "a,b", ("Table", "Ref"): "sessions", ("Table", "Arn"): "arn:t/x"}
CONDITIONS = {
    "IsEmpty": {"Fn::Equals": [{"Ref": "Origins"}, ""]},
    "IsSet": {"Fn::Not": [{"Condition": "IsEmpty"}]},
}


def lookup(name: str, attribute: str) -> str:
    if (name, attribute) not in VALUES:
        raise IntrinsicError(name)
    return VALUES[name, attribute]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ({"Ref": "Table"}, "sessions"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:t/x"),
        ({"Fn::GetAtt": "Table.Arn"}, "arn:t/x"),
        ({"Fn::Split": [",", {"Ref": "Origins"}]}, ["a", "b"]),
        ({"Fn::Join": ["-", ["x", {"Ref": "Table"}]]}, "x-sessions"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", {"Fn::GetAtt": "Table.Arn"}]}]}, "x"),
        ({"Fn::Sub": "${Table} ${Table.Arn} ${!Table}"}, "sessions arn:t/x ${Table}"),
        ({"Fn::Sub": ["${Own} ${Table}", {"Own": {"Ref": "Origins"}}]}, "a,b sessions"),
        ({"Fn::If": ["IsSet", "yes", {"Ref": "Unknown"}]}, "yes"),
        ({"Fn::If": [{"Fn::And": [{"Condition": "IsSet"}, {"Condition": "IsEmpty"}]}, 1, 2]}, 2),
        ({"Fn::If": [{"Fn::Or": [{"Condition": "IsSet"}, {"Condition": "IsEmpty"}]}, 1, 2]}, 1),
    ],
)
def test_a_call_has_a_value_at_any_depth(call: Any, value: Any) -> None:
    assert resolve(call, lookup, CONDITIONS) == value
    assert resolve({"a": [{"b": call}]}, lookup, CONDITIONS) == {"a": [{"b": value}]}


def test_a_property_without_a_value_is_left_out() -> None:
    nothing = {"Ref": "AWS::NoValue"}
    node = {"a": nothing, "b": {"Fn::If": ["IsEmpty", 1, nothing]}, "c": [nothing, 1]}
    assert resolve(node, lookup, CONDITIONS) == {"c": [1]}


@pytest.mark.parametrize(
    "node",
    [
        {"Fn::ImportValue": "x"},
        {"Ref": "Unknown"},
        {"Fn::Sub": "${Unknown}"},
        {"Ref": "Table", "b": 1},
        {"Fn::Sub": ["${List}", {"List": {"Fn::Split": [",", "a,b"]}}]},
        {"Fn::Join": [",", "a text"]},
        {"Fn::Join": [",", [["a list"]]]},
        {"Fn::Select": [2, ["a", "b"]]},
        {"Fn::If": ["Unknown", 1, 2]},
        {"Fn::If": [{"Ref": "Table"}, 1, 2]},
    ],
)
def test_what_cloudformation_would_refuse_is_an_error(node: Any) -> None:
    with pytest.raises(IntrinsicError):
        resolve(node, lookup, CONDITIONS)
