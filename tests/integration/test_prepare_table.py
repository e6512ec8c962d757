"""The command that gives a restored table what a restore leaves out."""

from typing import Any

import pytest

from local.template import Template
from recovery.__main__ import main
from storage.table import SessionsTable
from tests.support.tables import create_table

RESTORED = "restored"
TTL_OFF = {"TimeToLiveStatus": "DISABLED"}


@pytest.fixture
def client(table_on_moto: SessionsTable) -> Any:
    """A DynamoDB with a table as a restore makes it: keys and indexes, and nothing else."""
    client = table_on_moto.client
    client.create_table(TableName=RESTORED, **Template().table_definition())
    yield client
    client.update_table(TableName=RESTORED, DeletionProtectionEnabled=False)
    client.delete_table(TableName=RESTORED)


def settings_of(client: Any, name: str = RESTORED) -> dict[str, Any]:
    """What is set on the table."""
    table = client.describe_table(TableName=name)["Table"]
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return {
        "stream": table.get("StreamSpecification"),
        "protection": table["DeletionProtectionEnabled"],
        "recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "ttl": client.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
    }


def prepare(*more: str) -> int:
    """Run the command."""
    return main(["prepare-table", "--table", RESTORED, *more])


def test_a_dry_run_shows_what_is_missing_and_sets_nothing(
    client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = settings_of(client)
    assert prepare("--with-ttl") == 0
    assert capsys.readouterr().out.splitlines() == [
        "to be set: stream",
        "to be set: deletion protection",
        "to be set: point-in-time recovery",
        "to be set: time to live",
        "No stream yet",
    ]
    assert settings_of(client) == before


def test_all_but_ttl_is_set_as_the_template_has_it(client: Any) -> None:
    prepare("--apply")
    wanted = Template().properties("SessionsTable")
    assert settings_of(client) == {
        "stream": {"StreamEnabled": True, **wanted["StreamSpecification"]},
        "protection": True,
        "recovery": "ENABLED",
        "ttl": TTL_OFF,
    }


def test_ttl_is_set_when_it_is_asked_for(client: Any) -> None:
    prepare("--apply")
    prepare("--apply", "--with-ttl")
    assert settings_of(client)["ttl"]["TimeToLiveStatus"] == "ENABLED"


def test_the_parameter_of_the_stack_is_printed(
    client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare("--apply")
    arn = client.describe_table(TableName=RESTORED)["Table"]["LatestStreamArn"]
    assert capsys.readouterr().out.splitlines()[-1] == f"AdoptedTableStreamArn={arn}"


@pytest.mark.usefixtures("client")
def test_a_second_run_finds_nothing_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    prepare("--apply", "--with-ttl")
    capsys.readouterr()
    prepare("--apply", "--with-ttl")
    assert [line.partition("=")[0] for line in capsys.readouterr().out.splitlines()] == [
        "AdoptedTableStreamArn"
    ]


def test_the_old_tables_own_tags_are_copied(client: Any) -> None:
    old = create_table(client)
    arns = [client.describe_table(TableName=n)["Table"]["TableArn"] for n in (old.name, RESTORED)]
    tags = [{"Key": "team", "Value": "chat"}, {"Key": "aws:cloudformation:x", "Value": "y"}]
    client.tag_resource(ResourceArn=arns[0], Tags=tags)
    prepare("--apply", "--tags-of", old.name)
    assert client.list_tags_of_resource(ResourceArn=arns[1])["Tags"] == tags[:1]


def test_a_table_without_the_indexes_is_refused(
    client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    client.create_table(
        TableName="bare",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "sessionId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "sessionId", "AttributeType": "S"}],
    )
    assert main(["prepare-table", "--table", "bare"]) == 2
    assert "lacks the indexes byAgent, byUser" in capsys.readouterr().err
    client.delete_table(TableName="bare")


def test_a_table_of_something_else_is_refused(
    client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    client.create_table(
        TableName="other",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    assert main(["prepare-table", "--table", "other"]) == 2
    assert "its key is not sessionId" in capsys.readouterr().err
    client.delete_table(TableName="other")
