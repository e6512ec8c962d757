"""The commands that verify and merge tables, with 10,000 items on DynamoDB Local."""

import re
from collections.abc import Sequence
from typing import Any

import boto3
import pytest

from domain.renewal import renew
from domain.session import Session
from domain.session_json import rfc3339
from recovery.__main__ import main
from recovery.pace import Pace
from storage.table import SessionsTable
from tests.support.items import having
from tests.support.sessions import NOON_MS, minutes, session
from tests.support.tables import RETENTION_SECONDS, item_with, put, put_many

pytestmark = pytest.mark.long

ITEMS = 10_000
DEFECTIVE = 3
RENEWED = 60
"""Sessions that were renewed in the old table after the restore point."""
CREATED = 40
"""Sessions that were created there after it."""
UNTOUCHED = 100
RESTORE_POINT_MS = NOON_MS - minutes(5)
FULL_SPEED = "--read-units-per-second=1000000"


@pytest.fixture(scope="module")
def endpoint(dynamodb_local_endpoint: str) -> str:
    """DynamoDB Local."""
    return dynamodb_local_endpoint


def table_without_indexes(endpoint: str, name: str) -> SessionsTable:
    """A new table. The commands read no index, and one without them is filled faster."""
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "sessionId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "sessionId", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return SessionsTable(client, name, RETENTION_SECONDS)


def named(kind: str, count: int, *, created: float = -10) -> list[Session]:
    """So many sessions, with the kind in their IDs."""
    times: Any = {"created": created, "active": created, "expires": created + 30}
    return [session(f"{kind}-{n}", **times) for n in range(count)]


def renewed(sessions: Sequence[Session]) -> list[Session]:
    """The same after a renewal at noon."""
    return [renew(each, NOON_MS, "r1").session for each in sessions]


@pytest.fixture(scope="module")
def old(endpoint: str) -> SessionsTable:
    """The table that was live: sessions of before the restore point and since, some defective."""
    table = table_without_indexes(endpoint, "old")
    others = ITEMS - RENEWED - CREATED - UNTOUCHED - DEFECTIVE
    put_many(
        table,
        [
            *renewed(named("renewed", RENEWED)),
            *named("created", CREATED, created=-2),
            *named("untouched", UNTOUCHED),
            *named("deleted", others),
        ],
    )
    for n in range(DEFECTIVE):
        put(table, {**having("metadata", {"S": "[]"}), "sessionId": {"S": f"defective-{n}"}})
    return table


@pytest.fixture(scope="module")
def restored(endpoint: str) -> SessionsTable:
    """The table as it was at the restore point; most sessions have been deleted from it."""
    table = table_without_indexes(endpoint, "restored")
    put_many(table, [*named("renewed", RENEWED), *named("untouched", UNTOUCHED)])
    return table


def test_an_interrupted_verification_goes_on_and_reads_every_item(
    old: SessionsTable, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["verify-table", "--table", old.name, FULL_SPEED]
    command += ["--endpoint-url", old.client.meta.endpoint_url]
    pauses = iter(range(4))

    def interrupt(*_: object) -> None:
        if next(pauses, None) is None:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Pace, "spend", interrupt)
        assert main(command) == 130
    first = capsys.readouterr()
    (resume,) = re.findall(r"--start-after=\S+", first.err)

    assert main([*command, resume]) == 1
    rest = capsys.readouterr()

    assert sum(int(n) for n in re.findall(r"(\d+) sessions and", first.out + rest.out)) == ITEMS
    assert sum(int(n) for n in re.findall(r"(\d+) have a def", first.out + rest.out)) == DEFECTIVE


def merge(old: SessionsTable, restored: SessionsTable, *more: str) -> int:
    """Run the command, at full speed."""
    return main(
        [
            "merge-table",
            *("--old", old.name, "--restored", restored.name),
            *("--since", rfc3339(RESTORE_POINT_MS)),
            *("--endpoint-url", old.client.meta.endpoint_url),
            *(FULL_SPEED, "--writes-per-second=1000000"),
            *more,
        ]
    )


def test_a_merge_brings_over_what_is_new_of_all_items(
    old: SessionsTable, restored: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    assert merge(old, restored, "--apply") == 1  # the defective ones are left
    lines = capsys.readouterr().out.splitlines()

    assert f"{RENEWED} items: brought up to date" in lines
    assert f"{CREATED} items: copied" in lines
    assert f"{UNTOUCHED} items: nothing new" in lines
    assert f"{DEFECTIVE} items: defective in the old table: see verify-table" in lines
    for kind, count in (("renewed", RENEWED), ("created", CREATED), ("untouched", UNTOUCHED)):
        for n in range(count):
            assert item_with(restored, f"{kind}-{n}") == item_with(old, f"{kind}-{n}")
    assert not item_with(restored, "deleted-0")
