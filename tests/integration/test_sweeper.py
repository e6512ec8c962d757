"""The embedded table's stand-in for DynamoDB's TTL."""

import threading
from dataclasses import replace

from domain.session import MS_PER_SECOND
from handlers.clock import epoch_ms
from local.removals import Sweeper
from local.template import Template
from storage.expiry import expiry_of
from storage.item import number
from storage.table import SessionsTable
from tests.conftest import create_table
from tests.integration.calls import item_with, put
from tests.sessions import as_of_now, session


def test_what_is_past_its_time_to_live_is_removed_and_told_as_lambda_would_tell_it(
    table_on_moto: SessionsTable,
) -> None:
    table = replace(create_table(table_on_moto.client), retention_seconds=0)
    gone = as_of_now(session("gone", expires=-1))
    put(table, gone)
    put(table, as_of_now(session("stays", expires=1)))
    put(table, {"sessionId": {"S": "no-ttl"}})
    put(
        table,
        {
            "sessionId": {"S": "memory"},
            "createdSessionId": {"S": "gone"},
            "ttl": number(epoch_ms() // MS_PER_SECOND),
        },
    )
    sweeper = Sweeper(table.client, table.name, threading.Lock())
    through = list(filter(Template().lets_through, sweeper.records()))
    assert [expiry_of(record).session for record in through] == [gone]
    assert item_with(table, "gone") == item_with(table, "memory") == {}
    assert item_with(table, "stays") != {}
    assert item_with(table, "no-ttl") != {}
    assert sweeper.records() == []
