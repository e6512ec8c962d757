"""What AWS gets of template.yaml: SAM's transform of it, with a value for every function call."""

import copy
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.template import Template
from tests.support.intrinsics import IntrinsicError, resolve

STACK = "session-renewal"
REGION, ACCOUNT = "eu-west-1", "123456789012"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}

PLACE = f"{REGION}:{ACCOUNT}"
FUNCTION_ARN = f"arn:aws:lambda:{PLACE}:function:"
TABLE_ARN = f"arn:aws:dynamodb:{PLACE}:table/"
PHYSICAL_VALUES: dict[str, dict[str, str]] = {
    "AWS::ApiGatewayV2::Api": {
        "Ref": "a1b2c3d4e5",
        "ApiEndpoint": f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com",
    },
    "AWS::CloudWatch::Alarm": {
        "Ref": "{name}",
        "Arn": f"arn:aws:cloudwatch:{PLACE}:alarm:{{name}}",
    },
    "AWS::CloudWatch::Dashboard": {"Ref": "{name}"},
    "AWS::CodeDeploy::Application": {"Ref": "{name}"},
    "AWS::CodeDeploy::DeploymentGroup": {"Ref": "{name}"},
    "AWS::DynamoDB::Table": {
        "Ref": "{name}",
        "Arn": TABLE_ARN + "{name}",
        "StreamArn": TABLE_ARN + "{name}/stream/{created}",
    },
    "AWS::IAM::Role": {"Ref": "{name}", "Arn": f"arn:aws:iam::{ACCOUNT}:role/{{name}}"},
    "AWS::Lambda::Alias": {"Ref": FUNCTION_ARN + "{function}:{alias}"},
    "AWS::Lambda::EventSourceMapping": {"Ref": "0e5b6a6e-2d0c-4d8b-9a55-6a1f0c1f7a11"},
    "AWS::Lambda::Function": {"Ref": "{name}", "Arn": FUNCTION_ARN + "{name}"},
    "AWS::Lambda::Version": {"Ref": FUNCTION_ARN + "{function}:7", "Version": "7"},
    "AWS::Logs::LogGroup": {"Ref": "{name}", "Arn": f"arn:aws:logs:{PLACE}:log-group:{{name}}:*"},
    "AWS::SecretsManager::Secret": {
        "Ref": f"arn:aws:secretsmanager:{PLACE}:secret:{{name}}-a1B2c3",
    },
    "AWS::SQS::Queue": {
        "Ref": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{{name}}",
        "Arn": f"arn:aws:sqs:{PLACE}:{{name}}",
        "QueueName": "{name}",
    },
}
"""What references to each type of resource give, made up in the form that AWS has."""

MAX_NAME_CHARS = {"AWS::IAM::Role": 64, "AWS::Lambda::Function": 64, "AWS::SQS::Queue": 80}
"""The types whose names CloudFormation has to shorten, since the names of stacks have up to 128."""


@dataclass(frozen=True)
class Deployment:
    """A stack of template.yaml.

    ``parameters`` are those that are not to have their defaults. ``replaced`` is a resource that
    CloudFormation has replaced since it created the stack: it has another name.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    stack: str = STACK
    replaced: str = ""

    def __post_init__(self) -> None:
        unknown = self.parameters.keys() - self.parameter_definitions.keys()
        if unknown:
            raise ValueError(f"no such parameters: {unknown}")

    @cached_property
    def resources(self) -> dict[str, Any]:
        """Every resource, resolved."""
        resources: dict[str, Any] = self._resolve(self._transformed["Resources"])
        return resources

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The values of the outputs that the stack has."""
        conditions = self._transformed["Conditions"]
        return {
            name: self._resolve(output["Value"])
            for name, output in self._transformed["Outputs"].items()
            if "Condition" not in output or self._resolve(conditions[output["Condition"]])
        }

    @property
    def parameter_definitions(self) -> dict[str, dict[str, Any]]:
        """The parameters as the template declares them."""
        definitions: dict[str, dict[str, Any]] = self._transformed["Parameters"]
        return definitions

    def properties(self, resource: str) -> dict[str, Any]:
        """The properties of one resource."""
        properties: dict[str, Any] = self.resources[resource]["Properties"]
        return properties

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of this type, by their logical IDs."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def functions(self) -> list[str]:
        """The logical IDs of the functions."""
        return list(self.of_type("AWS::Lambda::Function"))

    def environment(self, function: str) -> dict[str, str]:
        """The environment of a function."""
        environment: dict[str, str] = self.properties(function)["Environment"]["Variables"]
        return environment

    def version(self, function: str) -> tuple[str, dict[str, Any]]:
        """The logical ID of the function's published version, and the whole resource."""
        (version,) = (
            name
            for name, properties in self.of_type("AWS::Lambda::Version").items()
            if properties["FunctionName"] == self.value(function)
        )
        return version, self.resources[version]

    def statements(self, function: str, *, log: bool = False) -> list[dict[str, Any]]:
        """What the function's role allows: what its calls need or, instead, its log."""
        (role,) = (
            properties
            for name, properties in self.of_type("AWS::IAM::Role").items()
            if self.value(name, "Arn") == self.properties(function)["Role"]
        )
        return [
            statement
            for policy in role["Policies"]
            if (policy["PolicyName"] == "log") is log
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    @property
    def api_definition(self) -> dict[str, Any]:
        """The OpenAPI document that API Gateway makes the API of."""
        ((_, api),) = self.of_type("AWS::ApiGatewayV2::Api").items()
        definition: dict[str, Any] = api["Body"]
        return definition

    def routes(self) -> dict[tuple[str, str], str]:
        """The function behind each method and path."""
        aliases = {self.value(f"{name}Aliaslive"): name for name in self.functions()}
        return {
            (method.removeprefix("x-amazon-apigateway-").removesuffix("-method").upper(), path): (
                aliases[_invoked_by(operation)]
            )
            for path, operations in self.api_definition["paths"].items()
            for method, operation in operations.items()
        }

    def value(self, name: str, attribute: str = "Ref") -> Any:
        """What a reference to a parameter or a resource gives.

        Raises:
            IntrinsicError: there is none of this name, or it has no such attribute.
        """
        if name in self.parameter_definitions:
            default = self.parameter_definitions[name].get("Default")
            return str(self.parameters.get(name, default))
        if name in PSEUDO_PARAMETERS:
            return self.stack if name == "AWS::StackName" else PSEUDO_PARAMETERS[name]
        resource = self._transformed["Resources"].get(name, {})
        values = PHYSICAL_VALUES.get(resource.get("Type", ""), {})
        if attribute not in values:
            raise IntrinsicError(f"unknown: {name}.{attribute}")
        properties = resource.get("Properties", {})
        return values[attribute].format(
            name=self._physical_name(name, resource["Type"]),
            created=f"2026-01-31T12:00:0{int(name == self.replaced)}.000",
            function=self._resolve(properties.get("FunctionName")),
            alias=properties.get("Name"),
        )

    def _physical_name(self, resource: str, kind: str) -> str:
        """Made up as CloudFormation does: what has to be shortened keeps its end."""
        seed = f"{resource}{self.replaced == resource}"
        suffix = f"-{hashlib.sha256(seed.encode()).hexdigest()[:12].upper()}"
        return f"{self.stack}-{resource}"[: MAX_NAME_CHARS.get(kind, 255) - len(suffix)] + suffix

    def _resolve(self, node: Any) -> Any:
        return resolve(node, self.value, self._transformed.get("Conditions", {}))

    @property
    def _transformed(self) -> dict[str, Any]:
        return transformed(tuple(sorted(self.parameters.items())))


def _invoked_by(operation: dict[str, Any]) -> str:
    uri: str = operation["x-amazon-apigateway-integration"]["uri"]
    return uri.partition("/functions/")[2].removesuffix("/invocations")


@cache
def transformed(parameters: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of template.yaml with these parameter values."""
    return transform(Template().document, dict(parameters))


def transform(document: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of this one. Function calls are left."""
    document = copy.deepcopy(document)
    document["Globals"]["Function"]["CodeUri"] = "s3://artifacts/package"  # as `sam deploy` does
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    template: dict[str, Any] = translator.translate(document, parameters, passthrough_metadata=True)
    translator.metrics.publish()  # to nowhere: otherwise it warns that it did not
    return template


if __name__ == "__main__":
    json.dump(transformed(), sys.stdout, indent=2)
