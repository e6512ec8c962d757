"""A queue's batches: what shares a request, what is sent again, and the verdict on each message."""

from collections.abc import Sequence
from typing import Any
from unittest import mock

import pytest

from publishing.clients import ATTEMPT_SECONDS
from publishing.dead_letters import MAX_BODY_BYTES, DeadLetter, DeadLetterQueue
from publishing.entry_retries import MAX_ENTRY_RETRIES
from publishing.message_queue import MAX_BYTES, MAX_MESSAGES, Message, MessageQueue, Verdict
from runtime.deadline import NO_DEADLINE, Deadline
from runtime.retries import MAX_ATTEMPTS, MAX_PAUSE_SECONDS
from tests.support.queues import Queue
from tests.support.scripted_sqs import Answer, ScriptedSqs, disconnect, fail, refuse, take

pytestmark = pytest.mark.usefixtures("pauses")

UNAVAILABLE = "SQS unavailable"
MAX_TRIES = 1 + MAX_ENTRY_RETRIES


def messages(*bodies: str) -> list[Message]:
    return [Message(body) for body in bodies]


def send(messages: Sequence[Message], *answers: Answer) -> tuple[list[str | None], ScriptedSqs]:
    """The verdicts in words, and the SQS that answered so."""
    sqs = ScriptedSqs(list(answers) or [take])
    verdicts = MessageQueue(sqs.client, "queue").send(messages, NO_DEADLINE)
    return [*map(in_words, verdicts)], sqs


def in_words(verdict: Verdict) -> str | None:
    return f"{verdict.service} unavailable" if verdict else None


def test_a_message_is_received_with_its_body_and_attributes(dead_letters: Queue) -> None:
    queue = MessageQueue(dead_letters.client, dead_letters.url)

    sent = queue.send([Message("a body", {"reason": "a reason"}), Message("another")], NO_DEADLINE)

    assert sent == [None, None]
    first, second = sorted(dead_letters.messages(), key=lambda each: each["Body"])
    assert (first["Body"], second["Body"]) == ("a body", "another")
    assert first["MessageAttributes"]["reason"]["StringValue"] == "a reason"


def test_a_delayed_message_is_hidden_at_first(dead_letters: Queue) -> None:
    queue = MessageQueue(dead_letters.client, dead_letters.url)

    queue.send([Message("now"), Message("later", delay_seconds=900)], NO_DEADLINE)

    assert [message["Body"] for message in dead_letters.messages()] == ["now"]


def test_each_message_has_its_own_delay() -> None:
    _, sqs = send([Message("a", delay_seconds=7), Message("b")])

    assert [entry["DelaySeconds"] for entry in sqs.taken] == [7, 0]


def test_no_message_makes_no_request() -> None:
    verdicts, sqs = send([])

    assert (verdicts, sqs.requests) == ([], [])


def test_messages_are_sent_ten_at_a_time_and_in_order() -> None:
    bodies = [str(number) for number in range(2 * MAX_MESSAGES + 1)]

    verdicts, sqs = send(messages(*bodies))

    assert verdicts == [None] * len(bodies)
    assert sqs.request_sizes == [MAX_MESSAGES, MAX_MESSAGES, 1]
    assert sqs.bodies == bodies


@pytest.mark.parametrize(("more_bytes", "sizes"), [(0, [2]), (1, [1, 1])])
def test_the_messages_of_a_request_have_at_most_1_mib(more_bytes: int, sizes: list[int]) -> None:
    half = MAX_BYTES // 2

    _, sqs = send(messages("x" * half, "x" * (half + more_bytes)))

    assert sqs.request_sizes == sizes


def test_each_request_is_filled_anew() -> None:
    half = "x" * (MAX_BYTES // 2)

    _, sqs = send(messages(half, half, half, half, "x"))

    assert sqs.request_sizes == [2, 2, 1]


def test_the_size_of_a_message_is_in_bytes_with_its_attributes() -> None:
    """Of an attribute, the name, the type and the value count."""
    assert Message("\u00e9", {"ab": "\u00e9"}).size_bytes == 2 + len("abString") + 2


def test_messages_refused_for_now_are_sent_again_without_the_others() -> None:
    verdicts, sqs = send(messages("a", "b", "c"), refuse("InternalError", "a", "c"), take)

    assert verdicts == [None] * 3
    assert sqs.bodies == ["b", "a", "c"]


def test_a_message_that_stays_refused_is_not_sent(pauses: list[float]) -> None:
    verdicts, sqs = send(messages("a", "b", "c"), refuse("InternalError", "b"))

    assert verdicts == [None, UNAVAILABLE, None]
    assert sqs.request_sizes == [3] + [1] * (MAX_TRIES - 1)
    assert len(pauses) == MAX_ENTRY_RETRIES
    assert all(0 <= pause <= MAX_PAUSE_SECONDS for pause in pauses)


def test_a_message_refused_for_good_is_neither_paused_for_nor_sent_again(
    pauses: list[float],
) -> None:
    refused = refuse("InvalidMessageContents", "b", senders_fault=True)

    verdicts, sqs = send(messages("a", "b", "c"), refused)

    assert verdicts == [None, UNAVAILABLE, None]
    assert (sqs.request_sizes, pauses) == ([3], [])


def test_the_verdict_names_the_code_of_the_refusal() -> None:
    sqs = ScriptedSqs([refuse("InvalidMessageContents", senders_fault=True)])

    (verdict,) = MessageQueue(sqs.client, "queue").send(messages("a"), NO_DEADLINE)

    assert verdict is not None
    assert "InvalidMessageContents" in verdict.reason


@pytest.mark.parametrize("failure", [fail, disconnect])
def test_a_request_that_fails_as_a_whole_is_sent_again(failure: Answer) -> None:
    verdicts, sqs = send(messages("a", "b"), failure, failure, take)

    assert verdicts == [None] * 2
    assert sqs.request_sizes == [2] * 3


@pytest.mark.parametrize("failure", [fail, disconnect])
def test_after_a_request_that_fails_no_other_begins(failure: Answer) -> None:
    bodies = [str(number) for number in range(2 * MAX_MESSAGES)]

    verdicts, sqs = send(messages(*bodies), failure)

    assert verdicts == [UNAVAILABLE] * len(bodies)
    assert sqs.request_sizes == [MAX_MESSAGES] * MAX_ATTEMPTS


def test_after_a_message_that_is_not_sent_no_other_request_begins() -> None:
    bodies = [str(number) for number in range(MAX_MESSAGES + 1)]

    verdicts, sqs = send(messages(*bodies), refuse("Bad", "3", senders_fault=True))

    assert [verdict is None for verdict in verdicts] == [*[True] * 3, False, *[True] * 6, False]
    assert sqs.request_sizes == [MAX_MESSAGES]


def test_a_message_is_not_sent_again_when_there_is_no_time_for_it(pauses: list[float]) -> None:
    sqs = ScriptedSqs([refuse("InternalError", "b")])

    verdicts = MessageQueue(sqs.client, "queue").send(
        messages("a", "b"), Deadline.after(ATTEMPT_SECONDS)
    )

    assert [*map(in_words, verdicts)] == [None, UNAVAILABLE]
    assert (sqs.request_sizes, pauses) == ([2], [])


def test_no_request_begins_after_the_deadline() -> None:
    sqs = ScriptedSqs()

    verdicts = MessageQueue(sqs.client, "queue").send(messages("a"), Deadline.after(0))

    assert [*map(in_words, verdicts)] == [UNAVAILABLE]
    assert sqs.requests == []


@pytest.mark.parametrize("reply", [{}, {"Successful": [{"Id": "0"}]}], ids=["empty", "too short"])
def test_a_message_of_which_the_reply_says_nothing_is_not_sent(reply: dict[str, Any]) -> None:
    """Botocore makes an empty reply of a body that it cannot parse."""
    sqs = mock.Mock()
    sqs.send_message_batch.return_value = reply

    *_, last = MessageQueue(sqs, "queue").send(messages("a", "b"), NO_DEADLINE)

    assert in_words(last) == UNAVAILABLE


def test_a_reply_of_another_shape_means_the_queue_is_unavailable() -> None:
    sqs = mock.Mock()
    sqs.send_message_batch.return_value = {"Failed": [{}]}

    verdicts = MessageQueue(sqs, "queue").send(messages("a"), NO_DEADLINE)

    assert [*map(in_words, verdicts)] == [UNAVAILABLE]


def keep(body: str, **attributes: str) -> Any:
    """The message that the letter becomes."""
    sqs = ScriptedSqs()
    queue = DeadLetterQueue(MessageQueue(sqs.client, "queue"))
    assert queue.send([DeadLetter(body, attributes)], NO_DEADLINE) == [None]
    (message,) = sqs.taken
    return message


@pytest.mark.parametrize("character", ["x", "\u00e9", "\U0001f600"])
def test_a_letter_larger_than_a_message_is_cut_between_characters(character: str) -> None:
    message = keep("-" + character * MAX_BODY_BYTES)

    fitting = (MAX_BODY_BYTES - 1) // len(character.encode())
    assert message["MessageBody"] == "-" + character * fitting
    assert message["MessageAttributes"]["cut"]["StringValue"] == "true"


def test_a_letter_that_just_fits_is_kept_whole() -> None:
    message = keep("x" * MAX_BODY_BYTES)

    assert (len(message["MessageBody"]), message["MessageAttributes"]) == (MAX_BODY_BYTES, {})


def test_a_letter_with_half_a_character_is_kept() -> None:
    """UTF-8 cannot hold it: it is escaped."""
    assert keep("a\ud800b")["MessageBody"] == "a\\ud800b"


def test_an_attribute_of_a_letter_is_plain_ascii_and_never_empty() -> None:
    """SQS refuses an empty one, and control characters."""
    attributes = keep("{}", cause="a\x00\u00e9", reason="")["MessageAttributes"]

    assert attributes["cause"]["StringValue"] == "a\\x00\\xe9"
    assert attributes["reason"]["StringValue"] == "none"
