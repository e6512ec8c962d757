"""ExpiryFunction: starts the timers of new sessions, and publishes what no timer has published."""

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
sqs = sqs_client()
timers = MessageQueue(sqs, settings.timer_queue_url)
dead_letters = DeadLetterQueue(MessageQueue(sqs, settings.dead_letter_queue_url))

handler = expiry_handler(bus, timers, dead_letters, epoch_ms)
