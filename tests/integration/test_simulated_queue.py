"""The queue of the simulations: held to what moto's SQS does at the same instants."""

import random
from collections.abc import Sequence

import pytest

from tests.support.moto_queue import MotoQueue, moto_by
from tests.support.sessions import NOON_MS
from tests.support.simulated_queue import QueueLimits, Record, SimulatedQueue
from tests.support.timer_world import TEMPLATE

LIMITS = QueueLimits(visibility_ms=30_000, retention_ms=300_000, max_receives=3)


def facts(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """What a function is told of each message."""
    names = ("ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SentTimestamp")
    return sorted((each["body"], *(each["attributes"][name] for name in names)) for each in records)


@pytest.mark.parametrize("seed", range(4))
def test_messages_come_when_motos_do(seed: int) -> None:
    """At most ten are visible at a time: which of more come first, SQS does not promise."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    now_ms = [NOON_MS]
    with moto_by(lambda: now_ms[0]):
        ours, motos = SimulatedQueue(lambda: now_ms[0], LIMITS), MotoQueue(LIMITS)
        for step in range(60):
            now_ms[0] += rng.choice((1_500, 7_500, 31_500)) + rng.randrange(400)
            if rng.random() < 0.2:
                entry = {"Id": "1", "MessageBody": str(step), "DelaySeconds": rng.choice((0, 90))}
                ours.send_message_batch(Entries=[entry])
                motos.send_message_batch(Entries=[entry])
                now_ms[0] += 1
            received, expected = ours.receive(), motos.receive()
            assert facts(received) == facts(expected)
            handled = [each["body"] for each in received if rng.random() < 0.3]
            ours.delete([each for each in received if each["body"] in handled])
            motos.delete([each for each in expected if each["body"] in handled])
        assert sorted(ours.dead_letters()) == sorted(motos.dead_letters())


def test_its_limits_are_those_of_the_template() -> None:
    queue = TEMPLATE.properties("TimerQueue")
    limits = QueueLimits()
    assert limits.visibility_ms == queue["VisibilityTimeout"] * 1000
    assert limits.retention_ms == queue["MessageRetentionPeriod"] * 1000
    assert limits.max_receives == queue["RedrivePolicy"]["maxReceiveCount"]
