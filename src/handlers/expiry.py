"""ExpiryFunction: publishes an event for each session that DynamoDB removed by its TTL."""

import os

from publishing.clients import eventbridge_client, sqs_client
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.expiry_publisher import expiry_handler
from publishing.message_queue import MessageQueue
from runtime.clock import epoch_ms
from runtime.settings import ExpirySettings

settings = ExpirySettings.from_environment(os.environ)
bus = EventBus(eventbridge_client(), settings.event_bus)
dead_letters = DeadLetterQueue(MessageQueue(sqs_client(), settings.dead_letter_queue_url))

handler = expiry_handler(bus, dead_letters, epoch_ms)
