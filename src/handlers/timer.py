"""TimerFunction: warns of expiries and announces them on time, by the messages of a queue."""

import os

from publishing.clients import eventbridge_client, sqs_client
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.message_queue import MessageQueue
from publishing.timer_handler import timer_handler
from runtime.clock import epoch_ms
from runtime.settings import TimerSettings
from storage.table import SessionsTable, dynamodb_client

settings = TimerSettings.from_environment(os.environ)
# Nothing that a timer writes moves an item's ttl.
table = SessionsTable(dynamodb_client(), settings.sessions_table, retention_seconds=0)
bus = EventBus(eventbridge_client(), settings.event_bus)
sqs = sqs_client()
timers = MessageQueue(sqs, settings.timer_queue_url)
dead_letters = DeadLetterQueue(MessageQueue(sqs, settings.dead_letter_queue_url))

handler = timer_handler(table, bus, timers, dead_letters, epoch_ms)
