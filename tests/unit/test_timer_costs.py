"""What timers do for a session and what they ask of AWS, by examples computed by hand."""

from dataclasses import replace

import pytest

from pricing.platforms import idle_queue
from pricing.timer_life import EXPIRY, START, STEP, WARNING, Usual, cost_of_times
from pricing.timer_load import Load, executions_for, steps_a_second_of
from tests.support.costs import CALL, DEPLOYMENT, prices, units

# 8 writes and a request to SQS are waited for, and there is no CPU: 45 ms.
BATCH = replace(
    CALL,
    function="TimerFunction",
    times=10,
    requests={"UpdateItem": 8, "SendMessageBatch": 1},
    write_units=20,
    cpu_ms=0,
    response_bytes=0,
)
UNITS = units(**{"timer step, 10 at once": BATCH, "expiry on time, 10 at once": BATCH})
LOAD = Load(9, UNITS, DEPLOYMENT)
LEVELS = replace(DEPLOYMENT, system_log_levels={"TimerFunction": "WARN"})


def test_a_session_that_is_left_alone_is_warned_of_and_expires() -> None:
    # From 0 to 15 minutes, to the warning at 25, and to the expiry at 30.
    done = Usual(30, 5, 5, renewals=0).timers()
    assert done == {START: 1, STEP: 2, WARNING: 1, EXPIRY: 1}


def test_each_quarter_of_an_hour_of_a_renewed_session_is_a_step() -> None:
    # At 0, 15, 30 and 45 minutes; it is warned of at 55, and expires at 60.
    done = Usual(30, 5, 5, renewals=6).timers()
    assert done == {START: 1, STEP: 4, WARNING: 1, EXPIRY: 1}


def test_a_long_session_takes_four_messages_an_hour() -> None:
    assert Usual(1440, 5, 60, renewals=0).steps_an_hour() == 4


def test_a_short_session_takes_a_message_whenever_it_might_be_warned_of() -> None:
    assert Usual(5, 1, 1, renewals=0).steps_an_hour() == pytest.approx(15)


def test_a_session_without_warnings_has_none() -> None:
    assert Usual(5, 5, 1, renewals=3).timers()[WARNING] == 0


def test_a_batch_of_messages_shares_three_requests_to_sqs() -> None:
    assert BATCH.queue_requests == 3
    parts = cost_of_times({STEP: 1_000}, 10, UNITS, prices(queueRequest=1), LEVELS)
    assert parts["SQS"] == pytest.approx(300)


def test_lambda_asks_no_queue_for_what_a_stream_invokes() -> None:
    start = replace(CALL, function="ExpiryFunction", requests={"SendMessageBatch": 1})
    assert start.queue_requests == 1


def test_an_idle_queue_is_polled_five_at_a_time() -> None:
    assert idle_queue(prices(queueRequest=1)) == pytest.approx(5 * 3 * 60 * 24 * 30)


def test_a_million_sessions_take_a_message_each_in_a_quarter_of_an_hour() -> None:
    assert steps_a_second_of(900_000) == 1_000


def test_what_is_handled_at_once_follows_from_the_duration() -> None:
    # 1,000 messages are 100 batches, of 45 ms each.
    assert executions_for(900_000, UNITS, LEVELS) == pytest.approx(4.5)


def test_a_concurrency_carries_so_many_live_sessions() -> None:
    # 9 at once make 200 batches a second: 2,000 messages.
    assert LOAD.steps_a_second == pytest.approx(2_000)
    assert LOAD.live_sessions == 1_800_000


def test_sessions_that_expired_at_once_take_their_time_and_units() -> None:
    assert LOAD.seconds_to_announce(1_000_000) == pytest.approx(500)
    assert LOAD.write_units_a_second == pytest.approx(4_000)
    assert LOAD.bus_requests_a_second == pytest.approx(200)
