"""What template.yaml says: the routes, the functions, their environment and the table."""

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import yaml
from moto.events.models import EventPattern

from api.responses import Handler

if TYPE_CHECKING:
    from moto.events.utils import EventMessageType
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import StreamSpecificationTypeDef

TEMPLATE_FILE = Path(__file__).parent.parent / "template.yaml"
DEFAULT_ROUTE = "$default"


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API and the function behind it, as ``module.function``."""

    method: str
    path: str
    handler: str

    @property
    def key(self) -> str:
        """The route key that API Gateway puts into the event."""
        return DEFAULT_ROUTE if self.path == DEFAULT_ROUTE else f"{self.method} {self.path}"

    def match(self, method: str, raw_path: str) -> dict[str, str] | None:
        """The decoded path parameters; ``None`` if the route does not match.

        The pattern is matched before the path is decoded, so that a parameter may hold an
        encoded slash.
        """
        if self.path == DEFAULT_ROUTE:
            return {}
        if self.method not in (method, "ANY"):
            return None
        found = self._pattern.fullmatch(raw_path)
        if found is None:
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path)))

    def load_handler(self) -> Handler:
        """The Lambda handler itself, imported as Lambda imports it."""
        module, _, name = self.handler.rpartition(".")
        handler: Handler = getattr(import_module(module), name)
        return handler


def _generality(route: Route) -> tuple[bool, int, bool]:
    return route.path == DEFAULT_ROUTE, route.path.count("{"), route.method == "ANY"


class Template:
    """template.yaml, read."""

    def __init__(self, file: Path = TEMPLATE_FILE) -> None:
        self.document: dict[str, Any] = yaml.load(
            file.read_text(),
            Loader=_CloudFormationLoader,  # noqa: S506 - it is a SafeLoader
        )
        self.resources: dict[str, Any] = self.document["Resources"]

    def properties(self, resource: str) -> dict[str, Any]:
        """The properties of one resource."""
        properties: dict[str, Any] = self.resources[resource]["Properties"]
        return properties

    def functions(self) -> list[str]:
        """The names of the functions."""
        return [
            name
            for name, resource in self.resources.items()
            if resource["Type"] == "AWS::Serverless::Function"
        ]

    def routes(self) -> list[Route]:
        """Every route, the most specific first: the first to match is API Gateway's choice."""
        routes = [
            Route(
                event["Properties"].get("Method", "ANY").upper(),
                event["Properties"].get("Path", DEFAULT_ROUTE),
                function["Handler"],
            )
            for function in map(self.properties, self.functions())
            for event in function.get("Events", {}).values()
            if event["Type"] == "HttpApi"
        ]
        return sorted(routes, key=_generality)

    def cors(self) -> dict[str, Any]:
        """The HTTP API's CORS configuration, as Starlette's CORSMiddleware takes it."""
        cors = self.properties("SessionsApi")["DefinitionBody"]["x-amazon-apigateway-cors"]
        separator, origins = cors["allowOrigins"]["Fn::Split"]
        return {
            "allow_origins": self._value(origins).split(separator),
            "allow_methods": cors["allowMethods"],
            "allow_headers": cors["allowHeaders"],
            "expose_headers": cors["exposeHeaders"],
            "max_age": cors["maxAge"],
        }

    def environment(self, *functions: str) -> dict[str, str]:
        """The environment of these functions, or of all: its constants and defaults."""
        known = {
            name: self._value(value)
            for function in functions or self.functions()
            for name, value in self.properties(function)["Environment"]["Variables"].items()
        }
        return {name: value for name, value in known.items() if value}

    def _value(self, value: Any) -> str:
        """The value itself, or the default of the parameter that it refers to; otherwise empty.

        Of a choice, it is the last: that is for a parameter that is left empty.
        """
        if not isinstance(value, dict):
            return str(value)
        if "Fn::If" in value:
            return self._value(value["Fn::If"][-1])
        parameter = self.document["Parameters"].get(value.get("Ref"), {})
        return str(parameter.get("Default", ""))

    def matches_stream_filter(self, record: dict[str, Any]) -> bool:
        """Whether the event source mapping delivers this stream record to its function."""
        # Patterns are those of EventBridge, and so are the types of their reader.
        event = cast("EventMessageType", record)
        return any(pattern.matches_event(event) for pattern in self._stream_filters)

    @cached_property
    def _stream_filters(self) -> list[EventPattern]:
        return [EventPattern.load(pattern) for pattern in self.stream_filters()]

    def stream_filters(self) -> list[str]:
        """The patterns of the event source mapping, one of which a record has to match."""
        filters = self.properties("ExpiryStream")["FilterCriteria"]["Filters"]
        chosen = [self._chosen(each) for each in filters]
        return [each["Pattern"] for each in chosen if "Pattern" in each]

    def _chosen(self, value: dict[str, Any]) -> dict[str, Any]:
        """The branch that parameters with their defaults choose, if the value is a choice."""
        if "Fn::If" not in value:
            return value
        condition, then, otherwise = value["Fn::If"]
        left, right = self.document["Conditions"][condition]["Fn::Equals"]
        branch: dict[str, Any] = then if self._value(left) == self._value(right) else otherwise
        return branch

    def table_definition(self) -> dict[str, Any]:
        """The table's keys, indexes and billing, without limits of its throughput."""
        table = self.properties("SessionsTable")
        indexes = [
            {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
            for index in table["GlobalSecondaryIndexes"]
        ]
        kept = {key: table[key] for key in ("AttributeDefinitions", "BillingMode", "KeySchema")}
        return kept | {"GlobalSecondaryIndexes": indexes}

    def create_table(
        self, client: "DynamoDBClient", name: str, *, with_stream: bool = True
    ) -> None:
        """Create the sessions' table under this name, with its TTL and its stream.

        moto keeps every record of a stream for ever: there it is better left out.
        """
        table = self.properties("SessionsTable")
        stream: StreamSpecificationTypeDef = {"StreamEnabled": with_stream}
        if with_stream:
            stream |= table["StreamSpecification"]
        client.create_table(TableName=name, StreamSpecification=stream, **self.table_definition())
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification=table["TimeToLiveSpecification"]
        )


class _CloudFormationLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags: ``!Ref x`` becomes ``{"Ref": "x"}``."""


def _read_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    else:
        raise yaml.constructor.ConstructorError(None, None, "a tag on a mapping", node.start_mark)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_CloudFormationLoader.add_multi_constructor("!", _read_tag)
