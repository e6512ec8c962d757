"""The ways of docs/access.md to say who may call the API, deployed to an emulator of AWS."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from examples.access.__main__ import FOLDER, template_with
from local.template import Template
from tests.support.api_events import SESSIONS
from tests.support.built_template import built_packages, with_packages
from tests.support.deployed_stack import DeployedStack
from tests.support.emulator import Emulator
from tests.support.sam import ARCHITECTURE, Sam

PASSWORD = "Correct-horse-1"  # noqa: S105 - of a user on the emulator
PREFLIGHT = {
    "Origin": "https://app.example.com",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/one"
TRUSTSTORE, MAX_STACK_SECONDS = "s3://certificates/issuers.pem", 60


def deployed_with(
    excerpt: str, stack: DeployedStack, built: Path, folder: Path, *parameters: str
) -> DeployedStack:
    """The stack of the template with the excerpt in it."""
    file = folder / "with-excerpt.json"
    file.write_text(json.dumps(template_with(excerpt)))
    template = with_packages(Template(file), built_packages(built), folder / "template.json")
    stack.deploy(ARCHITECTURE, *parameters, template=template)
    return stack


def stack_of(emulator: Emulator, template: str, **parameters: str) -> dict[str, str]:
    """Create a stack of one of the other templates; its outputs and physical IDs, by name."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=template,
        TemplateBody=(FOLDER / f"{template}.yaml").read_text(),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=template, WaiterConfig={"Delay": 1, "MaxAttempts": MAX_STACK_SECONDS}
    )
    (stack,) = cloudformation.describe_stacks(StackName=template)["Stacks"]
    resources = cloudformation.describe_stack_resources(StackName=template)["StackResources"]
    return {
        **{each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]},
        **{each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
    }


@pytest.fixture(scope="module")
def token(emulator: Emulator) -> tuple[str, str, str]:
    """An access token of a user pool, its issuer, and the client that it is for."""
    cognito = emulator.client("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool_id, ClientName="app", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    user = {"UserPoolId": pool_id, "Username": "ada"}
    cognito.admin_create_user(**user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
    signed_in = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
    )
    issuer = f"https://cognito-idp.{cognito.meta.region_name}.amazonaws.com/{pool_id}"
    return signed_in["AuthenticationResult"]["AccessToken"], issuer, client_id


@pytest.fixture(scope="module")
def with_jwt(
    built: Path,
    emulator: Emulator,
    sam: Sam,
    token: tuple[str, str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> DeployedStack:
    """The API with the JWT authorizer."""
    _, issuer, audience = token
    stack, folder = DeployedStack(emulator, sam, "with-jwt"), tmp_path_factory.mktemp("with-jwt")
    parameters = (f"JwtIssuer={issuer}", f"JwtAudiences=others,{audience}")
    return deployed_with("jwt", stack, built, folder, *parameters)


@pytest.fixture(scope="module")
def with_iam(
    built: Path, emulator: Emulator, sam: Sam, tmp_path_factory: pytest.TempPathFactory
) -> DeployedStack:
    """The API with IAM authorization."""
    stack, folder = DeployedStack(emulator, sam, "with-iam"), tmp_path_factory.mktemp("with-iam")
    return deployed_with("iam", stack, built, folder)


def test_a_token_opens_the_api(with_jwt: DeployedStack, token: tuple[str, str, str]) -> None:
    headers = {"Authorization": f"Bearer {token[0]}"}
    assert with_jwt.request("GET", f"{SESSIONS}/health", headers=headers).status == 200


@pytest.mark.parametrize("authorization", ["", "Bearer e30.e30.e30"])
def test_without_a_valid_token_a_call_is_401(with_jwt: DeployedStack, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    assert with_jwt.request("GET", f"{SESSIONS}/health", headers=headers).status == 401
    assert with_jwt.request("POST", f"{SESSIONS}/none/renew", headers=headers).status == 401


def signed(stack: DeployedStack, path: str) -> dict[str, str]:
    """The headers of a GET that is signed with the emulator's credentials."""
    request = AWSRequest("GET", stack.api_url + path)
    gateway = stack.emulator.client("apigatewayv2")
    credentials: Any = botocore.session.get_session().get_credentials()
    SigV4Auth(credentials, "execute-api", gateway.meta.region_name).add_auth(request)
    return dict(request.headers)


def test_a_signed_request_is_answered(with_iam: DeployedStack) -> None:
    path = f"{SESSIONS}/health"
    assert with_iam.request("GET", path, headers=signed(with_iam, path)).status == 200


def test_a_request_without_a_signature_is_403(with_iam: DeployedStack) -> None:
    assert with_iam.request("GET", f"{SESSIONS}/health").status == 403
    assert with_iam.request("POST", f"{SESSIONS}/none/renew").status == 403


@pytest.mark.parametrize("name", ["with_jwt", "with_iam"])
def test_a_preflight_is_answered_without_either(name: str, request: pytest.FixtureRequest) -> None:
    stack: DeployedStack = request.getfixturevalue(name)
    for path in (SESSIONS, f"{SESSIONS}/none/renew"):
        assert stack.request("OPTIONS", path, headers=PREFLIGHT).status == 204


@pytest.mark.parametrize("name", ["with_jwt", "with_iam"])
def test_other_methods_and_paths_are_refused_as_ever(
    name: str, request: pytest.FixtureRequest
) -> None:
    stack: DeployedStack = request.getfixturevalue(name)
    assert stack.request("PUT", f"{SESSIONS}/none").status == 405
    assert stack.request("GET", f"{SESSIONS}/none/else").status == 404


def test_a_domain_with_mutual_tls_is_mapped_to_the_api(
    emulator: Emulator, stack: DeployedStack
) -> None:
    created = stack_of(
        emulator,
        "domain",
        ApiId=stack.outputs["ApiId"]["OutputValue"],
        DomainName="sessions.example.com",
        CertificateArn=CERTIFICATE,
        TruststoreUri=TRUSTSTORE,
        TruststoreVersion="1",
    )
    gateway = emulator.client("apigatewayv2")
    domain = gateway.get_domain_name(DomainName="sessions.example.com")
    (mapping,) = gateway.get_api_mappings(DomainName="sessions.example.com")["Items"]
    assert mapping["ApiId"] == stack.physical_ids["SessionsApi"]
    assert domain["MutualTlsAuthentication"]["TruststoreUri"] == TRUSTSTORE
    assert created["ApiUrl"] == "https://sessions.example.com"


def test_cloudfront_sends_the_key_of_the_secret(emulator: Emulator) -> None:
    secret = emulator.client("secretsmanager").create_secret(Name="key", SecretString="k1")
    created = stack_of(
        emulator,
        "cloudfront",
        OriginDomainName="origin.example.com",
        OriginKeySecret=secret["ARN"],
        OriginKeyVersion=secret["VersionId"],
        DomainName="sessions.example.com",
        CertificateArn=CERTIFICATE,
    )
    distribution: Any = emulator.client("cloudfront").get_distribution_config(
        Id=created["Distribution"]
    )["DistributionConfig"]
    (origin,) = distribution["Origins"]["Items"]
    (header,) = origin["CustomHeaders"]["Items"]
    assert header == {"HeaderName": "X-API-KEY", "HeaderValue": "k1"}
    assert "/webacl/" in distribution["WebACLId"]


def test_the_stack_takes_the_key_of_the_kms_template(
    emulator: Emulator, stack: DeployedStack
) -> None:
    created = stack_of(emulator, "kms-key")
    stack.deploy(f"KmsKeyArn={created['KmsKeyArn']}")
    sqs = emulator.client("sqs")
    attributes = sqs.get_queue_attributes(
        QueueUrl=stack.dead_letters.url, AttributeNames=["KmsMasterKeyId"]
    )["Attributes"]
    assert attributes["KmsMasterKeyId"] == created["KmsKeyArn"]
