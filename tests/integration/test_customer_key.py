"""The customer's own KMS key: what it encrypts where it is given, and what stays as it is."""

import pytest

from tests.support.deployed_template import Deployment

KEY = "arn:aws:kms:eu-west-1:123456789012:key/6f815f63-e628-448c-8251-e40cb0d29f59"
OURS, AWSS = Deployment({"KmsKeyArn": KEY}), Deployment()


def test_the_table_is_encrypted_with_the_key() -> None:
    encryption = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert OURS.properties("SessionsTable")["SSESpecification"] == encryption
    assert AWSS.properties("SessionsTable")["SSESpecification"] == {"SSEEnabled": True}


@pytest.mark.parametrize("name", AWSS.of_type("AWS::SQS::Queue"))
def test_a_queue_is_encrypted_with_the_key(name: str) -> None:
    queue = OURS.properties(name)
    assert queue["KmsMasterKeyId"] == KEY
    assert "SqsManagedSseEnabled" not in queue  # SQS takes one or the other
    queue = AWSS.properties(name)
    assert queue["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in queue


@pytest.mark.parametrize("kind", ["AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"])
def test_logs_and_the_secret_are_encrypted_with_the_key(kind: str) -> None:
    assert {each.get("KmsKeyId") for each in OURS.of_type(kind).values()} == {KEY}
    assert {each.get("KmsKeyId") for each in AWSS.of_type(kind).values()} == {None}


def test_the_key_changes_no_function_and_no_permission() -> None:
    """The key's own policy allows its use through these services, so no role has to."""
    for kind in ("AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Lambda::Version"):
        assert OURS.of_type(kind) == AWSS.of_type(kind)
