"""The wall clock."""

import time

from runtime.clock import epoch_ms


def test_now_is_in_epoch_milliseconds() -> None:
    before_s, now_ms, after_s = time.time(), epoch_ms(), time.time()
    assert before_s * 1000 - 1 <= now_ms <= after_s * 1000
