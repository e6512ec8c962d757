"""The errors that openapi.yaml shows are those that the API sends, word for word."""

from datetime import datetime

import pytest

from api.bad_requests import BodyTooLarge, InvalidRequest, Unauthorized, UnsupportedMediaType
from api.body import MAX_BODY_BYTES
from api.error_responses import ERRORS, INTERNAL_ERROR, Unhealthy
from domain.refusals import MaximumDurationReached, SessionExpired, SessionNotFound
from storage.faults import StorageUnavailable
from tests.support.contract import OPENAPI


def epoch_ms(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1000)


SHOWN: dict[str, Exception] = {
    "ValidationError": InvalidRequest(
        "timeoutConfig.timeoutMinutes", "a whole number from 5 to 1440"
    ),
    "Unauthorized": Unauthorized(),
    "NotFound": SessionNotFound("a-session"),
    "Expired": SessionExpired("a-session", epoch_ms("2026-01-31T11:59:59Z")),
    "MaximumReached": MaximumDurationReached("a-session", epoch_ms("2026-01-31T12:10:00Z")),
    "PayloadTooLarge": BodyTooLarge(MAX_BODY_BYTES),
    "UnsupportedMediaType": UnsupportedMediaType(),
    "Unavailable": StorageUnavailable("throttled"),
    "Unhealthy": Unhealthy("throttled", epoch_ms("2026-01-31T12:10:00Z")),
    "InternalError": ValueError("a bug"),
}
EXAMPLES = {
    name: example["value"]["error"]
    for name, example in OPENAPI["components"]["examples"].items()
    if "error" in example["value"]
}


def test_every_example_of_an_error_is_compared() -> None:
    assert EXAMPLES.keys() == SHOWN.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_is_what_the_error_is_answered(name: str) -> None:
    error = SHOWN[name]
    row = ERRORS.get(type(error), INTERNAL_ERROR)
    answered = {"code": row.code, "message": row.message(error), "details": row.details(error)}
    assert EXAMPLES[name] == answered
