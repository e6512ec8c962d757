"""The stack as the real ``sam deploy`` leaves it on the emulator, and what operators see of it."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import urllib3

from storage.table import SessionsTable
from tests.support.deployed_authorizers import create_authorizers
from tests.support.emulator import Emulator
from tests.support.intrinsics import IntrinsicError, resolve
from tests.support.queues import Queue
from tests.support.sam import Sam
from tests.support.tables import RETENTION_SECONDS

ROOT = Path(__file__).parent.parent.parent
ALIAS = "live"
FUNCTIONS = {"RenewFunction", "SessionsFunction", "ExpiryFunction", "TimerFunction"}
QUEUES = {"ExpiryDeadLetters", "TimerQueue", "TimerDeadLetters"}
"""What an earlier release may lack."""

NOTHING: Mapping[str, str] = {}

Permission = tuple[str, str]
"""An action, and the resource as its ARN ends, with logical IDs for the stack's own names."""


@dataclass(frozen=True)
class DeployedStack:
    """A stack on the emulator, by its name. Everything is looked up at the moment it is asked for.

    MiniStack 1.5.33 does not make all that the template says. Each fault is the emulator's
    CloudFormation's, and ``deploy`` makes up for those that a test depends on, over the emulator's
    own API: it ignores the ``Body`` of an HTTP API, and so the routes, their integrations, their
    authorizers and CORS.
    It ignores the table's TTL, point-in-time recovery and throughput, reserved concurrency, which
    it heeds for no version behind an alias, and the stage's limits: no test here depends on these.
    ``ministack`` says what becomes of alarms and queries.
    """

    emulator: Emulator
    sam: Sam
    name: str

    def deploy(
        self, *parameters: str, template: Path | None = None, tags: Mapping[str, str] = NOTHING
    ) -> str:
        """Run ``sam deploy`` and return what it prints.

        Each of ``parameters`` is ``Name=Value``; others keep the values that they have.
        ``template`` replaces the one that ``sam build`` left. ``tags`` are the stack's.
        """
        template_file = ["--template-file", str(template)] if template else []
        stack_tags = [f"{key}={value}" for key, value in tags.items()]
        deployment = self.sam(
            "deploy",
            *("--stack-name", self.name, "--config-file", str(ROOT / "samconfig.toml")),
            *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
            *template_file,
            *("--parameter-overrides", " ".join(parameters)),
            *(["--tags", *stack_tags] if tags else []),
            environment={
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_ENDPOINT_URL": self.emulator.endpoint,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "SAM_CLI_TELEMETRY": "0",
            },
        )
        assert deployment.returncode == 0, deployment.stdout + deployment.stderr
        self._restore_http_api()
        self._allow_http()
        return deployment.stdout

    def delete(self) -> list[Any]:
        """Delete the stack and return its events, the latest first."""
        cloudformation = self.emulator.client("cloudformation")
        stack_id = self.description["StackId"]
        cloudformation.delete_stack(StackName=stack_id)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=stack_id, WaiterConfig={"Delay": 1}
        )
        events: list[Any] = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        return events

    @property
    def description(self) -> Any:
        """What CloudFormation says of the stack."""
        cloudformation = self.emulator.client("cloudformation")
        return cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]

    @property
    def physical_ids(self) -> dict[str, str]:
        """The name or ID of each resource, by its logical ID."""
        reply = self.emulator.client("cloudformation").describe_stack_resources(StackName=self.name)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in reply["StackResources"]
        }

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, each with its ``OutputValue`` and ``Description``."""
        return {each["OutputKey"]: each for each in self.description["Outputs"]}

    @property
    def table(self) -> SessionsTable:
        """The sessions' table, past the functions."""
        name = self.physical_ids["SessionsTable"]
        return SessionsTable(self.emulator.client("dynamodb"), name, RETENTION_SECONDS)

    @property
    def stream_arn(self) -> str:
        """The stream of the sessions' table."""
        table = self.table
        description = table.client.describe_table(TableName=table.name)["Table"]
        return str(description["LatestStreamArn"])

    @property
    def dead_letters(self) -> Queue:
        """The dead letters of ExpiryFunction."""
        return self.queue("ExpiryDeadLetters")

    def queue(self, logical_id: str) -> Queue:
        """One of the stack's queues."""
        return Queue(self.emulator.client("sqs"), self.physical_ids[logical_id])

    @cached_property
    def api_url(self) -> str:
        """Where the emulator serves the API. The output ``ApiUrl`` is AWS's address of it."""
        return self.emulator.api_url(self.physical_ids["SessionsApi"])

    def request(self, method: str, path: str, **sent: Any) -> urllib3.BaseHTTPResponse:
        """What the API answers."""
        return urllib3.request(method, self.api_url + path, timeout=60, retries=False, **sent)

    def live(self, function: str) -> Any:
        """The configuration of the version behind the alias, which is what the API calls."""
        return self.emulator.client("lambda").get_function_configuration(
            FunctionName=self.physical_ids[function], Qualifier=ALIAS
        )

    def live_versions(self) -> dict[str, int]:
        """The number of the version behind the alias of each function that the stack has."""
        functions = FUNCTIONS & self.physical_ids.keys()
        return {function: int(self.live(function)["Version"]) for function in functions}

    def event_sources(self, function: str) -> list[str]:
        """The streams and queues that Lambda reads to call the version behind the alias."""
        name = f"{self.physical_ids[function]}:{ALIAS}"
        reply = self.emulator.client("lambda").list_event_source_mappings(FunctionName=name)
        return [each["EventSourceArn"] for each in reply["EventSourceMappings"]]

    def limited_routes(self) -> set[str]:
        """The routes for which the API's stage has settings. What these are, the emulator loses."""
        gateway = self.emulator.client("apigatewayv2")
        stage = gateway.get_stage(ApiId=self.physical_ids["SessionsApi"], StageName="$default")
        return set(stage["RouteSettings"])

    def invoke(self, function: str, event: object, qualifier: str = ALIAS) -> Any:
        """What the version behind the alias returns, or another one."""
        reply = self.emulator.client("lambda").invoke(
            FunctionName=self.physical_ids[function],
            Qualifier=qualifier,
            Payload=json.dumps(event),
        )
        return json.loads(reply["Payload"].read())

    def lines_with(self, log_group: str, field: str) -> list[Any]:
        """The lines with this field that a function has logged."""
        logs = self.emulator.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.physical_ids[log_group]
        )
        messages = [event["message"] for page in pages for event in page["events"]]
        lines = [json.loads(each) for each in messages if each.startswith("{")]
        return [line for line in lines if field in line]

    def permissions(self, function: str) -> set[Permission]:
        """What the function's role allows besides writing its log."""
        names = self.physical_ids
        return {
            _with_logical_ids(each, names)
            for each in _pairs(self._policy(function)["PolicyDocument"])
        }

    @contextmanager
    def without(self, function: str, permission: Permission) -> Iterator[None]:
        """Take one permission away from the function's role for as long as the context lasts."""
        iam, policy, names = self.emulator.client("iam"), self._policy(function), self.physical_ids
        own = {key: policy[key] for key in ("RoleName", "PolicyName")}
        pairs = _pairs(policy["PolicyDocument"])
        left = [each for each in pairs if _with_logical_ids(each, names) != permission]
        assert len(left) == len(pairs) - 1, f"{function} has no permission {permission}"
        if left:
            iam.put_role_policy(**own, PolicyDocument=json.dumps(_policy_document(left)))
        else:  # a policy has at least one statement
            iam.delete_role_policy(**own)
        try:
            yield
        finally:
            iam.put_role_policy(**own, PolicyDocument=json.dumps(policy["PolicyDocument"]))

    def _policy(self, function: str) -> Any:
        """The only inline policy of the function's role, besides the one for its log."""
        iam, role = self.emulator.client("iam"), self.physical_ids[f"{function}Role"]
        (name,) = {*iam.list_role_policies(RoleName=role)["PolicyNames"]} - {"log"}
        return iam.get_role_policy(RoleName=role, PolicyName=name)

    def _allow_http(self) -> None:
        """Take the policies from the queues that refuse what is not TLS: the emulator has none.

        For this one client, it stands behind a proxy that has.
        """
        sqs = boto3.client("sqs", endpoint_url=self.emulator.endpoint)
        sqs.meta.events.register("before-sign.sqs", _as_if_by_tls)
        names = self.physical_ids
        for queue in QUEUES & names.keys():
            sqs.set_queue_attributes(QueueUrl=names[queue], Attributes={"Policy": ""})

    def _restore_http_api(self) -> None:
        """Give the HTTP API the routes, the integrations and the CORS that its ``Body`` states."""
        gateway, api_id = self.emulator.client("apigatewayv2"), self.physical_ids["SessionsApi"]
        for route in gateway.get_routes(ApiId=api_id)["Items"]:
            gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
        definition = self._api_definition()
        authorization = create_authorizers(gateway, api_id, definition)
        for path, operations in definition["paths"].items():
            for method, operation in operations.items():
                stated = operation["x-amazon-apigateway-integration"]
                integration = gateway.create_integration(
                    ApiId=api_id,
                    IntegrationType=stated["type"].upper(),
                    IntegrationUri=stated["uri"],
                    PayloadFormatVersion=stated["payloadFormatVersion"],
                )
                gateway.create_route(
                    ApiId=api_id,
                    RouteKey=_route_key(method, path),
                    Target=f"integrations/{integration['IntegrationId']}",
                    **authorization(operation),
                )
        cors = definition.get("x-amazon-apigateway-cors")
        # API Gateway knows no other form of it: the API is then one that no browser may call.
        if isinstance(cors, Mapping):
            configuration = {name[0].upper() + name[1:]: value for name, value in cors.items()}
            gateway.update_api(ApiId=api_id, CorsConfiguration=configuration)

    def _api_definition(self) -> Any:
        """The OpenAPI document that SAM's transform makes, with this stack's values in it."""
        template = self.emulator.client("cloudformation").get_template(
            StackName=self.name, TemplateStage="Processed"
        )["TemplateBody"]
        parameters = self.description["Parameters"]
        values = {
            **{each["ParameterKey"]: each["ParameterValue"] for each in parameters},
            **self.physical_ids,
            "AWS::Partition": "aws",
            "AWS::Region": self.description["StackId"].split(":")[3],
            "AWS::StackName": self.name,
        }

        def value_of(name: str, attribute: str) -> str:
            if attribute != "Ref" or name not in values:
                raise IntrinsicError(f"unknown: {name}.{attribute}")
            return str(values[name])

        definition = template["Resources"]["SessionsApi"]["Properties"]["Body"]
        return resolve(definition, value_of, template.get("Conditions", {}))


def _as_if_by_tls(request: Any, **_: object) -> None:
    request.headers["X-Forwarded-Proto"] = "https"


def _route_key(method: str, path: str) -> str:
    if path == "$default":
        return path
    return f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}"


def _pairs(policy: Any) -> list[tuple[str, str]]:
    """The actions that a policy allows, each with its resource."""
    return [
        (action, resource)
        for statement in policy["Statement"]
        for action in _as_list(statement["Action"])
        for resource in _as_list(statement["Resource"])
    ]


def _policy_document(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    statements = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in pairs]
    return {"Version": "2012-10-17", "Statement": statements}


def _with_logical_ids(pair: tuple[str, str], physical_ids: Mapping[str, str]) -> Permission:
    action, arn = pair
    resource = arn.split(":", 5)[5]
    for logical, physical in physical_ids.items():
        resource = resource.replace(physical.rpartition("/")[2], logical)
    return action, resource


def _as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]
